"""Time to pay (缴费用时): bills of the year before, with features of past moments → fitted → judged out of time → a registered version."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.errors import SourceError
from gridlens.models.bill_rows import DAYS, SETTLED, Issued, bill_rows
from gridlens.models.collection_definition import TimeToPayDefinition
from gridlens.models.survival import fit_time_to_pay
from gridlens.pipelines.judging import has_lost, incumbent
from gridlens.pipelines.moments import end_of_local_day, of_micros, of_moment
from gridlens.pipelines.tag_state import Moment
from gridlens.pipelines.time_to_pay_judging import judge_days
from gridlens.pipelines.time_to_pay_log import MODEL, MadeTimeToPay, log_time_to_pay
from gridlens.pipelines.training_set import label_facts, last_known_day
from gridlens.runs import Run, timed
from gridlens.settings import Settings
from gridlens.tracking import CHAMPION, Store, Version
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]
_LEAST_MOMENTS = 2


def time_to_pay_due(store: Store, definition: TimeToPayDefinition, as_of: dt.date) -> bool:
    """True where no version of this definition was decided on for the month of ``as_of`` or a later one.

    For a month before the champion's none is fitted: the champion may have learnt from the very bills that would judge it, and what serves
    in the present is not replaced by what was known in the past.
    """
    month = as_of.isoformat()[:7]
    decided = [version for version in store.versions(MODEL) if version.decision]
    if any(CHAMPION in version.aliases and version.month > month for version in decided):
        return False
    same = bool(decided) and decided[0].definition_fingerprint == definition.fingerprint
    return not (same and decided[0].month >= month)


def serving(store: Store) -> tuple[Version | None, str]:
    """The champion and its reason; without one, why the newest version does not serve."""
    versions = store.versions(MODEL)
    champion = next((version for version in versions if CHAMPION in version.aliases), None)
    if champion:
        return champion, champion.reason
    return None, f"version {versions[0].version} does not serve: {versions[0].reason}" if versions else "it has no version yet"


def champion_lost(warehouse: Warehouse, store: Store) -> bool:
    """True where the newest version is the champion and cannot score any more, so that another is to be fitted before its month is over."""
    decided = [version for version in store.versions(MODEL) if version.decision]
    return bool(decided) and CHAMPION in decided[0].aliases and has_lost(warehouse, store, MODEL)


def train_time_to_pay(
    warehouse: Warehouse, store: Store, definition: TimeToPayDefinition, moment: Moment, run: Run, *, say: Say
) -> Version:
    """Fits on the bills of the earlier moments as they stood when the judging ones began, and registers the version.

    Raises:
        SourceError: there are too few past moments, or too few of their bills are settled.
        PlatformError: the store does not answer, so that nobody knows whether the champion can score.
    """
    settings = warehouse.settings
    last = last_known_day(settings, moment.as_of, moment.known_at)
    facts = label_facts(warehouse, settings, ("settlement",), as_of=last, known_at=moment.known_at, label=MODEL)
    *earlier, newest = _windows(warehouse, settings, definition, moment, last)
    champion = incumbent(warehouse, store, MODEL)
    columns = (*definition.names, definition.baseline)
    settlement = facts["settlement"].persist()

    def rows_of(issued: Issued, until: dt.date, names: Sequence[str] = columns) -> DataFrame:
        features = warehouse.read(ACCOUNT_FEATURE).where(of_moment(issued.as_of, issued.known_at))
        return bill_rows(settlement, features, issued, names=names, seen_until=until)

    train = reduce(DataFrame.unionByName, [rows_of(issued, newest.as_of) for issued in earlier]).persist()
    test = rows_of(newest, last, (*columns, *(champion.model.features if champion and champion.model else ()))).persist()
    try:
        with timed(say, f"{MODEL}: fitted on bills of {len(earlier)} moments, {earlier[0].as_of} to {earlier[-1].as_of}"):
            fitted = fit_time_to_pay(train, definition.features, days=DAYS, settled=SETTLED)
        with timed(say, f"{MODEL}: judged on bills issued after {newest.as_of}"):
            judged = judge_days(fitted, train, test, definition, newest.as_of, champion, settings.min_group)
        made = MadeTimeToPay(definition, fitted, judged, train, tuple(issued.as_of for issued in earlier), last)
        with timed(say, f"{MODEL}: recorded"):
            return log_time_to_pay(store, made, moment, run, min_group=settings.min_group)
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
