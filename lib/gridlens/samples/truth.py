"""The hidden truth of a district, for tests and figures only: no job reads ``truth/``."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from gridlens.samples.accounts import FUELS, PAYERS
from gridlens.samples.archetypes import CODES, DISTRICT_KINDS
from gridlens.samples.catalogue import PRODUCTS
from gridlens.samples.dirt import Delivery
from gridlens.samples.district import District
from gridlens.samples.doubles import double_truth, doubles_of
from gridlens.samples.faults import KINDS
from gridlens.samples.identifiers import day_or_none
from gridlens.samples.life import CAUSES, NEVER
from gridlens.samples.lines import codes, fixed, repeat, text
from gridlens.samples.world import World


def truth_rows(world: World, d: District, delivery: Delivery) -> None:
    """Adds ``truth/account``, ``truth/party``, ``truth/hazard``, ``truth/purchase``, ``truth/fault`` and ``truth/transformer``."""
    a = d.accounts
    account = codes("99", a.index)
    delivery.add(
        "truth/account",
        {
            "account_id": account,
            "archetype": repeat(list(CODES), a.archetype),
            "district_kind": pa.repeat(DISTRICT_KINDS[a.kind], len(a)),
            "mean_kw": fixed(a.mean_kw, 4),
            "growth": fixed(a.growth, 4),
            "payer": repeat(list(PAYERS), a.payer),
            "fuel": repeat(list(FUELS), a.fuel),
            "digital": fixed(a.digital, 4),
            "thrift": fixed(a.thrift, 4),
            "vulnerable": fixed(a.vulnerable, 4),
            "tenant": text(a.tenant),
            "tariff_misuse": text(d.contract.misuse),
            "pv_from": day_or_none(world, np.where(d.life.pv_from < NEVER, np.maximum(d.life.pv_from, 0), NEVER)),
            "pv_kw": fixed(np.where(d.life.pv_from < NEVER, d.life.pv_kw, 0.0), 2),
            "churn_cause": repeat([*CAUSES, None], np.where(d.life.cause < 0, len(CAUSES), d.life.cause)),
            "churn_day": day_or_none(world, d.life.leaves),
            "theft_probability": fixed(d.theft_chance, 6),
        },
    )
    double_truth(a, doubles_of(world, a), delivery)
    _hazards(world, d, account, delivery)
    _purchases(d, account, delivery)
    _faults(world, d, delivery)
    if d.transformer is not None:
        number = np.array([a.district])
        delivery.add(
            "truth/transformer",
            {
                "transformer_id": codes("TR", number),
                "technical_loss": fixed(np.array([d.loss]), 5),
                "lost_kwh": fixed(d.lost_kwh[~a.dedicated].sum(keepdims=True), 3),
            },
        )


def _hazards(world: World, d: District, account: pa.Array, delivery: Delivery) -> None:
    """Money trouble and the probability of leaving, by month and cause."""
    months = world.parameters.months
    row, month = np.divmod(np.arange(len(account) * months), months)
    columns = {
        "account_id": account.take(pa.array(row)),
        "month": repeat(world.days[world.month_starts[:-1]], month),
        "distress": fixed(d.life.distress.reshape(-1), 4),
        **{f"p_{cause}": fixed(d.life.hazard[:, :, i].reshape(-1), 6) for i, cause in enumerate(CAUSES)},
    }
    delivery.add("truth/hazard", columns)


def _purchases(d: District, account: pa.Array, delivery: Delivery) -> None:
    """Every product that an account might want: its highest monthly probability, and the month of buying counted from 0."""
    row, product = np.nonzero(d.life.propensity > 0)
    month = d.life.buys[row, product]
    bought = pa.array(month, mask=month >= NEVER).cast(pa.string())
    columns = {
        "account_id": account.take(pa.array(row)),
        "product_id": repeat([p.code for p in PRODUCTS], product),
        "monthly_probability": fixed(d.life.propensity[row, product], 6),
        "month_bought": bought,
    }
    delivery.add("truth/purchase", columns)


def _faults(world: World, d: District, delivery: Delivery) -> None:
    rows = np.flatnonzero(d.faults.kind > 0)
    columns = {
        "metering_point_id": codes("PT", d.accounts.index[rows]),
        "kind": repeat(list(KINDS), d.faults.kind[rows]),
        "start": day_or_none(world, d.faults.start[rows]),
        "end": day_or_none(world, d.faults.end[rows]),
        "strength": fixed(d.faults.strength[rows], 4),
        "lost_kwh": fixed(d.lost_kwh[rows].sum(axis=1), 3),
        "inspected": day_or_none(world, d.faults.inspected[rows]),
    }
    delivery.add("truth/fault", columns)
