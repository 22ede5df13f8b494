"""The models' part of the chain: trains what has no good champion yet, then scores by every champion; the credit grade likewise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from pyspark import inheritable_thread_target
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.model import MODEL_DRIFT
from gridlens.errors import RegistryError, SourceError
from gridlens.models.library import Model
from gridlens.pipelines.anomaly import AnomaliesResult, run_anomalies
from gridlens.pipelines.credit import CreditResult, run_credit
from gridlens.pipelines.credit_cards import scorecard_plan
from gridlens.pipelines.credit_train import CreditTrainResult, run_credit_train
from gridlens.pipelines.declared import model_library
from gridlens.pipelines.moments import of_moment
from gridlens.pipelines.options import AnomalyOptions, CreditOptions, ScoreOptions, TrainOptions
from gridlens.pipelines.score import ScoreResult, run_score
from gridlens.pipelines.tag_state import Moment
from gridlens.pipelines.train import TrainResult, run_train
from gridlens.pipelines.training_set import newest_moment
from gridlens.settings import Settings
from gridlens.tracking import CHAMPION, Store, Version
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]
Done = TypeVar("Done")
LEAST_ACCOUNTS = 1_000
"""Of fewer the chain trains no model: its figures would be chance, and account features of past moments take minutes."""
AT_ONCE = 2
"""Models at the same time: on few accounts a training waits for its driver most of the time."""


@dataclass(frozen=True)
class Learned:
    """What the chain did with one model.

    Attributes:
        trained: the training; None where the champion stands.
        scored: the scoring; None where there is no champion.
        why_not: why it was not trained or not scored; None where all went well.
    """

    model: str
    trained: TrainResult | None
    scored: ScoreResult | None
    why_not: str | None

    @property
    def nothing_new(self) -> bool:
        return all(done is None or done.nothing_new for done in (self.trained, self.scored))


@dataclass(frozen=True)
class Graded:
    """What the chain did with the credit grade; fields as those of :class:`Learned`."""

    trained: CreditTrainResult | None
    graded: CreditResult | None
    why_not: str | None

    @property
    def nothing_new(self) -> bool:
        return all(done is None or done.nothing_new for done in (self.trained, self.graded))


@dataclass(frozen=True)
class Searched:
    """What the chain did about abnormal usage; ``why_not``: why it did nothing."""

    found: AnomaliesResult | None
    why_not: str | None

    @property
    def nothing_new(self) -> bool:
        return self.found is None or self.found.nothing_new


def learn(spark: SparkSession, settings: Settings, moment: Moment, *, say: Say) -> Iterator[Learned]:
    """Trains and scores the models of conf/models, AT_ONCE of them at a time; gives them in the order of their definitions.

    A model is trained where it has no version yet, where its definition is another than that of its newest version, where it has no
    champion and outcomes of a newer moment are known, and, once a month, where drift asks for it. Rows that
    cannot teach a model, and a champion that cannot score, are said and do not stop the chain.

    Raises:
        DefinitionError: a definition does not hold.
        PlatformError: the model store does not answer.
    """
    warehouse, store = Warehouse(spark, settings), Store.open(settings)
    few = _too_few(warehouse, moment)

    def one(model: Model) -> Learned:
        told = _prefixed(say, model.id)
        trained, why_not = _trained(warehouse, store, model, moment, few, told)
        if not _has_champion(store, model.id):
            return Learned(model.id, trained, None, why_not or _no_champion(trained))
        options = ScoreOptions(model.id, moment.as_of, moment.known_at)
        scored, failed = _tried("scored", lambda: run_score(spark, settings, options, say=told))
        return Learned(model.id, trained, scored, _both(why_not, failed))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = [pool.submit(inheritable_thread_target(spark)(one), model) for model in model_library(settings)]
        try:
            for done in waiting:
                yield done.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _prefixed(say: Say, model: str) -> Say:
    """Says which model a line is about, where the line does not."""
    return lambda text: say(f"  {model}: {text.strip().removeprefix(f'{model}: ')}")


def _trained(
    warehouse: Warehouse, store: Store, model: Model, moment: Moment, few: str | None, say: Say
) -> tuple[TrainResult | None, str | None]:
    versions = store.versions(model.id)
    if not _due(warehouse, versions, model, moment):
        return None, None
    if few:
        return None, few
    options = TrainOptions(model.id, moment.as_of, moment.known_at)
    return _tried("trained", lambda: run_train(warehouse.spark, warehouse.settings, options, say=say))


def _tried(what: str, job: Callable[[], Done]) -> tuple[Done | None, str | None]:
    """What the job gives; or why it is not done, where the data or the registered version do not allow it."""
    try:
        return job(), None
    except (SourceError, RegistryError) as error:
        return None, f"not {what}: {error}"


def _both(*why_not: str | None) -> str | None:
    return "; ".join(one for one in why_not if one) or None


def _has_champion(store: Store, model: str) -> bool:
    return any(CHAMPION in version.aliases for version in store.versions(model))


def _too_few(warehouse: Warehouse, moment: Moment) -> str | None:
    """Why there are too few accounts to learn from; None where there are enough."""
    accounts = warehouse.read(ACCOUNT_FEATURE).where(of_moment(moment.as_of, moment.known_at)).count()
    return f"not trained: {accounts:,} accounts in all, fewer than {LEAST_ACCOUNTS:,}" if accounts < LEAST_ACCOUNTS else None


def grade_credit(spark: SparkSession, settings: Settings, moment: Moment, *, say: Say) -> Graded:
    """Fits the scorecard where it has no version of its definition yet, and grades by the champion; says why where it cannot."""
    warehouse, store = Warehouse(spark, settings), Store.open(settings)
    options = CreditOptions(as_of=moment.as_of, known_at=moment.known_at)
    plan = scorecard_plan(settings, options.scorecard)
    trained, why_not = None, None
    if _due(warehouse, store.versions(options.scorecard), plan.model, moment):
        why_not = _too_few(warehouse, moment)
        if why_not is None:
            trained, why_not = _tried("trained", lambda: run_credit_train(spark, settings, options, say=say))
    if not _has_champion(store, options.scorecard):
        return Graded(trained, None, why_not or _no_champion(trained))
    graded, failed = _tried("graded", lambda: run_credit(spark, settings, options, say=say))
    return Graded(trained, graded, _both(why_not, failed))


def _no_champion(trained: TrainResult | CreditTrainResult | None) -> str:
    later = "it is trained again once newer outcomes are known; or promote a version by hand, or change the definition"
    return "no champion: " + (" ".join(trained.reasons) if trained else later)


def search_usage(spark: SparkSession, settings: Settings, moment: Moment, *, say: Say) -> Searched:
    """Searches for abnormal usage; says why where there are too few accounts, or no daily energy, to learn what is usual."""
    rows = Warehouse(spark, settings).read(ACCOUNT_FEATURE).where(of_moment(moment.as_of, moment.known_at) & F.col("is_open"))
    accounts = rows.count()
    if accounts < LEAST_ACCOUNTS:
        return Searched(None, f"not searched: {accounts:,} accounts are open, fewer than {LEAST_ACCOUNTS:,}")
    options = AnomalyOptions(moment.as_of, moment.known_at)
    return Searched(*_tried("searched", lambda: run_anomalies(spark, settings, options, say=say)))


def _due(warehouse: Warehouse, versions: list[Version], model: Model, moment: Moment) -> bool:
    decided = [version for version in versions if version.decision]
    if not decided or decided[0].definition_fingerprint != model.fingerprint:
        return True
    champion = next((version for version in versions if CHAMPION in version.aliases), None)
    if champion is None:
        return _labelled_since(warehouse.settings, decided[0], model, moment)
    if decided[0].month >= moment.as_of.isoformat()[:7]:
        return False
    return _drifted(warehouse, champion)


def _labelled_since(settings: Settings, version: Version, model: Model, moment: Moment) -> bool:
    """True where outcomes of a newer moment are known than those that the version was judged by."""
    if version.made_at is None:
        return True
    as_of, known_at = version.made_at
    judged_on = newest_moment(settings, model, as_of=as_of, known_at=known_at)
    return newest_moment(settings, model, as_of=moment.as_of, known_at=moment.known_at) > judged_on


def _drifted(warehouse: Warehouse, champion: Version) -> bool:
    """True where the newest scores of the version ask for a training."""
    seen = warehouse.read(MODEL_DRIFT).where((F.col("model_id") == champion.model) & (F.col("model_version") == str(champion.version)))
    row = seen.agg(F.max_by("retrain", F.struct("as_of", "known_at")).alias("retrain")).first()
    return bool(row and row["retrain"])
