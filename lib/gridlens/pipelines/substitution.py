"""Electric substitution (电能替代): scores of one moment, and what processes need → candidates by expected revenue, potential in all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.credit import CREDIT_GRADE
from gridlens.contracts.substitution import SUBSTITUTION_POTENTIAL, SUBSTITUTION_SUMMARY
from gridlens.errors import RegistryError, SourceError
from gridlens.lease import writer_lease
from gridlens.models.substitution import candidates, label_frequency, potential, summary, valued
from gridlens.models.substitution_definition import Substitution, load_substitution
from gridlens.pipelines.declared import taggable
from gridlens.pipelines.history import last_run, last_success
from gridlens.pipelines.moments import moment_where, of_moment
from gridlens.pipelines.options import MomentOptions
from gridlens.pipelines.scores import GRADING, score_rows, versions_that_scored
from gridlens.pipelines.tag_state import Moment, required_features
from gridlens.runs import Run, logged, timed
from gridlens.settings import Settings, conf_file
from gridlens.tracking import Store, Version
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]
JOB = "substitution"
MODEL = "substitution"
RISK = "arrears"
CREDIT = "credit_grade"
_WRITES = (SUBSTITUTION_POTENTIAL, SUBSTITUTION_SUMMARY)
MEAN_OF_BUYERS = "mean_score_of_positives"
"""Metric of a training: mean score of the test rows with label 1, which the version has not seen."""


@dataclass(frozen=True)
class SubstitutionResult:
    """What could be changed to electricity.

    Attributes:
        version: of the model that scored.
        label_frequency: share of those who would buy that is seen to buy within the model's horizon: mean score of held-out buyers.
        accounts: with a score and a process that burns fuel. candidates: on the list; expected_candidates: Σ of their probabilities in all.
        added_kwh, added_revenue, expected_revenue, co2_saved_kg: of all these accounts, a year.
        missing: what is not shown beside, since nothing of the moment was computed.
    """

    run_id: str
    as_of: dt.date
    known_at: dt.datetime
    nothing_new: bool
    version: int
    label_frequency: float
    accounts: int
    candidates: int
    expected_candidates: float
    added_kwh: float
    added_revenue: float
    expected_revenue: float
    co2_saved_kg: float
    missing: tuple[str, ...]
    seconds: float

    @property
    def found(self) -> str:
        """In one line."""
        told = f"{self.candidates:,} candidates of {self.accounts:,} accounts, {self.expected_revenue:,.0f} expected revenue a year"
        return "" if self.nothing_new else told


def substitution_definition(settings: Settings) -> Substitution:
    """The definition of conf/substitution/processes.yml, the user's file first; raises DefinitionError at the first mistake."""
    return load_substitution(conf_file(settings, "substitution/processes.yml"), taggable())


def run_substitution(
    spark: SparkSession, settings: Settings, options: MomentOptions, *, definition: Substitution | None = None, say: Say = print
) -> SubstitutionResult:
    """Ranks the candidates of one moment, default that of the newest account features.

    Raises:
        DefinitionError: the definition does not hold.
        SourceError: there are no account features of that day, no version has scored it, or too few buyers were held out.
        RegistryError: the version that scored does not say what its held-out buyers scored; PlatformError: the store does not answer.
    """
    definition = definition or substitution_definition(settings)
    warehouse = Warehouse(spark, settings)
    with writer_lease(settings):
        moment = required_features(warehouse, options.as_of, options.known_at)
        served = versions_that_scored(warehouse, moment)
        if MODEL not in served:
            raise SourceError(
                f"no version of {MODEL} has scored {moment.as_of}: run `gridlens train {MODEL}` and `gridlens score {MODEL}` first"
            )
        frequency = _frequency(Store.open(settings).version(MODEL, served[MODEL]))
        run = Run(JOB, {}, as_of=moment.as_of, known_at=moment.known_at)
        run.fingerprints = {
            "definition": definition.fingerprint,
            "features": moment.run_id,
            "version": str(served[MODEL]),
            "risk": str(served.get(RISK, "")),
            "grades": last_success(warehouse, GRADING, of_moment(moment.as_of, moment.known_at)),
        }
        with logged(warehouse, run):
            run.nothing_new = last_run(warehouse, JOB, wrote=_WRITES) == (run.fingerprints, moment.as_of, moment.known_at)
            if not run.nothing_new:
                _write(warehouse, definition, served, frequency, moment, run, say)
            return _result(warehouse, run, moment, served, frequency)


def _frequency(version: Version) -> float:
    """c of Elkan and Noto from the test of the version's own training: rows out of time that it has not seen."""
    if MEAN_OF_BUYERS not in version.metrics:
        raise RegistryError(
            f"{version} does not say what its held-out buyers scored (it was trained by an older gridlens): "
            f"run `gridlens train {MODEL} --again` and `gridlens score {MODEL}`"
        )
    return label_frequency(version.metrics[MEAN_OF_BUYERS], version.metrics["positives"])


def _write(
    warehouse: Warehouse, definition: Substitution, served: dict[str, int], frequency: float, moment: Moment, run: Run, say: Say
) -> None:
    where = moment_where(moment.as_of, moment.known_at)
    features = warehouse.read(ACCOUNT_FEATURE).where(of_moment(moment.as_of, moment.known_at))
    risks = _scores(warehouse, RISK, served[RISK], moment) if RISK in served else None
    found = valued(
        _scores(warehouse, MODEL, served[MODEL], moment),
        potential(features, definition),
        frequency,
        risks=risks,
        grades=_grades(warehouse, served, moment),
    ).persist()
    try:
        with timed(say, "candidates"):
            best = candidates(found, as_of=moment.as_of, known_at=moment.known_at, limit=definition.definition.candidates)
            warehouse.replace(SUBSTITUTION_POTENTIAL, best, where=where)
        with timed(say, "potential by process, industry, risk and grade"):
            warehouse.replace(SUBSTITUTION_SUMMARY, summary(found, as_of=moment.as_of, known_at=moment.known_at), where=where)
        run.wrote(f"gold.{SUBSTITUTION_POTENTIAL.name}", min(found.count(), definition.definition.candidates))
    finally:
        found.unpersist()


def _scores(warehouse: Warehouse, model: str, version: int, moment: Moment) -> DataFrame:
    rows = score_rows(warehouse, {model: version}, moment)
    return (
        rows.select("account_id", "score", "band", "model", "version")
        if model == RISK
        else rows.select("account_id", "score", "model", "version")
    )


def _grades(warehouse: Warehouse, served: dict[str, int], moment: Moment) -> DataFrame | None:
    """account_id and its grade by the packaged scorecard, of the version that graded the moment last; None where none did."""
    if CREDIT not in served:
        return None
    rows = score_rows(warehouse, {CREDIT: served[CREDIT]}, moment, table=CREDIT_GRADE.name)
    return rows.select("account_id", "grade")


def _result(warehouse: Warehouse, run: Run, moment: Moment, served: dict[str, int], frequency: float) -> SubstitutionResult:
    at = of_moment(moment.as_of, moment.known_at)
    amounts = ("accounts", "candidates", "added_kwh", "added_revenue", "expected_revenue", "co2_saved_kg")
    of_all = warehouse.read(SUBSTITUTION_SUMMARY).where(at & (F.col("dimension") == "process"))
    row = of_all.agg(*[F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in amounts]).collect()[0]
    listed = warehouse.read(SUBSTITUTION_POTENTIAL).where(at)
    beside = listed.agg(F.count("*").alias("n"), F.count("risk").alias("risk"), F.count("grade").alias("grade")).collect()[0]
    missing = tuple(name for name, column in ((RISK, "risk"), ("credit grade", "grade")) if not beside[column])
    return SubstitutionResult(
        run.run_id,
        moment.as_of,
        moment.known_at,
        run.nothing_new,
        served[MODEL],
        frequency,
        row["accounts"],
        beside["n"],
        row["candidates"],
        row["added_kwh"],
        row["added_revenue"],
        row["expected_revenue"],
        row["co2_saved_kg"],
        missing,
        run.seconds,
    )
