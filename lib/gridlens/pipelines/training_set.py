"""Training sets: account features of past moments → joined with what became of the accounts → checked for knowledge of the future."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.gold import ACCOUNT_FEATURE
from gridlens.contracts.silver import ACCOUNT_TABLE, METERING_POINT, SILVER
from gridlens.errors import SourceError
from gridlens.features.account_payments import bill_settlement, payment_ledger
from gridlens.features.account_windows import local_day
from gridlens.fold.versioned import as_known
from gridlens.models.labels import Facts, Window
from gridlens.models.leakage import FeatureFact, refuse_future, refuse_leaks
from gridlens.models.library import Model
from gridlens.models.training import (
    TEST,
    TRAIN,
    MomentFacts,
    apart,
    certain_until,
    moment_facts,
    require_both_classes,
    snapshot_days,
    training_rows,
)
from gridlens.pipelines.changes import table_digest
from gridlens.pipelines.feature_moments import with_features
from gridlens.pipelines.moments import end_of_local_day, knowledge_of_day, of_moment
from gridlens.pipelines.questioned import questioned_bills
from gridlens.runs import timed
from gridlens.settings import Settings
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]
_VERSIONED = {ACCOUNT_TABLE.name: "account_id", METERING_POINT.name: "metering_point_id"}
_SETTLEMENT = ("bill", "payment", ACCOUNT_TABLE.name)


@dataclass(frozen=True)
class TrainingFacts:
    """What a training set is, for the record: made again from the same facts and definition it is the same.

    Attributes:
        model: id; definition: fingerprint of the definition.
        as_of, known_at: last day of the facts that labels are made from, and what was known of them.
        moments: rows by moment, oldest first; the last one is the test.
        overlapping: earlier moments without rows, since their outcomes reach into those of the test.
        data: count and XOR of a hash over all rows, in any order.
        strongest: how well the features tell the label alone, strongest first.
    """

    model: str
    definition: str
    as_of: dt.date
    known_at: dt.datetime
    moments: tuple[MomentFacts, ...]
    overlapping: tuple[dt.date, ...]
    data: str
    strongest: tuple[FeatureFact, ...]

    def rows(self, part: str) -> int:
        return sum(moment.rows for moment in self.moments if moment.part == part)

    def positives(self, part: str) -> int:
        return sum(moment.positives for moment in self.moments if moment.part == part)

    @property
    def unseen_rows(self) -> int:
        """Rows of the test whose customers are in no earlier moment."""
        return sum(moment.unseen for moment in self.moments)

    @property
    def unseen_positives(self) -> int:
        return sum(moment.unseen_positives for moment in self.moments)

    def record(self) -> dict[str, Any]:
        """All of it as plain values for a log."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Rows to train on and to judge by.

    Attributes:
        frame: account_id, as_of, known_at, party_id, part (train or test), unseen (boolean), label (0 or 1), the outcomes of the label,
            then the columns of the model as in account_feature_v1; kept in memory until :meth:`release`.
        outcomes: columns that only became known afterwards.
        facts: what it is.
        kept: the rows that are kept in memory.
    """

    frame: DataFrame
    outcomes: tuple[str, ...]
    facts: TrainingFacts
    kept: DataFrame = field(repr=False)

    @property
    def train(self) -> DataFrame:
        return self.frame.where(F.col("part") == TRAIN)

    @property
    def test(self) -> DataFrame:
        return self.frame.where(F.col("part") == TEST)

    def release(self) -> None:
        """Frees the memory."""
        self.kept.unpersist()


def training_set(
    spark: SparkSession,
    settings: Settings,
    warehouse: Warehouse,
    model: Model,
    *,
    as_of: dt.date,
    known_at: dt.datetime,
    say: Say = print,
) -> TrainingSet:
    """The rows of a model, labelled with what happened by ``as_of`` as known at ``known_at``.

    The moments are ends of months, the newest one whose outcomes are all over and known; earlier ones have outcomes of their own. Each
    moment's features know what was known at its own time of knowledge. Features that are not there yet are computed and written, under the
    writer's lease: call it without holding one.

    Raises:
        SourceError: a table that the label reads is empty, no earlier moment has outcomes of its own, too few rows have either label, or a
            feature knows the future.
    """
    last = last_known_day(settings, as_of, known_at)
    wanted = snapshot_days(model.definition.snapshots, certain_until(model, last))
    days = apart(model, wanted)
    overlapping = tuple(day for day in wanted if day not in days)
    if overlapping:
        days_left_out = ", ".join(map(str, overlapping))
        say(f"{len(overlapping)} of {len(wanted)} moments left out, their outcomes reach into the test's: {days_left_out}")
    moments = [(day, knowledge_of_day(day, settings)) for day in days]
    facts = label_facts(warehouse, settings, model.label.facts, as_of=last, known_at=known_at, label=model.label.name)
    with_features(warehouse, settings, moments, say=say)
    parts = [_rows_of(warehouse, model, facts, moment, seen_until=last, test=moment == moments[-1]) for moment in moments]
    rows = reduce(DataFrame.unionByName, parts).persist()
    try:
        with timed(say, f"rows of {len(moments)} moments, {days[0]} to {days[-1]}"):
            found = moment_facts(rows)
            require_both_classes(model, found)
        frame = rows.where(F.col("part").isNotNull())
        with timed(say, "search for features that know the future"):
            refuse_future(_dated(warehouse, moments), known=dict(moments))
            strongest = refuse_leaks(frame, model.definition.features, seed=model.definition.learner.seed)
        digest = table_digest(frame)
    except BaseException:
        rows.unpersist()
        raise
    told = TrainingFacts(model.id, model.fingerprint, as_of, known_at, found, overlapping, digest, strongest)
    return TrainingSet(frame, tuple(outcome.name for outcome in model.label.outcomes), told, rows)


def newest_moment(settings: Settings, model: Model, *, as_of: dt.date, known_at: dt.datetime) -> dt.date:
    """The newest moment whose outcomes are all over by ``as_of`` and known at ``known_at``: the one that judges."""
    return snapshot_days(model.definition.snapshots, certain_until(model, last_known_day(settings, as_of, known_at)))[-1]


def _dated(warehouse: Warehouse, moments: Sequence[tuple[dt.date, dt.datetime]]) -> DataFrame:
    """The days and moments that the features of all moments hold."""
    named = [field.name for field in ACCOUNT_FEATURE.fields if field.type in ("date", "timestamp")]
    return warehouse.read(ACCOUNT_FEATURE).where(reduce(Column.__or__, [of_moment(*moment) for moment in moments])).select(*named)


def last_known_day(settings: Settings, as_of: dt.date, known_at: dt.datetime) -> dt.date:
    """The last day on or before ``as_of`` that counts as known at ``known_at``."""
    day = as_of
    while knowledge_of_day(day, settings) > known_at:
        day -= dt.timedelta(days=1)
    return day


def _rows_of(
    warehouse: Warehouse, model: Model, facts: Facts, moment: tuple[dt.date, dt.datetime], *, seen_until: dt.date, test: bool
) -> DataFrame:
    label = model.definition.label
    window = Window(moment[0], label.gap_days, label.horizon_days, seen_until)
    features = warehouse.read(ACCOUNT_FEATURE).where(of_moment(*moment))
    return training_rows(features, model.label.rows(facts, window, model.arguments), model, test=test)


def label_facts(
    warehouse: Warehouse, settings: Settings, names: Collection[str], *, as_of: dt.date, known_at: dt.datetime, label: str
) -> Facts:
    """The facts that a label function reads, as known at ``known_at`` and up to ``as_of``.

    Raises:
        SourceError: one of the tables has no row.
    """
    wanted = {*names, *(_SETTLEMENT if "settlement" in names else ())} - {"settlement"}
    for name in sorted(wanted):
        if not warehouse.written(SILVER[name]):
            raise SourceError(
                f"label {label} reads {name}, of which nothing was loaded yet: add it to the sources and run `gridlens ingest`"
            )
    until = end_of_local_day(as_of, settings.zone)

    def known(name: str) -> DataFrame:
        keys = (_VERSIONED[name], "valid_from") if name in _VERSIONED else None
        rows = as_known(warehouse.read(SILVER[name]), SILVER[name], known_at=known_at, as_of=as_of, keys=keys)
        return (
            rows.where(F.col("paid_at") < F.lit(until)).withColumn("paid_on", local_day("paid_at", settings.zone))
            if name == "payment"
            else rows
        )

    found = {name: known(name) for name in wanted}
    if "settlement" in names:
        newest = F.max_by("billing_kind", F.struct("valid_from", "known_from", "_content_hash")).alias("kind")
        prepaid = found[ACCOUNT_TABLE.name].groupBy("account_id").agg(newest).where(F.col("kind") == "prepaid").select("account_id")
        questioned = questioned_bills(warehouse, as_of=as_of, known_at=known_at)
        ledger = payment_ledger(
            found["bill"], found["payment"], prepaid=prepaid, questioned=questioned, as_of=as_of, until=until, zone=settings.zone
        )
        found["settlement"] = bill_settlement(ledger)
    return found
