"""Rows to train on: what was known of accounts at several moments, and what became of them afterwards."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.errors import SourceError
from gridlens.models.definition import Snapshots
from gridlens.models.library import Model

KEYS = ("account_id", "as_of", "known_at")
TRAIN, TEST = "train", "test"
MIN_POSITIVES = 20
"""Fewer positives teach nothing that would hold next month."""
_SHARE = 10_000


@dataclass(frozen=True)
class MomentFacts:
    """The rows of one moment.

    Attributes:
        part: train or test.
        rows, positives: those that are used.
        left_out: rows whose customers are kept for the test.
        unseen, unseen_positives: in the test, of the rows those whose customers are in no earlier moment.
    """

    as_of: dt.date
    part: str
    rows: int
    positives: int
    left_out: int = 0
    unseen: int = 0
    unseen_positives: int = 0


def snapshot_days(snapshots: Snapshots, last: dt.date) -> tuple[dt.date, ...]:
    """The ends of months at which rows are taken, oldest first: the newest on or before ``last``, the others ``step_months`` apart."""
    following = last + dt.timedelta(days=1)
    months = following.year * 12 + following.month - 2  # the month that ended last
    steps = range(snapshots.count - 1, -1, -1)
    return tuple(_end_of_month(months - i * snapshots.step_months) for i in steps)


def _end_of_month(months: int) -> dt.date:
    """The last day of a month given as months since year 0."""
    year, month = divmod(months, 12)
    return dt.date(year, month + 1, calendar.monthrange(year, month + 1)[1])


def certain_until(model: Model, last: dt.date) -> dt.date:
    """The last day T of which every outcome has happened by ``last``: gap, horizon and what the label waits for are over."""
    label = model.definition.label
    return last - dt.timedelta(days=label.gap_days + label.horizon_days + model.arguments.later_days)


def apart(model: Model, days: Sequence[dt.date]) -> tuple[dt.date, ...]:
    """Of moments, oldest first, those that rows are taken at: the test, and the earlier ones whose windows end before the test's begins.

    An outcome in both windows would be learned from and then asked for, and the test would flatter.

    Raises:
        SourceError: no earlier moment is left.
    """
    test, horizon = days[-1], model.definition.label.horizon_days
    earlier = tuple(day for day in days[:-1] if day + dt.timedelta(days=horizon) <= test)  # the gap is the same on both sides
    if not earlier:
        raise SourceError(
            f"model {model.id}: the outcomes of {', '.join(map(str, days[:-1]))} reach into the {horizon} days by which {test} judges: "
            "nothing is left to train on; take more moments, or further apart (snapshots), or a shorter horizon"
        )
    return (*earlier, test)


def training_rows(features: DataFrame, labels: DataFrame, model: Model, *, test: bool) -> DataFrame:
    """The rows of one moment.

    Features and labels meet by account. Of an earlier moment the rows of customers that are kept for the test have ``part`` null; in the
    test moment they are ``unseen``. Customers are kept by a hash of party_id, so that all accounts of one stay together; an
    account without a party is a customer of its own.

    Args:
        features: account_feature_v1 of one (as_of, known_at).
        labels: what the label function gives for that as_of.
        model: the definition.
        test: whether this is the newest moment.

    Returns:
        account_id, as_of, known_at, ``party_id`` (the account's own id where it has none), ``part`` (train, test, or null: in neither),
        ``unseen`` (boolean), ``label`` (int), the label's outcomes, then the model's columns.
    """
    definition = model.definition
    customer = F.coalesce("party_id", "account_id")
    place = F.pmod(F.xxhash64(F.lit(definition.learner.seed), customer), F.lit(_SHARE))
    kept = place < int(definition.snapshots.unseen_share * _SHARE)
    part = F.lit(TEST) if test else F.when(~F.col("unseen"), F.lit(TRAIN))
    outcomes = [outcome.name for outcome in model.label.outcomes]
    rows = features.where(model.population.column()).withColumn("unseen", kept).withColumn("part", part)
    joined = rows.select(*KEYS, customer.alias("party_id"), "part", "unseen", *model.columns).join(
        labels.select("account_id", "label", *outcomes), on="account_id", how="inner"
    )
    return joined.select(*KEYS, "party_id", "part", "unseen", "label", *outcomes, *model.columns)


def moment_facts(rows: DataFrame) -> tuple[MomentFacts, ...]:
    """What :func:`training_rows` of all moments hold, oldest first."""
    used = F.col("part").isNotNull()
    unseen = (F.col("part") == TEST) & F.col("unseen")
    counted = rows.groupBy("as_of").agg(
        F.max("part").alias("part"),
        F.count_if(used).alias("rows"),
        F.count_if(used & (F.col("label") == 1)).alias("positives"),
        F.count_if(~used).alias("left_out"),
        F.count_if(unseen).alias("unseen"),
        F.count_if(unseen & (F.col("label") == 1)).alias("unseen_positives"),
    )
    found = sorted(counted.collect(), key=lambda row: row["as_of"])  # one a moment
    return tuple(MomentFacts(**{**row.asDict(), "part": row["part"] or TRAIN}) for row in found)


def require_both_classes(model: Model, moments: Sequence[MomentFacts]) -> None:
    """Raises SourceError in one sentence where the rows cannot teach or judge the model."""
    for part in (TRAIN, TEST):
        rows = sum(m.rows for m in moments if m.part == part)
        positives = sum(m.positives for m in moments if m.part == part)
        days = ", ".join(str(m.as_of) for m in moments if m.part == part) or "no moment"
        if not rows:
            raise SourceError(f"model {model.id}: no account of its population has a label in the {part} part ({days}); load more history")
        if positives in (0, rows):
            raise SourceError(
                f"model {model.id}: all {rows:,} rows of the {part} part ({days}) have the label {int(positives > 0)}; "
                "change the label or the population so that both happen"
            )
        if part == TRAIN and min(positives, rows - positives) < MIN_POSITIVES:
            raise SourceError(
                f"model {model.id}: {positives:,} of the {rows:,} rows to train on ({days}) have the label 1, at least {MIN_POSITIVES} of "
                "either label are needed; take more moments (snapshots.count), a longer horizon or more customers"
            )
