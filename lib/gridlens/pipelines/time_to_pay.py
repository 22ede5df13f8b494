"""Time to pay (缴费用时): bills of the year before, with features of past moments → fitted → judged out of time → a registered version."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.errors import SourceError
from gridlens.models.bill_rows import DAYS, SETTLED, Issued, bill_rows
from gridlens.models.collection_definition import TimeToPayDefinition
from gridlens.models.concordance import concordance, day_counts
from gridlens.models.survival import EXPECTED_DAYS, TimeToPay, fit_time_to_pay
from gridlens.pipelines.changes import table_digest
from gridlens.pipelines.model_log import DEFINITION, categories
from gridlens.pipelines.moments import end_of_local_day, of_micros, of_moment
from gridlens.pipelines.tag_state import Moment
from gridlens.pipelines.training_set import label_facts, last_known_day
from gridlens.runs import Run, timed
from gridlens.settings import Settings
from gridlens.tracking import CHAMPION, Store, Version, made_from
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]
MODEL = "time_to_pay"
_LEAST_MOMENTS = 2


@dataclass(frozen=True)
class Judgement:
    """Bills of the newest moment that has been followed long enough, none of them fitted on.

    Attributes:
        bills, settled: that judge, and those of them that were settled.
        concordance, baseline: index of the model, and of the account's own mean so far; 0.5 is chance.
        expected_days: mean of the predictions.
        days_settled: mean of what the settled ones took.
    """

    as_of: dt.date
    bills: int
    settled: int
    concordance: float | None
    baseline: float | None
    expected_days: float | None
    days_settled: float | None

    def sentence(self, min_gain: float) -> tuple[bool, str]:
        """Whether the version may serve, and why."""
        if self.concordance is None or self.baseline is None:
            return False, f"{self.bills:,} bills issued after {self.as_of} have no pair to compare"
        better = self.concordance > self.baseline + min_gain
        gain = f" + {min_gain:g}" if min_gain else ""
        days = f"; {self.expected_days:.1f} days expected, the settled took {self.days_settled:.1f}" if self.days_settled else ""
        return better, (
            f"concordance {self.concordance:.5f} on {self.bills:,} bills issued after {self.as_of}, "
            f"{'over' if better else 'not over'} {self.baseline:.5f} of the account's own mean so far{gain}{days}"
        )


def time_to_pay_due(store: Store, definition: TimeToPayDefinition, as_of: dt.date) -> bool:
    """True where no version of this definition was decided on for the month of ``as_of`` or a later one."""
    decided = [version for version in store.versions(MODEL) if version.decision]
    same = bool(decided) and decided[0].definition_fingerprint == definition.fingerprint
    return not (same and decided[0].month >= as_of.isoformat()[:7])


def serving(store: Store) -> tuple[Version | None, str]:
    """The champion and its reason; without one, why the newest version does not serve."""
    versions = store.versions(MODEL)
    champion = next((version for version in versions if CHAMPION in version.aliases), None)
    if champion:
        return champion, champion.reason
    return None, f"version {versions[0].version} does not serve: {versions[0].reason}" if versions else "it has no version yet"


def train_time_to_pay(
    warehouse: Warehouse, store: Store, definition: TimeToPayDefinition, moment: Moment, run: Run, *, say: Say
) -> Version:
    """Fits on the bills of the earlier moments as they stood when the judging ones began, and registers the version.

    Raises:
        SourceError: there are too few past moments, or too few of their bills are settled.
    """
    settings = warehouse.settings
    last = last_known_day(settings, moment.as_of, moment.known_at)
    facts = label_facts(warehouse, settings, ("settlement",), as_of=last, known_at=moment.known_at, label=MODEL)
    *earlier, newest = _windows(warehouse, settings, definition, moment, last)
    columns = (*definition.names, definition.baseline)
    settlement = facts["settlement"].persist()

    def rows_of(issued: Issued, until: dt.date) -> DataFrame:
        features = warehouse.read(ACCOUNT_FEATURE).where(of_moment(issued.as_of, issued.known_at))
        return bill_rows(settlement, features, issued, names=columns, seen_until=until)

    train = reduce(DataFrame.unionByName, [rows_of(issued, newest.as_of) for issued in earlier]).persist()
    test = rows_of(newest, last).persist()
    try:
        with timed(say, f"{MODEL}: fitted on bills of {len(earlier)} moments, {earlier[0].as_of} to {earlier[-1].as_of}"):
            fitted = fit_time_to_pay(train, definition.features, days=DAYS, settled=SETTLED)
        with timed(say, f"{MODEL}: judged on bills issued after {newest.as_of}"):
            judged = _judge(fitted, train, test, definition, newest.as_of)
        record = {"moments": [str(issued.as_of) for issued in (*earlier, newest)], "until": str(newest.as_of), "judged_until": str(last)}
        with timed(say, f"{MODEL}: recorded"):
            return _log(store, definition, moment, run, fitted, judged, train, record)
    finally:
        for held in (train, test, settlement):
            held.unpersist()


def _windows(
    warehouse: Warehouse, settings: Settings, definition: TimeToPayDefinition, moment: Moment, last: dt.date
) -> tuple[Issued, ...]:
    """The bills of each past moment, oldest first; the last ones judge. Of each month the last day that has features counts."""
    oldest = moment.as_of - dt.timedelta(days=definition.history_days)
    latest = min(moment.as_of, last - dt.timedelta(days=definition.within_days + definition.follow_days))
    days = warehouse.read(ACCOUNT_FEATURE).where(F.col("as_of").between(F.lit(oldest), F.lit(latest))).groupBy("as_of")
    rows = days.agg(F.unix_micros(F.min("known_at")).alias("micros")).collect()  # a row a day that has features
    moments = sorted((row["as_of"], of_micros(row["micros"])) for row in rows)
    by_month = {day.replace(day=1): (day, known_at) for day, known_at in moments}
    found = [_issued(settings, definition.within_days, *one) for one in sorted(by_month.values())]
    found = [issued for issued in found if issued.first <= issued.last]
    if len(found) < _LEAST_MOMENTS:
        raise SourceError(
            f"time to pay needs account features of {_LEAST_MOMENTS} months between {oldest} and {latest}, there are {len(found)}: "
            "train a model first, or run `gridlens features --as-of DAY` for ends of past months"
        )
    following = [*(issued.as_of for issued in found[1:]), dt.date.max]
    return tuple(
        Issued(issued.as_of, issued.known_at, issued.first, min(issued.last, then)) for issued, then in zip(found, following, strict=True)
    )


def _issued(settings: Settings, within_days: int, as_of: dt.date, known_at: dt.datetime) -> Issued:
    """The bills issued after a moment; the first of them no earlier than on the day at whose end its features were known."""
    last = as_of + dt.timedelta(days=within_days)
    first = as_of + dt.timedelta(days=1)
    while first <= last and end_of_local_day(first, settings.zone) < known_at:
        first += dt.timedelta(days=1)
    return Issued(as_of, known_at, first, last)


def _judge(fitted: TimeToPay, train: DataFrame, test: DataFrame, definition: TimeToPayDefinition, as_of: dt.date) -> Judgement:
    usual = train.agg(F.avg(definition.baseline).alias("mean")).first()
    mean = usual["mean"] if usual and usual["mean"] is not None else 0.0
    own = F.coalesce(F.col(definition.baseline).cast("double"), F.lit(mean)).alias("own")
    scored = fitted.pipeline.transform(test).select(DAYS, SETTLED, EXPECTED_DAYS, own).persist()
    try:
        sums = scored.agg(
            F.count("*").alias("bills"),
            F.count_if(SETTLED).alias("settled"),
            F.avg(EXPECTED_DAYS).alias("expected_days"),
            F.avg(F.when(F.col(SETTLED), F.col(DAYS))).alias("days_settled"),
        ).collect()[0]
        index = {name: concordance(day_counts(scored, prediction=name, days=DAYS, settled=SETTLED)) for name in (EXPECTED_DAYS, "own")}
    finally:
        scored.unpersist()
    return Judgement(as_of, sums["bills"], sums["settled"], index[EXPECTED_DAYS], index["own"], sums["expected_days"], sums["days_settled"])


def _log(
    store: Store,
    definition: TimeToPayDefinition,
    moment: Moment,
    run: Run,
    fitted: TimeToPay,
    judged: Judgement,
    train: DataFrame,
    record: dict[str, Any],
) -> Version:
    tags = made_from(moment.as_of, moment.known_at, run.run_id)
    params = {"definition_version": definition.version, "features": len(definition.features), "train_bills": fitted.rows, **record}
    serves, reason = judged.sentence(definition.min_gain)
    with store.run(MODEL, params=params, tags=tags, name=f"{MODEL} {moment.as_of}") as tracked:
        tracked.log_fingerprints(definition=definition.fingerprint, data=table_digest(train))
        tracked.log_metrics(
            {
                "concordance": judged.concordance,
                "baseline.concordance": judged.baseline,
                "test_bills": judged.bills,
                "test_settled": judged.settled,
                "expected_days": judged.expected_days,
                "days_settled": judged.days_settled,
                "train_settled": fitted.settled,
                "spread": fitted.spread,
            }
        )
        tracked.log_json(definition.model_dump(mode="json"), DEFINITION)
        tracked.log_json({**record, "train_bills": fitted.rows, "train_settled": fitted.settled}, "training.json")
        schema = train.select(*definition.names).schema
        tracked.log_pipeline(fitted.pipeline, schema, categories=categories(definition.features))
        version = tracked.register()
    return (store.promote if serves else store.challenge)(MODEL, version.version, reason=reason)
