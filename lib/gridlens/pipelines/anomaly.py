"""Abnormal usage (用电异常): daily series as known → evidence → judged by a model of other accounts → alerts by what a visit is worth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.anomaly.alerts import believed, change_alerts, hit_rates, ranked, visits_of
from gridlens.anomaly.definition import Usage, UsageDefinition, load_usage
from gridlens.anomaly.groups import Peers, peers_of
from gridlens.anomaly.learner import Judge, fit_judge
from gridlens.anomaly.misuse import misuse_alerts, misuse_odds
from gridlens.anomaly.rows import DAY_FEATURES, FEATURES, curve_rows, evidence_rows, example_rows, inspected_rows
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.anomaly import FOUND_NOBODY, FOUND_NOTHING, USAGE_ALERT
from gridlens.contracts.silver import METERING_POINT
from gridlens.errors import SourceError
from gridlens.lease import writer_lease
from gridlens.pipelines.account_features import batches_digest
from gridlens.pipelines.anomaly_facts import inspections_of, prices_of, usage_series
from gridlens.pipelines.declared import taggable
from gridlens.pipelines.history import last_run
from gridlens.pipelines.moments import moment_where, of_moment
from gridlens.pipelines.options import AnomalyOptions
from gridlens.pipelines.tag_state import asked_moment, newest_features
from gridlens.runs import Run, logged, timed
from gridlens.settings import Settings, conf_file
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]
_TRIALS = 1_000_000
_LONGEST_BACK = 365
"""An inspection longer ago has too little before it to say what evidence stood then."""


@dataclass(frozen=True)
class AnomaliesResult:
    """What was found.

    Attributes:
        accounts: judged.
        alerts: accounts over the least probability.
        visits: alerts within the capacity of a week.
        recovery: what these visits are expected to recover.
        examples: learnt from.
    """

    run_id: str
    as_of: dt.date
    known_at: dt.datetime
    nothing_new: bool
    accounts: int
    alerts: int
    visits: int
    recovery: float
    examples: int
    seconds: float


def usage_definition(settings: Settings) -> Usage:
    """The definition of conf/anomaly/usage.yml, the user's file first; raises DefinitionError at the first mistake."""
    columns = {field.name: field.type for field in METERING_POINT.fields}
    return load_usage(conf_file(settings, "anomaly/usage.yml"), columns, taggable())


@dataclass(frozen=True)
class _Search:
    """One search: where, how, of which moment."""

    warehouse: Warehouse
    usage: Usage
    as_of: dt.date
    known_at: dt.datetime

    @property
    def definition(self) -> UsageDefinition:
        return self.usage.definition

    @property
    def last(self) -> np.datetime64:
        return np.datetime64(self.as_of)


def run_anomalies(
    spark: SparkSession, settings: Settings, options: AnomalyOptions, *, usage: Usage | None = None, say: Say = print
) -> AnomaliesResult:
    """Computes the alerts of one moment.

    Raises:
        DefinitionError: the definition does not hold.
        SourceError: no account has a daily series to judge; or no day is given and there are no account features.
    """
    usage = usage or usage_definition(settings)
    warehouse = Warehouse(spark, settings)
    with writer_lease(settings):
        as_of, known_at = asked_moment(warehouse, settings, options.as_of, options.known_at)
        run = Run("anomalies", {}, as_of=as_of, known_at=known_at)
        features = newest_features(warehouse, as_of, known_at)
        run.fingerprints = {
            "usage": usage.fingerprint,
            "batches": batches_digest(warehouse),
            "features": features.run_id if features else "",
        }
        with logged(warehouse, run):
            run.nothing_new = last_run(warehouse, "anomalies") == (run.fingerprints, as_of, known_at)
            if run.nothing_new:
                return AnomaliesResult(run.run_id, as_of, known_at, True, 0, 0, 0, 0.0, 0, run.seconds)
            return _compute(_Search(warehouse, usage, as_of, known_at), run, say)


def _compute(search: _Search, run: Run, say: Say) -> AnomaliesResult:
    warehouse, at = search.warehouse, (search.as_of, search.known_at)
    with timed(say, "daily series, and losses of transformers"):
        series = usage_series(warehouse, search.usage, *at)
        rows = series.rows
        accounts = rows.count()
    try:
        if not accounts:
            least = search.definition.least_days
            raise SourceError(f"no account has {least} days of energy in the year to {search.as_of}: load meter data first")
        with timed(say, f"{len(series.names)} groups of peers"):
            peers = peers_of(rows, series.names, series.sizes, sample=search.definition.peer_sample)
        inspections = inspections_of(warehouse, *at)
        with timed(say, "examples, and what is learnt from them"):
            judge, examples = _learnt(search, rows, peers, inspections, accounts)
        with timed(say, "alerts"):
            _write(search, rows, peers, _alerts(search, rows, peers, judge, inspections))
    finally:
        for held in series.held:
            held.unpersist()
    alerts, visits, recovery = _found(search)
    run.wrote(f"gold.{USAGE_ALERT.name}", alerts)
    return AnomaliesResult(run.run_id, *at, False, accounts, alerts, visits, recovery, examples, run.seconds)


def _learnt(search: _Search, rows: DataFrame, peers: Peers, inspections: DataFrame, accounts: int) -> tuple[Judge, int]:
    """What was learnt from the accounts' own series and from inspections; the number of examples."""
    told = search.definition.examples
    share = int(min(1.0, told.accounts / accounts) * _TRIALS)
    guilty = inspections.where(~F.col("finding").isin(FOUND_NOTHING, FOUND_NOBODY)).select("account_id").distinct()
    untouched = rows.join(guilty, on="account_id", how="left_anti")  # where something was found the series is no honest one
    chosen = untouched.where(F.pmod(F.xxhash64(F.lit("examples"), F.col("account_id")), F.lit(_TRIALS)) < share)
    made = example_rows(chosen, peers, search.last, copies=told.copies, earlier_days=told.earlier_days, least_kwh=told.least_kwh)
    found = F.when(F.col("finding") == FOUND_NOTHING, 0.0).otherwise(1.0)
    back = F.datediff(F.lit(search.as_of), "inspected_on")
    clear = inspections.where(F.col("finding") != FOUND_NOBODY).withColumns({"back": back, "label": found}).where(back <= _LONGEST_BACK)
    seen = inspected_rows(rows.join(clear, on="account_id", how="inner"), peers, search.last)
    weighed = made.withColumn("weight", F.lit(1.0)).unionByName(seen.withColumn("weight", F.lit(told.inspection_weight)))
    examples = weighed.where(F.col("weight") > 0).persist()
    try:
        features = FEATURES if peers.with_curves else DAY_FEATURES
        return fit_judge(examples, search.definition.trees, prior=search.definition.prior, features=features), examples.count()
    finally:
        examples.unpersist()


def _alerts(search: _Search, rows: DataFrame, peers: Peers, judge: Judge, inspections: DataFrame) -> DataFrame:
    judged = judge.judged(evidence_rows(rows, peers, search.last))
    known = F.col("known_at") <= F.lit(search.known_at)
    earlier = search.warehouse.read(USAGE_ALERT).where((F.col("as_of") < F.lit(search.as_of)) & known)
    told = hit_rates(earlier, inspections, search.definition.visits).collect()  # a row a kind
    rates = believed({row["kind"]: (row["hits"], row["visits"]) for row in told}, search.definition.visits)
    prices = prices_of(search.warehouse, search.as_of, search.known_at)
    group = F.element_at(F.array(*[F.lit(name) for name in peers.names]), F.col("peer") + 1)
    facts = rows.join(prices, on="account_id", how="left").select("account_id", "phases", "transformer_id", "price", group.alias("peers"))
    visited = visits_of(inspections)
    changed = change_alerts(judged, facts, visited, rates, search.definition, as_of=search.as_of)
    features = search.warehouse.read(ACCOUNT_FEATURE).where(of_moment(search.as_of, search.known_at))
    misuse, household = search.definition.misuse, search.usage.household
    odds = misuse_odds(features, household.column(), misuse) if misuse and household else None
    if odds is None:
        return ranked(changed, search.definition.visits)
    energy = features.select("account_id", "energy_kwh_365d")
    other = misuse_alerts(odds, energy, facts, visited, rates, search.definition)
    return ranked(changed.unionByName(other), search.definition.visits)


def _write(search: _Search, rows: DataFrame, peers: Peers, alerts: DataFrame) -> None:
    alerts = alerts.persist()
    try:
        curves = curve_rows(rows.join(alerts.select("account_id"), on="account_id", how="left_semi"), peers, search.last)
        added = {
            "as_of": F.lit(search.as_of),
            "known_at": F.lit(search.known_at),
            "currency": F.lit(search.warehouse.settings.currency),
        }
        where = moment_where(search.as_of, search.known_at)
        search.warehouse.replace(USAGE_ALERT, alerts.join(curves, on="account_id", how="left").withColumns(added), where=where)
    finally:
        alerts.unpersist()


def _found(search: _Search) -> tuple[int, int, float]:
    """Alerts of the moment, visits among them, and what these are expected to recover."""
    mine = search.warehouse.read(USAGE_ALERT).where(of_moment(search.as_of, search.known_at))
    worth = F.sum(F.when(F.col("visit"), F.col("expected_recovery"))).cast("double")
    row = mine.agg(F.count("*").alias("alerts"), F.count_if("visit").alias("visits"), worth.alias("recovery")).first()
    return (row["alerts"], row["visits"], round(row["recovery"] or 0.0, 2)) if row else (0, 0, 0.0)
