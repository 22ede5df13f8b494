"""Where each account stands at the end of each month, from its events alone, and how many went from one stage to another."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.types import IntegerType, LongType, StructField, StructType

from gridlens.arrow import list_lengths, map_rows
from gridlens.contracts.trajectory import NO_STAGE, STAGES

NEW_DAYS = 90
"""A new account is one that has seen no more than a quarter: before, it has no habits to leave."""
SIGNAL_DAYS = 90
"""How long a signal counts: the longest lead of a signal before a departure that this window is to catch is a quarter."""
ACTS = ("login", "view", "search", "click")
"""What a customer does by itself: its activity."""
RISK_SIGNALS = ("complaint", "billing_dispute", "quote_received", "unsubscribe")
"""Dissatisfaction that was told, and a competitor's offer."""
LEAVING_PAGES = ("close_account", "transfer_ownership")
"""Pages whose view counts as asking to leave; a deployment's pages may be called otherwise. Of the accounts of the synthetic province that
closed, 146 of 211 had viewed the first in the 90 days before, of those that stayed 27 of 4,514 in 90 days (2026-11)."""
MIN_ACTS_BEFORE = 8
FALLEN_TO = 0.25
"""Activity has fallen where a quarter with at least MIN_ACTS_BEFORE acts is followed by one with at most FALLEN_TO of them: of an account
whose habits stay the same, with acts by chance (Poisson), less than one in a hundred does that."""

_EPOCH = 0
"""Before any bill."""
_NAMES = (NO_STAGE, *STAGES)
_KINDS = (
    "account_opened",
    "account_closed",
    "bill_in_arrears",
    "arrears_cleared",
    "disconnected",
    "reconnected",
    "closing_requested",
    "signal",
    "act",
)
_OPENED, _CLOSED, _ARREARS, _CLEARED, _OFF, _ON, _ASKED, _SIGNAL, _ACT = range(len(_KINDS))
_COUNTS = StructType(
    [
        StructField("month", IntegerType(), False),
        StructField("from", IntegerType(), False),
        StructField("to", IntegerType(), False),
        StructField("accounts", LongType(), False),
    ]
)


@dataclass(frozen=True, eq=False)
class Happenings:
    """The events of a batch of accounts that stages depend on, in order of time account by account.

    Attributes:
        row: index of the account. Shape (events,).
        day: days since the epoch. Shape (events,).
        kind: index in the kinds that count. Shape (events,).
        rows: number of accounts.
    """

    row: np.ndarray
    day: np.ndarray
    kind: np.ndarray
    rows: int

    def counted(self, kind: int, first: int, last: int) -> np.ndarray:
        """Events of a kind between two days, both included, by account."""
        chosen = (self.kind == kind) & (self.day >= first) & (self.day <= last)
        return np.bincount(self.row[chosen], minlength=self.rows)

    def last(self, kind: int, day: int) -> np.ndarray:
        """Place of the last event of a kind up to a day, -1 where there is none."""
        chosen = np.flatnonzero((self.kind == kind) & (self.day <= day))
        place = np.full(self.rows, -1)
        place[self.row[chosen]] = chosen  # in order of time, so that the last one stays
        return place

    def first_day(self, kind: int) -> np.ndarray:
        """Day of the first event of a kind, far in the future where there is none."""
        chosen = np.flatnonzero(self.kind == kind)[::-1]
        day = np.full(self.rows, np.iinfo(np.int64).max)
        day[self.row[chosen]] = self.day[chosen]
        return day


def stages(happened: Happenings, day: int) -> np.ndarray:
    """Stage of each account at the end of a day, as index in (none, new, active, at_risk, in_arrears, leaving, closed).

    The first that applies: none (not opened yet); closed; leaving: the customer asked to be disconnected, or looked at how to close or
    hand over the account, in the last SIGNAL_DAYS, or its supply is off without arrears; in_arrears: a bill is in arrears, supply
    cut or not; at_risk: a signal in the last SIGNAL_DAYS, or activity has fallen; new: open for at most NEW_DAYS; active.

    Args:
        happened: the accounts' events, later ones too.
        day: days since the epoch.
    """
    opened, recent = happened.first_day(_OPENED), day - SIGNAL_DAYS + 1
    owes = happened.counted(_ARREARS, _EPOCH, day) > happened.counted(_CLEARED, _EPOCH, day)
    off = happened.last(_OFF, day) > happened.last(_ON, day)
    asked = happened.counted(_ASKED, recent, day) > 0
    now, before = happened.counted(_ACT, recent, day), happened.counted(_ACT, recent - SIGNAL_DAYS, recent - 1)
    fallen = (before >= MIN_ACTS_BEFORE) & (now <= FALLEN_TO * before)
    conditions = {
        NO_STAGE: opened > day,
        "closed": happened.first_day(_CLOSED) <= day,
        "leaving": asked | (off & ~owes),
        "in_arrears": owes,
        "at_risk": fallen | (happened.counted(_SIGNAL, recent, day) > 0),
        "new": day - opened <= NEW_DAYS,
    }
    return np.select(list(conditions.values()), [_NAMES.index(name) for name in conditions], _NAMES.index("active"))


def month_ends(as_of: dt.date, months: int) -> list[dt.date]:
    """The last ``months`` ends of months up to ``as_of``, in order."""
    after = (as_of + dt.timedelta(days=1)).replace(day=1)
    ends = []
    for _ in range(months):
        ends.append(after - dt.timedelta(days=1))
        after = ends[-1].replace(day=1)
    return ends[::-1]


def stage_transitions(events: DataFrame, *, as_of: dt.date, months: int) -> DataFrame:
    """Columns of stage_transition_v1 without its moments: of each of the last ``months`` whole months who went from where to where.

    Args:
        events: rows of trajectory_v1.
        as_of: last local day included.
        months: number of months.
    """
    ends = month_ends(as_of, months + 1)
    epoch = dt.date(1970, 1, 1)
    days = [(end - epoch).days for end in ends]

    def count(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        yield _counted(batch, days)

    counted = map_rows(_happenings(events), count, _COUNTS)
    names = F.array(*[F.lit(name) for name in _NAMES])
    firsts = F.array(*[F.lit(end.replace(day=1)) for end in ends])
    summed = counted.groupBy("month", "from", "to").agg(F.sum("accounts").alias("accounts"))
    whole = F.sum("accounts").over(Window.partitionBy("month", "from"))
    return summed.select(
        F.get(firsts, F.col("month")).alias("local_month"),
        F.get(names, F.col("from")).alias("from_stage"),
        F.get(names, F.col("to")).alias("to_stage"),
        "accounts",
        (F.col("accounts") / whole).alias("share"),
    )


def _happenings(events: DataFrame) -> DataFrame:
    """Days and kinds of each account's events that count, in order of time."""
    act = F.col("event_type").isin(*ACTS)
    signal = F.when(F.col("event_type").isin(*RISK_SIGNALS), F.lit("signal"))
    asked = F.when(act & F.col("object").isin(*LEAVING_PAGES), F.lit("closing_requested"))
    name = F.when(act, "act").otherwise(F.col("event_type"))
    known = F.array(*[F.lit(kind) for kind in _KINDS])
    row = F.struct("occurred_at", "source_id", F.unix_date("local_date").alias("day"))
    kinds = F.array_compact(F.array(signal, asked, name))
    told = events.withColumn("_kinds", F.filter(kinds, lambda kind: F.array_contains(known, kind))).where(F.size("_kinds") > 0)
    entry = F.struct(row.alias("at"), F.transform("_kinds", lambda kind: F.array_position(known, kind).cast("int") - 1).alias("kinds"))
    ordered = told.groupBy("account_id").agg(F.sort_array(F.collect_list(entry)).alias("told"))
    flat = F.flatten(
        F.transform("told", lambda one: F.transform(one["kinds"], lambda kind: F.struct(one["at"]["day"].alias("day"), kind.alias("kind"))))
    )
    pairs = ordered.select(flat.alias("pairs"))
    return pairs.select(F.col("pairs.day").alias("days"), F.col("pairs.kind").alias("kinds"))


def _counted(batch: pa.RecordBatch, days: Sequence[int]) -> pa.RecordBatch:
    lengths = list_lengths(batch.column("days"))
    happened = Happenings(
        np.repeat(np.arange(batch.num_rows), lengths),
        batch.column("days").flatten().to_numpy(zero_copy_only=False).astype(np.int64),
        batch.column("kinds").flatten().to_numpy(zero_copy_only=False),
        batch.num_rows,
    )
    rows, before = [], stages(happened, days[0])
    for month, day in enumerate(days[1:], start=1):
        now = stages(happened, day)
        table = np.bincount(before * len(_NAMES) + now, minlength=len(_NAMES) ** 2)
        rows += [(month, int(cell) // len(_NAMES), int(cell) % len(_NAMES), int(table[cell])) for cell in np.flatnonzero(table) if cell]
        before = now
    columns = list(zip(*rows, strict=True)) or [()] * len(_COUNTS)
    types = (pa.int32(), pa.int32(), pa.int32(), pa.int64())
    return pa.RecordBatch.from_arrays([pa.array(c, type=t) for c, t in zip(columns, types, strict=True)], names=_COUNTS.names)
