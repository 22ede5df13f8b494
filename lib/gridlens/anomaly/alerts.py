"""From evidence to alerts: what visits have shown, what is lost, what a visit is worth."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from gridlens.anomaly.definition import UsageDefinition, Visits
from gridlens.anomaly.kinds import kind_of, lived_in
from gridlens.anomaly.weeks import DAYS
from gridlens.contracts.anomaly import FOUND_NOBODY, FOUND_NOTHING, KIND_NAMES, TARIFF_MISUSE, USAGE_ALERT


def visits_of(inspections: DataFrame) -> DataFrame:
    """What the visits to each account found: the last one, the last that found nothing, the last that found something.

    Args:
        inspections: account_id, inspected_on, finding, inspection_id: known, until as_of.
    """
    finding = F.col("finding")
    order = F.struct("inspected_on", "inspection_id")
    nothing = finding == FOUND_NOTHING
    return inspections.groupBy("account_id").agg(
        F.max_by("inspected_on", order).alias("last_inspected_on"),
        F.max_by("finding", order).alias("last_finding"),
        F.max(F.when(nothing, F.col("inspected_on"))).alias("nothing_on"),
        F.max(F.when(~nothing & (finding != FOUND_NOBODY), F.col("inspected_on"))).alias("found_on"),
    )


def hit_rates(alerts: DataFrame, inspections: DataFrame, visits: Visits) -> DataFrame:
    """``kind``, ``hits`` and ``visits`` of the earlier alerts that were visited in time, one visit of a change counting once.

    Args:
        alerts: account_id, as_of, kind, changed_on: of earlier moments.
        inspections: as for :func:`visits_of`.
        visits: within how many days a visit is one to the alert.
    """
    days = F.datediff("inspected_on", "as_of")
    told = inspections.where(F.col("finding") != FOUND_NOBODY)
    made = alerts.join(told, on="account_id", how="inner").where(days.between(1, visits.judged_days))
    once = made.groupBy("account_id", "inspection_id").agg(F.max_by("kind", "as_of").alias("kind"), F.first("finding").alias("finding"))
    return once.groupBy("kind").agg(F.count_if(F.col("finding") != FOUND_NOTHING).alias("hits"), F.count("*").alias("visits"))


def believed(told: Mapping[str, tuple[int, int]], visits: Visits) -> dict[str, float]:
    """The hit rate of each kind: hits and visits so far beside what is believed beforehand (a beta distribution's mean)."""
    rates = {}
    for kind in KIND_NAMES:
        hits, made = told.get(kind, (0, 0))
        rates[kind] = (visits.prior_hits + hits) / (visits.prior_visits + made)
    return rates


def change_alerts(
    judged: DataFrame, facts: DataFrame, visited: DataFrame, rates: Mapping[str, float], definition: UsageDefinition, *, as_of: dt.date
) -> DataFrame:
    """Alerts of accounts whose days changed, without rank and curves.

    A change that a visit found and put right is no alert any more; where a visit after it found all in order it is hardly one.

    Args:
        judged: account_id, log_odds, unusual, model_version, features and facts of the evidence.
        facts: account_id, phases, transformer_id, peers, price (null without a bill).
        visited: of :func:`visits_of`.
        rates: hit rate by kind.
        definition: prior, limits, odds.
        as_of: last day of the evidence.
    """
    rows = judged.join(facts, on="account_id", how="inner").join(visited, on="account_id", how="left")
    rows = rows.withColumn("log_odds", _believed_odds(definition.lived_in_probability))
    first = as_of - dt.timedelta(days=DAYS - 1)
    changed = F.date_add(F.lit(first), F.col("change").cast("int"))
    rows = rows.withColumns({"changed_on": changed, "kind": kind_of()})
    rows = rows.where(~_settled(definition.visits)).withColumn("evidence_probability", probability(F.col("log_odds")))
    rows = rows.withColumns(
        {
            "probability": probability(F.col("log_odds") + _visit_odds(definition.visits)),
            "hit_rate": by_kind(rates),
            "days_since": F.datediff(F.lit(as_of), "changed_on") + 1,
            "price": F.coalesce("price", F.lit(definition.default_price)),
        }
    )
    likely = rows.where(F.col("probability") >= definition.least_probability).withColumn("recoverable_kwh", _recoverable(definition))
    return likely.withColumns(worth(F.col("recoverable_kwh") * F.col("price"))).select(*_columns())


def _believed_odds(lived_in_probability: float) -> Column:
    """The log odds learnt, of an empty home that is lived in at least those believed: thefts take energy off the meter, this adds some."""
    learnt = F.col("log_odds")
    if not lived_in_probability:
        return learnt
    least = math.log(lived_in_probability / (1 - lived_in_probability))
    return F.when(lived_in(), F.greatest(learnt, F.lit(least))).otherwise(learnt)


def ranked(alerts: DataFrame, visits: Visits) -> DataFrame:
    """One alert an account with ``rank`` by expected recovery, and ``visit`` where a week's capacity reaches.

    Where an account's days have changed and it is misused, too, the change is more to go by.
    """
    own = Window.partitionBy("account_id").orderBy(F.col("kind") == TARIFF_MISUSE)
    single = alerts.withColumn("_place", F.row_number().over(own)).where(F.col("_place") == 1).drop("_place")
    order = Window.partitionBy(F.lit(1)).orderBy(F.desc("expected_recovery"), F.desc("probability"), "account_id")
    places = single.withColumn("rank", F.row_number().over(order))  # one partition: alerts are few, about the share believed beforehand
    return places.withColumn("visit", F.col("rank") <= visits.per_week)


_OWN_NAMES = {
    "expected_kwh_per_day": "expected_kwh",
    "transformer_loss_kwh_per_day": "loss_kwh",
    "low_days_share": "low_after",
    "zero_days_share": "zero_after",
    "capped_days_share": "at_cap_after",
}
"""Columns of the table that the evidence calls otherwise."""
_ADDED = ("as_of", "known_at", "rank", "visit", "currency", "recorded_weeks", "expected_weeks", "day_before", "day_since")
"""Columns of the table that are added to the alerts of all kinds."""
OWN_COLUMNS = tuple(name for name in USAGE_ALERT.columns if name not in _ADDED)


def _columns() -> list[Column]:
    """Of USAGE_ALERT what is known here; the sum check is unknown where no loss is."""
    told = F.col("loss_kwh").isNotNull()
    columns = {name: F.col(_OWN_NAMES.get(name, name)) for name in OWN_COLUMNS}
    columns["loss_match"] = F.when(told, columns["loss_match"])
    return [column.alias(name) for name, column in columns.items()]


def probability(log_odds: Column) -> Column:
    """From log odds."""
    return 1 / (1 + F.exp(-log_odds))


def _settled(visits: Visits) -> Column:
    """True where a visit found something and the change was there, or came with putting it right."""
    return F.coalesce(F.datediff("changed_on", "found_on") <= visits.settled_days, F.lit(False))


def _visit_odds(visits: Visits) -> Column:
    """What is added to the log odds for what visits found before and since the change."""
    since = F.coalesce(F.col("nothing_on") >= F.col("changed_on"), F.lit(False))
    odds = F.when(since, math.log(visits.normal_odds)).otherwise(0.0)
    return odds + F.when(F.col("found_on").isNotNull(), math.log(visits.repeat_odds)).otherwise(0.0)


def by_kind(rates: Mapping[str, float]) -> Column:
    """The rate of each row's ``kind``."""
    rate = F.lit(None).cast("double")
    for kind, value in rates.items():
        rate = F.when(F.col("kind") == kind, F.lit(value)).otherwise(rate)
    return rate


def _recoverable(definition: UsageDefinition) -> Column:
    chargeable = F.least(F.lit(1.0), F.lit(float(definition.recovery_days)) / F.col("days_since"))
    lost = F.when(F.col("lost_kwh") >= 0, F.col("lost_kwh")).otherwise(-F.col("lost_kwh") * definition.more_share)
    return lost * chargeable


def worth(amount: Column) -> dict[str, Column]:
    """What can be charged, and what of it a visit is expected to bring, from ``probability`` and ``hit_rate``."""
    return {
        "recoverable_amount": amount.cast("decimal(18,2)"),
        "expected_recovery": (amount * F.col("probability") * F.col("hit_rate")).cast("decimal(18,2)"),
    }
