"""Abnormal usage (用电异常): daily series as known → evidence → judged by a model of other accounts → alerts by what a visit is worth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.anomaly.alerts import believed, change_alerts, hit_rates, ranked, visits_of
from gridlens.anomaly.definition import Usage, UsageDefinition
from gridlens.anomaly.groups import Peers, peers_of
from gridlens.anomaly.misuse import business_shares, misuse_alerts, misuse_odds
from gridlens.anomaly.rows import DAY_FEATURES, FEATURES, curve_rows, evidence_rows, example_rows, inspected_rows
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.anomaly import FOUND_NOBODY, FOUND_NOTHING, USAGE_ALERT
from gridlens.errors import SourceError
from gridlens.lease import writer_lease
from gridlens.pipelines.account_features import batches_digest
from gridlens.pipelines.anomaly_facts import inspections_of, prices_of, usage_series
from gridlens.pipelines.anomaly_judged import misuse_figures
from gridlens.pipelines.anomaly_model import Judging, Lesson, champion_of, judging
from gridlens.pipelines.changes import table_digest
from gridlens.pipelines.declared import usage_definition
from gridlens.pipelines.history import last_run
from gridlens.pipelines.moments import moment_where, of_moment
from gridlens.pipelines.options import AnomalyOptions
from gridlens.pipelines.tag_state import asked_moment, newest_features
from gridlens.runs import Run, logged, timed
from gridlens.settings import Settings
from gridlens.tracking import Store
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]
_TRIALS = 1_000_000
_LONGEST_BACK = 365
"""An inspection longer ago has too little before it to say what evidence stood then."""


@dataclass(frozen=True)
class AnomaliesResult:
    """What was found.

    Attributes:
        accounts: judged; None where nothing is new.
        alerts: accounts over the least probability.
        visits: alerts within the capacity of a week.
        recovery: what these visits are expected to recover.
        examples: learnt from; None where nothing is new.
        version: of abnormal_usage that judged the evidence; None where no alert names one.
    """

    run_id: str
    as_of: dt.date
    known_at: dt.datetime
    nothing_new: bool
    accounts: int | None
    alerts: int
    visits: int
    recovery: float
    examples: int | None
    version: int | None
    seconds: float


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
    """Computes the alerts of one moment, by a version of abnormal_usage that is learnt and registered on the way.

    Raises:
        DefinitionError: the definition does not hold.
        SourceError: no account has a daily series to judge; no version may judge; or no day is given and there are no account features.
        PlatformError: the model store does not answer; nothing was changed.
    """
    usage = usage or usage_definition(settings)
    warehouse, store = Warehouse(spark, settings), Store.open(settings)
    with writer_lease(settings):
        as_of, known_at = asked_moment(warehouse, settings, options.as_of, options.known_at)
        run = Run("anomalies", {}, as_of=as_of, known_at=known_at)
        features = newest_features(warehouse, as_of, known_at)
        run.fingerprints = {
            "usage": usage.fingerprint,
            "batches": batches_digest(warehouse),
            "features": features.run_id if features else "",
            "champion": _champion(store),
        }
        with logged(warehouse, run):
            run.nothing_new = last_run(warehouse, "anomalies", wrote=(USAGE_ALERT,)) == (run.fingerprints, as_of, known_at)
            search = _Search(warehouse, usage, as_of, known_at)
            done = _Done(None, None) if run.nothing_new else _compute(search, store, run, say)
            alerts, visits, recovery, version = _found(search)
            if not run.nothing_new:
                run.wrote(f"gold.{USAGE_ALERT.name}", alerts)
                run.fingerprints["champion"] = _champion(store)  # it may be that of this search; another one is reason to judge again
            found = (done.accounts, alerts, visits, recovery, done.examples, version)
            return AnomaliesResult(run.run_id, as_of, known_at, run.nothing_new, *found, run.seconds)


@dataclass(frozen=True)
class _Done:
    """Accounts judged, and examples learnt from; None where nothing was new."""

    accounts: int | None
    examples: int | None


def _champion(store: Store) -> str:
    champion = champion_of(store)
    return str(champion.version) if champion else ""


def _compute(search: _Search, store: Store, run: Run, say: Say) -> _Done:
    """Writes the alerts."""
    warehouse, at = search.warehouse, (search.as_of, search.known_at)
    with timed(say, "daily series, and losses of transformers"):
        series = usage_series(warehouse, search.usage, *at)
        rows, held = series.rows, [*series.held]
        accounts = rows.count()
    try:
        if not accounts:
            least = search.definition.least_days
            raise SourceError(f"no account has {least} days of energy in the year to {search.as_of}: load meter data first")
        with timed(say, f"{len(series.names)} groups of peers"):
            peers = peers_of(rows, series.names, series.sizes, sample=search.definition.peer_sample)
        inspections = inspections_of(warehouse, *at)
        with timed(say, "examples"):
            examples = _examples(search, rows, peers, inspections, accounts).persist()
            held.append(examples)
            data = table_digest(examples)
        shares = _shares(search)
        if shares is not None:
            held.append(shares.persist())
        features = FEATURES if peers.with_curves else DAY_FEATURES
        lesson = Lesson(search.usage, search.as_of, search.known_at, examples, data, features, misuse_figures(shares))
        judge = judging(store, warehouse.settings, lesson, run, say=say)
        with timed(say, "alerts"):
            _write(search, rows, peers, _alerts(search, rows, peers, judge, inspections, shares))
        return _Done(accounts, examples.count())
    finally:
        for frame in held:
            frame.unpersist()


def _examples(search: _Search, rows: DataFrame, peers: Peers, inspections: DataFrame, accounts: int) -> DataFrame:
    """What can be learnt from the accounts' own series and from inspections: account_id, half, label, weight and features."""
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
    return weighed.where(F.col("weight") > 0)


def _features(search: _Search) -> DataFrame:
    return search.warehouse.read(ACCOUNT_FEATURE).where(of_moment(search.as_of, search.known_at))


def _shares(search: _Search) -> DataFrame | None:
    """What the forest says of households and businesses; None where it is not asked for, or has too few to learn from."""
    misuse, household = search.definition.misuse, search.usage.household
    return business_shares(_features(search), household.column(), misuse) if misuse and household else None


def _alerts(search: _Search, rows: DataFrame, peers: Peers, judge: Judging, inspections: DataFrame, shares: DataFrame | None) -> DataFrame:
    evidence = evidence_rows(rows, peers, search.last)
    judged = judge.pipeline.transform(evidence).withColumn("model_version", F.lit(judge.version.version))
    known = F.col("known_at") <= F.lit(search.known_at)
    earlier = search.warehouse.read(USAGE_ALERT).where((F.col("as_of") < F.lit(search.as_of)) & known)
    told = hit_rates(earlier, inspections, search.definition.visits).collect()  # a row a kind
    rates = believed({row["kind"]: (row["hits"], row["visits"]) for row in told}, search.definition.visits)
    prices = prices_of(search.warehouse, search.as_of, search.known_at)
    group = F.element_at(F.array(*[F.lit(name) for name in peers.names]), F.col("peer") + 1)
    facts = rows.join(prices, on="account_id", how="left").select("account_id", "phases", "transformer_id", "price", group.alias("peers"))
    visited = visits_of(inspections)
    changed = change_alerts(judged, facts, visited, rates, search.definition, as_of=search.as_of)
    if shares is None:
        return ranked(changed, search.definition.visits)
    energy = _features(search).select("account_id", "energy_kwh_365d")
    other = misuse_alerts(misuse_odds(shares), energy, facts, visited, rates, search.definition)
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


def _found(search: _Search) -> tuple[int, int, float, int | None]:
    """Alerts of the moment, visits among them, what these are expected to recover, and the version that judged."""
    mine = search.warehouse.read(USAGE_ALERT).where(of_moment(search.as_of, search.known_at))
    worth = F.sum(F.when(F.col("visit"), F.col("expected_recovery"))).cast("double").alias("recovery")
    version = F.max("model_version").alias("version")
    row = mine.agg(F.count("*").alias("alerts"), F.count_if("visit").alias("visits"), worth, version).first()
    return (row["alerts"], row["visits"], round(row["recovery"] or 0.0, 2), row["version"]) if row else (0, 0, 0.0, None)
