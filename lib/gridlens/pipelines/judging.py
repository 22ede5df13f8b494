"""What a fitted model is worth: its figures out of time, beside the baselines and the champion, and the gate's decision."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.errors import RegistryError
from gridlens.models.baselines import baselines
from gridlens.models.compare import compare
from gridlens.models.figures import Baseline, Comparison, Figures
from gridlens.models.fit import Fitted
from gridlens.models.gate import Decision, decide
from gridlens.models.library import Model
from gridlens.models.metrics import evaluate
from gridlens.pipelines.training_set import TrainingSet
from gridlens.tracking import CHAMPION, Loaded, Store, Version
from gridlens.warehouse import Warehouse

LEAST_GROUP = 100
"""Figures of smaller groups are chance."""
_OTHER = "champion_prediction"
_KEYS = ("account_id", "as_of", "known_at")


@dataclass(frozen=True)
class Incumbent:
    """The champion that a new version is judged against.

    Attributes:
        version: its number.
        model: to compare with; None where it cannot be loaded any more.
        lost: why it cannot score any more; None where it can.
    """

    version: int
    model: Loaded | None
    lost: str | None = None


@dataclass(frozen=True)
class Judged:
    """A model on the rows of the newest moment, which it has not seen.

    Attributes:
        test: all customers. unseen: those that were in no training row; None where too few to have both labels.
        train: the rows it was fitted on, for the difference alone.
        baselines: on the test rows.
        against: the champion on the test rows; None where there is none, or it cannot score any more.
        champion: its version; None where there is none.
        decision: of the gate.
    """

    test: Figures
    unseen: Figures | None
    train: Figures
    baselines: tuple[Baseline, ...]
    against: Comparison | None
    champion: str | None
    decision: Decision


def incumbent(warehouse: Warehouse, store: Store, model: str) -> Incumbent | None:
    """The champion of a model; None where there is none.

    Raises:
        PlatformError: the store does not answer. That passes, and is no reason to replace the champion.
    """
    champion = next((version for version in store.versions(model) if CHAMPION in version.aliases), None)
    if champion is None:
        return None
    try:
        loaded = store.load(model, champion.version)
        loaded.check(_read_by(loaded, warehouse).schema)
        store.check_served(loaded.version)
    except RegistryError as error:
        return Incumbent(champion.version, None, str(error))
    return Incumbent(champion.version, loaded)


def has_lost(warehouse: Warehouse, store: Store, model: str) -> bool:
    """Whether the champion cannot score any more, so that the facts that gave it are to be learned from again."""
    champion = incumbent(warehouse, store, model)
    return champion is not None and champion.lost is not None


def _read_by(champion: Loaded, warehouse: Warehouse) -> DataFrame:
    """The account features that a champion reads, as far as they are there."""
    rows = warehouse.read(ACCOUNT_FEATURE)
    return rows.select(*_KEYS, *[name for name in champion.features if name in rows.columns])


def judge(warehouse: Warehouse, model: Model, fitted: Fitted, data: TrainingSet, scored: DataFrame, champion: Incumbent | None) -> Judged:
    """Judges a fitted model.

    Args:
        warehouse: the champion's features are read from it where the model has others.
        model: the definition.
        fitted: the model.
        data: the rows.
        scored: the test rows with ``prediction``.
        champion: the version to compare with.
    """
    told, facts = model.definition, data.facts
    least = max(LEAST_GROUP, warehouse.settings.min_group)
    test = evaluate(scored, groups=told.groups, capacity=told.capacity, costs=told.costs, min_group=least)
    some = 0 < facts.unseen_positives < facts.unseen_rows
    unseen = evaluate(scored.where("unseen"), capacity=told.capacity, costs=told.costs) if some else None
    train = evaluate(fitted.pipeline.transform(data.train), capacity=told.capacity, costs=told.costs)
    simple = baselines(data.train, data.test, told.features, capacity=told.capacity, last_value=told.last_value)
    against = _compared(warehouse, model, scored, champion.model) if champion and champion.model else None
    number, lost = (str(champion.version), champion.lost) if champion else (None, None)
    decision = decide(told.gate, test, baselines=simple, against=against, champion=number, lost=lost)
    return Judged(test, unseen, train, simple, against, number, decision)


def _compared(warehouse: Warehouse, model: Model, scored: DataFrame, champion: Loaded) -> Comparison:
    """Both on the same rows."""
    rows = scored.select(*_KEYS, "label", "prediction")
    theirs = _read_by(champion, warehouse).join(rows.select(*_KEYS), on=list(_KEYS), how="left_semi")
    theirs = champion.model.transform(theirs).select(*_KEYS, F.col("prediction").alias(_OTHER))
    both = rows.join(theirs, on=list(_KEYS), how="inner")
    return compare(both, other=_OTHER, capacity=model.definition.capacity, confidence=model.definition.gate.confidence)


def settle(store: Store, model: str, version: Version, judged: Judged) -> Version:
    """Gives a judged version its alias: champion in the place of the one that it was judged against, or challenger."""
    reason = " ".join(judged.decision.reasons)
    if not judged.decision.champion:
        return store.challenge(model, version.version, reason=reason)
    after = int(judged.champion) if judged.champion else None
    return store.succeed(model, version.version, after=after, reason=reason)


def reasons(judged: Judged, version: Version) -> tuple[str, ...]:
    """The gate's sentences; or why the version did not become champion although it passed."""
    return judged.decision.reasons if judged.decision.champion == (version.decision == CHAMPION) else (version.reason,)
