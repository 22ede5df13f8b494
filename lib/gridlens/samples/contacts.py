"""Service contacts: after outages, high bills, money trouble, and before leaving, buying or growing; with chance on top."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridlens.contracts.codes import SERVICE_CHANNELS
from gridlens.samples.bills import Bills
from gridlens.samples.catalogue import PRODUCTS
from gridlens.samples.dirt import Columns, Delivery, choose
from gridlens.samples.district import District
from gridlens.samples.life import CAUSES, NEVER
from gridlens.samples.lines import codes, json_lines, repeat, text
from gridlens.samples.payments import Settlement
from gridlens.samples.randomness import sigmoid
from gridlens.samples.transcripts import NAMES, TOPICS, transcripts
from gridlens.samples.world import World

_BEFORE_BUYING = {"energy_saving": "saving", "storage": "saving", "ev_charging": "charger", "pv": "pv", "substitution": "substitution"}
_KINDS = tuple(kind for kind, _ in TOPICS.values())
EVENT_DIRT = {"duplicate_row": 0.002, "unknown_code": 0.001, "wrong_date": 0.001, "missing_key": 0.0007}
"""Share of contacts with each kind of dirt."""


def surprise_by_month(d: District, bills: Bills, months: int) -> np.ndarray:
    """Logarithm of each month's bill over the account's usual one, by month of issue; (accounts, months), 0 without a bill."""
    result = np.zeros((len(d.accounts), months + 1))
    result[bills.account, bills.month + 1] = np.log(np.maximum(bills.fen, 100) / np.maximum(bills.usual_fen, 100))
    return result[:, :months]


def months_before(d: District, cause: str, months: int, world: World, lead: int) -> np.ndarray:
    """True in the ``lead`` months up to a departure of that cause; (accounts, months)."""
    leaves = np.where(d.life.cause == CAUSES.index(cause), np.minimum(d.life.leaves, len(world.days) - 1), -1)
    month = np.where(leaves >= 0, world.month_index[leaves], -99)[:, None] - np.arange(months)
    return (month >= 0) & (month < lead)


def _monthly(world: World, d: District, bills: Bills) -> dict[str, np.ndarray]:
    """Probability of a contact on each topic in each month; (accounts, months)."""
    a, months = d.accounts, world.parameters.months
    trouble, high = d.life.distress, surprise_by_month(d, bills, months)
    vocal = (0.3 + 1.4 * world.random.uniform("vocal", a.index))[:, None]
    business = ~a.household[:, None]
    outages = np.minimum(d.outages.by_month(world), 4)[None, :]
    small = np.zeros((len(a), months))
    result = {
        "fault": small + 0.004,
        "outage_complaint": vocal * 0.012 * outages,
        "bill_complaint": vocal * sigmoid(-7.0 + 4.0 * high),
        "service_complaint": vocal * 0.0012 + small,
        "bill_dispute": sigmoid(-6.4 + 3.2 * high + 0.3 * trouble + 0.4 * business),
        "tariff": small + 0.006 + 0.012 * a.thrift[:, None],
        "e_bill": small + 0.012 * a.digital[:, None],
        "paying": sigmoid(-6.3 + 1.5 * trouble),
        "moving": np.where(months_before(d, "moving", months, world, 2), 0.5, 0.0008 * a.household[:, None]),
        "closing": np.where(
            months_before(d, "shutdown", months, world, 3) | months_before(d, "relocation", months, world, 3), 0.4, 0.0008 * business
        ),
        "leaving_retail": np.where(months_before(d, "retail_switch", months, world, 3), 0.3, 0.003 * a.thrift[:, None] * business),
        "pv": np.where(months_before(d, "self_generation", months, world, 3), 0.45, 0.0012),
        "capacity": sigmoid(-7.2 + 5.0 * a.growth[:, None] + 0.8 * business + 0.0 * trouble),
        "praise": small + 0.0012,
    }
    for number, product in enumerate(PRODUCTS):
        topic = _BEFORE_BUYING.get(product.category)
        if topic is not None:
            lead = d.life.buys[:, number][:, None] - np.arange(months)
            near = np.where((lead >= 0) & (lead <= 2), 0.22, 0.0)
            interest = 0.25 * d.life.propensity[:, number][:, None]
            result[topic] = 1 - (1 - result.get(topic, small)) * (1 - near) * (1 - interest)
    return result


def _drawn(world: World, d: District, bills: Bills) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(topic, account, second since the first day) of contacts drawn month by month."""
    r, a, starts = world.random, d.accounts, world.month_starts
    months = np.arange(world.parameters.months)
    events = []
    for topic, chance in _monthly(world, d, bills).items():
        account, month = np.nonzero(r.uniform("contact/" + topic, a.index[:, None], months) < chance)
        length = (starts[month + 1] - starts[month]) * 86400
        second = starts[month] * 86400 + r.integer("contact/second/" + topic, length, a.index[account], month)
        daytime = second - second % 86400 + 8 * 3600 + (second % 86400) * 12 // 24
        events.append((topic, account, daytime))
    return events


def _after_outages(world: World, d: District) -> tuple[str, np.ndarray, np.ndarray]:
    """Calls during an outage: one account in twenty, more where it is unplanned."""
    r, a, o = world.random, d.accounts, d.outages
    chance = np.where(o.planned, 0.02, 0.06)[None, :] * (0.4 + 1.2 * r.uniform("vocal", a.index))[:, None]
    account, outage = np.nonzero(r.uniform("contact/outage", a.index[:, None], o.day) < chance)
    wait = r.integer("contact/wait", np.maximum(o.slots[outage] * 900, 1), a.index[account], o.day[outage])
    return "outage", account, o.day[outage] * 86400 + o.start[outage] * 900 + wait


def _cut_offs(world: World, d: District, bills: Bills, settlement: Settlement) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Supply cut 30 days after the due date of an unpaid bill (of 100 CNY or more), and restored on the day after payment."""
    unpaid = (
        (settlement.paid > bills.due + 30)
        & (bills.fen >= 10_000)
        & (bills.due + 30 < np.minimum(d.life.closed, len(world.days))[bills.account])
    )
    cut = np.flatnonzero(unpaid)
    back = cut[settlement.paid[cut] < NEVER]
    return [
        ("cut_off", bills.account[cut], (bills.due[cut] + 30) * 86400 + 10 * 3600),
        ("restored", bills.account[back], settlement.paid[back] * 86400 + 20 * 3600),
    ]


def contact_rows(world: World, d: District, bills: Bills, settlement: Settlement, delivery: Delivery) -> None:
    """Adds ``service_event`` as JSON lines."""
    a = d.accounts
    opened = np.flatnonzero(a.opened >= 0)
    events = [*_drawn(world, d, bills), _after_outages(world, d), *_cut_offs(world, d, bills, settlement)]
    events.append(("new_connection", opened, (a.opened[opened] - 9) * 86400 + 36000))
    topic = np.concatenate([np.full(len(account), NAMES.index(name)) for name, account, _ in events])
    account = np.concatenate([account for _, account, _ in events]).astype(np.int64)
    second = np.concatenate([second for _, _, second in events]).astype(np.int64)
    day = second // 86400
    within = (day >= 0) & (day < len(world.days)) & (day >= a.opened[account] - 10) & (day <= d.life.closed[account])
    order = np.lexsort((topic, second, account))
    order = order[within[order]]
    _write(world, d, topic[order], account[order], second[order], delivery)


def _write(world: World, d: District, topic: np.ndarray, account: np.ndarray, second: np.ndarray, delivery: Delivery) -> None:
    r, index = world.random, d.accounts.index[account]
    key = (index, second)
    kind = np.array(_KINDS)[topic]
    system = np.isin(kind, ["disconnection", "reconnection"])
    digital = d.accounts.digital[account]
    weights = np.stack(
        [
            np.full(len(index), 0.55),
            0.3 * digital,
            0.25 * digital,
            0.3 * (1 - digital),
            0.08 * digital,
            np.full(len(index), 0.03),
            np.zeros(len(index)),
        ],
        axis=-1,
    )
    channel = np.where(system, SERVICE_CHANNELS.index("system"), r.choice("contact/channel", weights, *key))
    hours = np.exp(1.2 + 1.1 * r.normal("contact/hours", *key) + 1.2 * (kind == "complaint"))
    opened = world.days[0].astype("datetime64[s]") + second.astype("timedelta64[s]")
    closed = opened + (hours * 3600).astype("timedelta64[s]")
    end = (world.days[-1] + 1).astype("datetime64[s]")
    mood = 4.6 - 1.3 * (kind == "complaint") - 0.012 * hours - 0.5 * (kind == "billing_dispute") + 0.8 * r.normal("contact/mood", *key)
    asked = (r.uniform("contact/asked", *key) < 0.4) & ~system & (closed < end)
    number = pc.binary_join_element_wise(codes("SE", index), text(second // 60), text(topic), "-")
    null = pa.scalar("null")
    columns = {
        "event_id": number,
        "account_id": codes("99", index),
        "kind": pa.array(kind.tolist(), pa.string()),
        "channel": repeat(list(SERVICE_CHANNELS), channel),
        "opened_at": text(opened),
        "closed_at": text(np.where(closed < end, closed, np.datetime64("NaT"))),
        "satisfaction": pc.if_else(pa.array(asked), text(np.clip(np.rint(mood), 1, 5).astype(int)), null),
        "transcript": transcripts(r, topic, *key),
        "received_at": text(np.where(closed < end, closed, opened) + np.timedelta64(900, "s")),
    }
    _while_open(columns, np.flatnonzero(closed < end), opened, delivery)
    spoilt = choose(r, "service_event", EVENT_DIRT, *key)
    cells = {"unknown_code": ("kind", ["gossip"]), "wrong_date": ("opened_at", ["yesterday"]), "missing_key": ("event_id", [""])}
    delivery.spoil_json(
        "service_event", columns, spoilt, key="event_id", date="opened_at", received="received_at", cells=cells, plain=("satisfaction",)
    )


def _while_open(columns: Columns, rows: np.ndarray, opened: np.ndarray, delivery: Delivery) -> None:
    """What was known of a ticket before it was closed."""
    index = pa.array(rows)
    first = {name: values.take(index) for name, values in columns.items()}
    first["closed_at"] = pa.nulls(len(rows), pa.string())
    first["satisfaction"] = pa.repeat("null", len(rows))
    first["received_at"] = text(opened[rows] + np.timedelta64(300, "s"))
    delivery.add_lines("service_event", {}, json_lines(first, ("satisfaction",)))
