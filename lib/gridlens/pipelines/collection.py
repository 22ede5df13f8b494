"""The collection list (催收清单): scores of arrears, what is at stake, days to pay → the cases that a team works on first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.collection import COLLECTION_CASE
from gridlens.errors import RegistryError, SourceError
from gridlens.lease import writer_lease
from gridlens.models.collection import collection_list, exposures
from gridlens.models.collection_definition import CollectionDefinition, load_collection
from gridlens.models.survival import EXPECTED_DAYS
from gridlens.pipelines.account_features import batches_digest
from gridlens.pipelines.changes import table_digest
from gridlens.pipelines.declared import model_library, taggable
from gridlens.pipelines.history import last_run
from gridlens.pipelines.moments import moment_where, of_moment
from gridlens.pipelines.options import MomentOptions
from gridlens.pipelines.scores import score_rows, versions_that_scored
from gridlens.pipelines.tag_state import Moment, required_features
from gridlens.pipelines.time_to_pay import MODEL as TIME_TO_PAY
from gridlens.pipelines.time_to_pay import champion_lost, serving, time_to_pay_due, train_time_to_pay
from gridlens.runs import Run, logged, timed
from gridlens.settings import Settings, conf_file
from gridlens.tracking import CHAMPION, Loaded, Store
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]
JOB = "collection"


@dataclass(frozen=True)
class CollectionResult:
    """What stands on the list.

    Attributes:
        model, version: whose scores are the probabilities of default.
        cases: on the list; capacity: most there could be.
        exposure, expected_loss, expected_saving: of all cases.
        time_to_pay: version that gives the expected days; None: they are unknown.
        time_to_pay_because: its figures; why there is none; or why a version that was made now does not take its place.
    """

    run_id: str
    as_of: dt.date
    known_at: dt.datetime
    nothing_new: bool
    model: str
    version: int
    cases: int
    capacity: int
    exposure: float
    expected_loss: float
    expected_saving: float
    time_to_pay: int | None
    time_to_pay_because: str
    seconds: float

    @property
    def found(self) -> str:
        """One line."""
        return f"{self.cases:,} cases, expected loss {self.expected_loss:,.0f}, expected saving {self.expected_saving:,.0f}"


def collection_definition(settings: Settings) -> CollectionDefinition:
    """The definition of conf/collection/plan.yml, the user's file first; raises DefinitionError at the first mistake."""
    models = [model.id for model in model_library(settings)]
    return load_collection(conf_file(settings, "collection/plan.yml"), taggable(), models)


def run_collection(
    spark: SparkSession, settings: Settings, options: MomentOptions, *, definition: CollectionDefinition | None = None, say: Say = print
) -> CollectionResult:
    """Makes the list of one moment; time to pay is fitted anew once a month, and where its definition changed.

    Raises:
        DefinitionError: the definition does not hold.
        SourceError: there are no account features of that day, or they have no scores.
        RegistryError: the model of the scores has no champion; PlatformError: the store does not answer.
    """
    definition = definition or collection_definition(settings)
    warehouse, store = Warehouse(spark, settings), Store.open(settings)
    with writer_lease(settings):
        moment = required_features(warehouse, options.as_of, options.known_at)
        version = _scored_by(warehouse, store, definition.model, moment)
        scores = score_rows(warehouse, {definition.model: version}, moment)
        run = Run(JOB, {"model": definition.model}, as_of=moment.as_of, known_at=moment.known_at)
        with logged(warehouse, run):
            facts = {
                "definition": definition.fingerprint,
                "features": moment.run_id,
                "scores": f"{version} {table_digest(scores.select('account_id', 'score'))}",
                "batches": batches_digest(warehouse),
            }
            last = last_run(warehouse, JOB, wrote=(COLLECTION_CASE,))
            run.fingerprints = facts | {"days": _serving(store, definition)[0]}
            run.nothing_new = last == (run.fingerprints, moment.as_of, moment.known_at)
            why = "" if run.nothing_new else _trained(warehouse, store, definition, moment, run, say)
            number, because = _serving(store, definition)
            if not run.nothing_new:
                features = warehouse.read(ACCOUNT_FEATURE).where(of_moment(moment.as_of, moment.known_at))
                loaded, lost = _loaded(store, number, features)
                number, because, why = ("", lost, "") if lost else (number, because, why)
                _write(warehouse, definition, scores, features, loaded, moment, run, say)
            run.fingerprints = facts | {"days": number}
            return _result(warehouse, definition, version, moment, run, number, why or because)


def _scored_by(warehouse: Warehouse, store: Store, model: str, moment: Moment) -> int:
    """The version whose scores the moment has; without one, the sentence says what is missing."""
    version = versions_that_scored(warehouse, moment).get(model)
    if version is None:
        store.version(model)  # says that there is no champion, where there is none
        raise SourceError(f"there are no scores of {model} as of {moment.as_of}: run `gridlens score {model}` first")
    return version


def _serving(store: Store, definition: CollectionDefinition) -> tuple[str, str]:
    """Number of the version that gives the expected days, empty where none does, and why."""
    if definition.time_to_pay is None:
        return "", "time to pay is not in the definition"
    champion, because = serving(store)
    return str(champion.version) if champion else "", because


def _trained(warehouse: Warehouse, store: Store, definition: CollectionDefinition, moment: Moment, run: Run, say: Say) -> str:
    """Fits time to pay where it is due, or its champion cannot score any more; gives why the new version does not serve, else nothing."""
    told = definition.time_to_pay
    if told is None or not (time_to_pay_due(store, told, moment.as_of) or champion_lost(warehouse, store)):
        return ""
    try:
        version = train_time_to_pay(warehouse, store, told, moment, run, say=say)
    except SourceError as error:
        return f"not fitted: {error}"
    return "" if version.decision == CHAMPION else f"version {version.version} does not serve: {version.reason}"


def _loaded(store: Store, number: str, features: DataFrame) -> tuple[Loaded | None, str]:
    """The version that gives the expected days; None, and why, where it cannot score any more and none has taken its place."""
    if not number:
        return None, ""
    try:
        loaded = store.load(TIME_TO_PAY, int(number))
        loaded.check(features.select(*[name for name in loaded.features if name in features.columns]).schema)
    except RegistryError as error:
        return None, f"champion {number} cannot score any more, and none has taken its place: {error}"
    return loaded, ""


def _write(
    warehouse: Warehouse,
    definition: CollectionDefinition,
    scores: DataFrame,
    features: DataFrame,
    loaded: Loaded | None,
    moment: Moment,
    run: Run,
    say: Say,
) -> None:
    days = None
    if loaded:
        days = loaded.model.transform(features.select("account_id", *loaded.features)).select("account_id", EXPECTED_DAYS)
    with timed(say, f"{JOB}: cases ranked"):
        cases = collection_list(scores, exposures(features), definition.plan, as_of=moment.as_of, known_at=moment.known_at, days=days)
        warehouse.replace(COLLECTION_CASE, cases, where=moment_where(moment.as_of, moment.known_at))
    run.wrote(f"gold.{COLLECTION_CASE.name}", warehouse.read(COLLECTION_CASE).where(moment_where(moment.as_of, moment.known_at)).count())


def _result(
    warehouse: Warehouse, definition: CollectionDefinition, version: int, moment: Moment, run: Run, number: str, because: str
) -> CollectionResult:
    names = ("exposure", "expected_loss", "expected_saving")
    sums = [F.coalesce(F.sum(name), F.lit(0.0)).alias(name) for name in names]
    row = (
        warehouse.read(COLLECTION_CASE)
        .where(moment_where(moment.as_of, moment.known_at))
        .agg(F.count("*").alias("cases"), *sums)
        .collect()[0]
    )
    return CollectionResult(
        run_id=run.run_id,
        as_of=moment.as_of,
        known_at=moment.known_at,
        nothing_new=run.nothing_new,
        model=definition.model,
        version=version,
        cases=row["cases"],
        capacity=definition.plan.capacity,
        **{name: round(row[name], 2) for name in names},
        time_to_pay=int(number) if number else None,
        time_to_pay_because=because,
        seconds=run.seconds,
    )
