"""The version of abnormal_usage that judges a search: learnt in it and let through by the gate, else the champion where that one fits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame

from gridlens.anomaly.definition import Usage
from gridlens.anomaly.learner import learn
from gridlens.anomaly.pipeline import HALF, judge_pipeline
from gridlens.contracts.anomaly import MODEL
from gridlens.errors import RegistryError, SourceError
from gridlens.pipelines.anomaly_judged import judge_usage
from gridlens.pipelines.anomaly_log import PASSED, LearntUsage, log_usage
from gridlens.runs import Run, timed
from gridlens.settings import Settings
from gridlens.tracking import CHALLENGER, CHAMPION, Loaded, Store, Version

Say = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Judging:
    """A version that judges. Attributes: pipeline: adds log_odds, unusual and prediction to evidence; loaded: what holds its files."""

    version: Version
    pipeline: PipelineModel
    loaded: Loaded | None = None

    @staticmethod
    def of(store: Store, version: Version) -> Judging:
        """The version out of the store; raises RegistryError where its files are gone or altered."""
        loaded = store.load(MODEL, version.version)
        return Judging(version, loaded.model, loaded)


@dataclass(frozen=True, eq=False)
class Lesson:
    """What is to be learnt from.

    Attributes:
        examples: account_id, half, label, weight and features; persisted by the caller.
        data: their digest.
        features: those to learn from.
        misuse: figures of the forest beside it, logged with a new version.
    """

    usage: Usage
    as_of: dt.date
    known_at: dt.datetime
    examples: DataFrame
    data: str
    features: Sequence[str]
    misuse: Mapping[str, float | None]


def champion_of(store: Store) -> Version | None:
    """The version that has the champion's alias; None where none has it."""
    try:
        return store.version(MODEL, CHAMPION)  # not versions(): every search adds one
    except RegistryError:
        return None


def judging(store: Store, settings: Settings, lesson: Lesson, run: Run, *, say: Say) -> Judging:
    """The version that judges, learnt and registered where the same examples have not given one before.

    Raises:
        SourceError: the version of these examples does not serve, and there is no champion that fits; or they cannot teach.
        PlatformError: the model store does not answer.
    """
    made = _of_same_examples(store, lesson) or _learnt(store, settings, lesson, run, say)
    if serves(made.version):
        return made
    champion, why = _fitting_champion(store, lesson)
    if champion is None:
        raise SourceError(
            f"{made.version} does not serve ({made.version.reason}), and {why}: look at its model card, change the gate in "
            f"conf/anomaly/usage.yml, or `gridlens promote {MODEL} --version {made.version.version} --reason WHY`"
        )
    say(f"  {made.version} does not serve: {made.version.reason} Judged by champion {champion.version.version}")
    return champion


def serves(version: Version) -> bool:
    """Whether a version judges the search that it was learnt in: it passed the gate or was promoted by hand, and was not rolled back."""
    return version.decision == CHAMPION or (version.decision == CHALLENGER and version.tags.get(PASSED) == "true")


def _of_same_examples(store: Store, lesson: Lesson) -> Judging | None:
    """A version that was decided on and came from the very same examples and definition: of a search that died, or was told of visits."""
    fingerprints = (lesson.usage.fingerprint_of_learnt, lesson.data)
    same = (v for v in store.versions(MODEL) if v.decision and (v.definition_fingerprint, v.data_fingerprint) == fingerprints)
    version = next(same, None)
    if version is None:
        return None
    try:
        return Judging.of(store, version)
    except RegistryError:  # its files are gone or altered: the examples are there to learn from
        return None


def _learnt(store: Store, settings: Settings, lesson: Lesson, run: Run, say: Say) -> Judging:
    definition = lesson.usage.definition
    with timed(say, "learnt"):
        learnt = learn(lesson.examples, definition.trees, lesson.features)
        judge = learnt.judge(definition.prior)
        pipeline = judge_pipeline(lesson.examples.sparkSession, judge)
    with timed(say, "judged"):
        judged = judge_usage(learnt, definition)
    with timed(say, "recorded"):
        made = LearntUsage(lesson.usage, learnt, judge, pipeline, judged, lesson.data, lesson.misuse)
        version = log_usage(store, settings, made, run, lesson.as_of, lesson.known_at)
        return Judging(_settled(store, version, made), pipeline)


def _settled(store: Store, version: Version, made: LearntUsage) -> Version:
    """Gives a new version its alias: champion where it passed the gate, unless the champion was learnt from later facts."""
    decision, champion = made.judged.decision, champion_of(store)
    reason = " ".join(decision.reasons)
    if not decision.champion:
        return store.challenge(MODEL, version.version, reason=reason)
    if champion and champion.made_at and version.made_at and champion.made_at > version.made_at:
        why = f"It judges the search of its own moment only: champion {champion.version} was learnt from later facts."
        return store.challenge(MODEL, version.version, reason=f"{why} {reason}")
    return store.promote(MODEL, version.version, reason=reason)


def _fitting_champion(store: Store, lesson: Lesson) -> tuple[Judging | None, str]:
    """The champion that can judge instead, or why there is none."""
    champion = champion_of(store)
    if champion is None:
        return None, "there is no champion to judge instead"
    if champion.definition_fingerprint != lesson.usage.fingerprint_of_learnt:
        return None, f"champion {champion.version} is of another definition"
    if champion.made_at is None or champion.made_at > (lesson.as_of, lesson.known_at):
        return None, f"champion {champion.version} was learnt from later facts"
    try:
        found = Judging.of(store, champion)
    except RegistryError as error:
        return None, str(error)
    if found.loaded is None or set(found.loaded.features) != {HALF, *lesson.features}:
        return None, f"champion {champion.version} reads other evidence"
    return found, ""
