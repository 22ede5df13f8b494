"""Groups of peers: accounts of the same kind and place, what their usual account uses each day, and what transformers lose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.anomaly.hours import shares_of
from gridlens.anomaly.schema import struct_of
from gridlens.anomaly.weeks import DAYS, PARTS, WEEKS, Reference, reference, usual_day
from gridlens.arrow import Arrays, Ragged, map_blocks, map_rows

DIARY = "array<double>"
_LEAST_SHARE = 0.9
"""Part of the energy behind a transformer that must be known on a day for its loss to be."""
LATE = 7
"""Days by which readings may come late."""
_CLEAN = 0.2
"""Quantile of the daily loss rate that counts as technical: thefts that last a fifth of the time or less do not lift it."""
_GAIN = -0.05
"""Loss rate below which a day's readings cannot be right."""


@dataclass(frozen=True, eq=False)
class Peers:
    """The groups of peers.

    Attributes:
        names: of the groups, in order; ``peer`` is the position.
        index: energy of each group's usual account by day, 1 on its usual day. Shape (groups, DAYS), NaN where not known.
        usual: kWh of each group's usual account on its usual day. Shape (groups,).
        hours: part of the day's energy of each group's usual account by week and part of the day. Shape (groups, WEEKS, PARTS), NaN where
            nobody has curves.
    """

    names: tuple[str, ...]
    index: np.ndarray
    usual: np.ndarray
    hours: np.ndarray

    @property
    def with_curves(self) -> bool:
        """Whether anybody has curves."""
        return bool(np.isfinite(self.hours).any())

    def reference(self, peer: int, last: np.datetime64, *, back: int = 0) -> Reference:
        """What the accounts of a group are compared with, ``back`` days before ``last``."""
        return reference(self.index[peer], float(self.usual[peer]), last, back=back, hours=self.hours[peer])


def group_names(sizes: Sequence[Mapping[str, Any]], columns: Sequence[str], least: int) -> dict[tuple[str, ...], str]:
    """The group of each combination of values: its own where it has at least ``least`` accounts, else that of fewer columns.

    Args:
        sizes: rows of ``columns`` and ``accounts``.
        columns: the most general one first.
        least: accounts of a group; the group of everybody may be smaller.
    """
    counts: dict[str, int] = {}
    keys = [(values_of(row, columns), int(row["accounts"])) for row in sizes]
    for key, accounts in keys:
        for depth in range(len(columns) + 1):
            name = _joined(key[:depth])
            counts[name] = counts.get(name, 0) + accounts
    return {key: next((n for d in range(len(columns), 0, -1) if counts[n := _joined(key[:d])] >= least), _joined(())) for key, _ in keys}


def values_of(row: Mapping[str, Any], columns: Sequence[str]) -> tuple[str, ...]:
    """The row's values of ``columns`` as text."""
    return tuple(str(row[c]) for c in columns)


def _joined(values: Sequence[str]) -> str:
    return " / ".join(values) or "all"


def peer_number(groups: Mapping[tuple[str, ...], str], columns: Sequence[str], names: Sequence[str]) -> Column:
    """The position in ``names`` of each row's group."""
    number = F.lit(0)
    for key, name in groups.items():
        same = F.lit(True)
        for column, value in zip(columns, key, strict=True):
            same = same & (F.coalesce(F.col(column).cast("string"), F.lit("None")) == F.lit(value))
        number = F.when(same, F.lit(names.index(name))).otherwise(number)
    return number.cast("int")


def peers_of(rows: DataFrame, names: Sequence[str], sizes: Sequence[int], *, sample: int) -> Peers:
    """The groups' usual accounts, from at most about ``sample`` accounts each.

    Args:
        rows: account_id, peer, daily, hours.
        names, sizes: of the groups, by ``peer``.
        sample: accounts of a group that are looked at.
    """
    share = F.lit(1.0)
    for peer, size in enumerate(sizes):
        if size > sample:
            share = F.when(F.col("peer") == peer, F.lit(sample / size)).otherwise(share)
    chosen = rows.where(F.pmod(F.xxhash64(F.lit("peers"), F.col("account_id")), F.lit(1_000_000)) < share * 1_000_000)
    gathered = chosen.groupBy("peer").agg(
        *[F.flatten(F.collect_list(name)).alias(to) for name, to in (("daily", "days"), ("hours", "weeks"))]
    )
    found = map_blocks(
        gathered,
        _usual_accounts,
        schema=struct_of(peer="int", usual="double", index=DIARY, hours=DIARY),
        keep=("peer",),
        inputs=("days", "weeks"),
        ragged=("days", "weeks"),
    ).collect()  # a row a group
    index, usual = np.full((len(names), DAYS), np.nan), np.ones(len(names))
    hours = np.full((len(names), WEEKS, PARTS), np.nan)
    for row in found:
        index[row["peer"]] = [np.nan if v is None else v for v in row["index"]]
        hours[row["peer"]] = np.array([np.nan if v is None else v for v in row["hours"]]).reshape(WEEKS, PARTS)
        usual[row["peer"]] = row["usual"]
    return Peers(tuple(names), index, usual, hours)


def _usual_accounts(columns: dict[str, Any]) -> Arrays:
    parts = [usual_account(days) for days in _members(columns["days"], DAYS)]
    hours = np.stack([usual_hours(weeks).reshape(-1) for weeks in _members(columns["weeks"], WEEKS * PARTS)])
    return {"usual": np.array([usual for usual, _ in parts]), "index": np.stack([index for _, index in parts]), "hours": hours}


def usual_account(daily: np.ndarray) -> tuple[float, np.ndarray]:
    """Median of the accounts' usual days, kWh, and on each day the median of their energy against their own usual day.

    Args:
        daily: kWh. Shape (accounts, DAYS), NaN where not known.
    """
    usual = usual_day(daily)
    index = np.sort(daily / usual[:, None], axis=0)
    count = np.isfinite(index).sum(axis=0)
    last, days = np.maximum(count - 1, 0), np.arange(daily.shape[1])
    return float(np.median(usual)), (index[last // 2, days] + index[(last + 1) // 2, days]) / 2


def usual_hours(hours: np.ndarray) -> np.ndarray:
    """In each week the median over the accounts of the part of the day's energy in each part of the day, their sum made 1.

    Args:
        hours: kWh. Shape (accounts, WEEKS * PARTS), NaN where not known.

    Returns:
        Shape (WEEKS, PARTS), NaN in weeks without curves.
    """
    ordered = np.sort(shares_of(hours), axis=0)
    count = np.isfinite(ordered).sum(axis=0)
    if not len(ordered):
        return np.full((WEEKS, PARTS), np.nan)
    last = np.maximum(count - 1, 0)[None]
    middle = (np.take_along_axis(ordered, last // 2, axis=0) + np.take_along_axis(ordered, (last + 1) // 2, axis=0))[0]
    total = middle.sum(axis=1, keepdims=True)
    return np.where(total > 0, middle / np.where(total > 0, total, 1.0), np.nan)


def _members(days: Ragged, each: int) -> Iterator[np.ndarray]:
    """The (accounts, each) of each row."""
    ends = np.cumsum(days.lengths)
    for end, length in zip(ends, days.lengths, strict=True):
        yield days.values[end - length : end].reshape(-1, each)


def excess_losses(members: DataFrame, supply: DataFrame) -> DataFrame:
    """``transformer_id`` and ``excess``: what each transformer lost beyond its technical loss, kWh a day, null where not known.

    Args:
        members: transformer_id, daily: import of the accounts behind it, and export as negative energy.
        supply: transformer_id, daily: of the meter at the transformer.
    """
    gathered = members.groupBy("transformer_id").agg(F.flatten(F.collect_list("daily")).alias("days"))
    rows = gathered.join(supply.select("transformer_id", F.col("daily").alias("supply")), on="transformer_id", how="inner")
    return map_rows(rows, _excess_rows, struct_of(transformer_id="string", excess=DIARY))


def _excess_rows(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    days, supplies = (Ragged.of(batch.column(name)) for name in ("days", "supply"))
    found = [excess_loss(supply[0], members) for supply, members in zip(_members(supplies, DAYS), _members(days, DAYS), strict=True)]
    lists = pa.array([row.tolist() for row in found], type=pa.list_(pa.float64()))
    yield pa.RecordBatch.from_arrays([batch.column("transformer_id"), lists], names=["transformer_id", "excess"])


def excess_loss(supply: np.ndarray, members: np.ndarray) -> np.ndarray:
    """What is lost beyond the technical loss each day: the sum check of a transformer against its meters (台区线损).

    The technical loss is taken as the part of the supply that is lost on a good day (a low quantile of the days). Gaps of a meter are
    interpolated; where such days have more than a tenth of the energy, the day is not known. Before its first known day and after its
    last one, give or take LATE days, a meter is not there.

    Args:
        supply: kWh of each day, NaN where not known. Shape (DAYS,).
        members: the meters behind it. Shape (meters, DAYS).

    Returns:
        kWh a day, NaN where not known. Shape (DAYS,).
    """
    whole = np.stack([_without_gaps(meter) for meter in members])
    sold = whole.sum(axis=0)
    guessed = np.where(np.isfinite(members), 0.0, np.abs(whole)).sum(axis=0)
    enough = guessed <= (1 - _LEAST_SHARE) * np.abs(whole).sum(axis=0)
    loss = supply - sold
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(enough & (supply > 0), loss / supply, np.nan)
    rate = np.where(rate < _GAIN, np.nan, rate)
    told = rate[np.isfinite(rate)]
    return np.where(np.isfinite(rate), loss - np.quantile(told, _CLEAN) * supply, np.nan) if len(told) else np.full(len(supply), np.nan)


def _without_gaps(meter: np.ndarray) -> np.ndarray:
    known = np.flatnonzero(np.isfinite(meter))
    if not len(known):
        return np.zeros(len(meter))
    at = np.arange(len(meter))
    there = (at >= known[0] - LATE) & (at <= known[-1] + LATE)
    return np.where(there, np.interp(at, known, meter[known]), 0.0)
