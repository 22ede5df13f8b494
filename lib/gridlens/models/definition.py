"""Models as they stand in conf/models: population, label, features, learner, split, gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field as ModelField
from pydantic import field_validator, model_validator

from gridlens.definitions import Frozen

_ID = r"^[a-z][a-z0-9_]*$"
Kind = Literal["gradient_boosted_trees", "random_forest", "logistic_regression", "xgboost"]
Grid = Mapping[str, tuple[float, ...]]
NAMES_OF_SETTINGS: dict[str, tuple[str, ...]] = {
    "gradient_boosted_trees": ("trees", "max_depth", "step_size", "subsample", "feature_share", "min_rows"),
    "random_forest": ("trees", "max_depth", "subsample", "feature_share", "min_rows"),
    "logistic_regression": ("ridge", "elastic_net"),
    "xgboost": ("trees", "max_depth", "step_size", "subsample", "feature_share", "min_rows"),
}
"""What an algorithm can be told, each with the values to choose from."""


class LabelDefinition(Frozen):
    """What is predicted, of the rows of one moment T.

    Attributes:
        function: a registered label function (models/labels).
        arguments: its settings, such as the days after which a bill counts as unpaid.
        gap_days: days after T in which nothing can be done any more; what happens in them is no label (blind gap).
        horizon_days: days after the gap that are looked at: T + gap < day <= T + gap + horizon.
    """

    function: str = ModelField(pattern=_ID)
    arguments: Mapping[str, float | int | str | tuple[str, ...]] = ModelField(default_factory=dict)
    gap_days: int = ModelField(default=0, ge=0, le=365)
    horizon_days: int = ModelField(ge=1, le=730)


class Snapshots(Frozen):
    """The moments that rows are taken at: ends of months, the newest one the test.

    Attributes:
        count: moments, the test among them.
        step_months: months between two moments.
        unseen_share: part of the customers that is kept out of the earlier moments, so that the test also tells how the model does on
            customers that it never saw.
    """

    count: int = ModelField(default=3, ge=2, le=36)
    step_months: int = ModelField(default=3, ge=1, le=12)
    unseen_share: float = ModelField(default=0.3, ge=0.05, le=0.8)


class ModelFeature(Frozen):
    """A column that the model reads.

    Attributes:
        name: column of account_feature_v1.
        kind: ``number``, ``flag`` (boolean) or ``category`` (text, or a number that is a code).
        monotone: how the score may depend on it, where the algorithm can be held to it.
        actionable: the company can do something about it.
        act: what, in a sentence; suggested where the feature is among the reasons.
        zh, en: how a reason names it.
        strong_because: why the feature may tell the label almost alone; without it such a feature stops the training as a leak.
    """

    name: str = ModelField(min_length=1)
    kind: Literal["number", "flag", "category"] = "number"
    monotone: Literal["increasing", "decreasing"] | None = None
    actionable: bool = False
    act: str | None = None
    zh: str | None = None
    en: str | None = None
    strong_because: str | None = None

    @property
    def words(self) -> str:
        """Chinese and English, or the name where it has neither."""
        return " / ".join(text for text in (self.zh, self.en) if text) or self.name


class AlgorithmDefinition(Frozen):
    """An algorithm with the values that each of its settings may take; every combination is a candidate.

    Attributes:
        min_positives: it is tried where the training rows have as many positives, so that one definition serves a small company and a
            large one.
    """

    kind: Kind
    grid: Grid = ModelField(default_factory=dict)
    min_positives: int = ModelField(default=0, ge=0)

    @model_validator(mode="after")
    def _known_settings(self) -> AlgorithmDefinition:
        known = NAMES_OF_SETTINGS[self.kind]
        for name, values in self.grid.items():
            if name not in known:
                raise ValueError(f"{name} is no setting of {self.kind}; expected one of {', '.join(known)}")
            if not values:
                raise ValueError(f"{name} has no value to choose from; give at least one")
        return self


class LearnerDefinition(Frozen):
    """How a model is fitted.

    Attributes:
        algorithms: the candidates.
        combine: ``best`` keeps the best candidate; ``blend`` joins the best one of every algorithm.
        calibration: ``platt`` (logistic) or ``isotonic``, on rows that the algorithms did not see.
        folds: parts of the customers in training, for choosing and calibrating: each is predicted by models that did not see it.
        min_category_share: rarer categories are one.
        seed: of every random choice.
    """

    algorithms: tuple[AlgorithmDefinition, ...] = ModelField(min_length=1)
    combine: Literal["best", "blend"] = "best"
    calibration: Literal["platt", "isotonic"] = "platt"
    folds: int = ModelField(default=3, ge=2, le=10)
    min_category_share: float = ModelField(default=0.005, ge=0, lt=0.5)
    seed: int = 20260331

    @field_validator("algorithms")
    @classmethod
    def _one_for_few(cls, value: tuple[AlgorithmDefinition, ...]) -> tuple[AlgorithmDefinition, ...]:
        if value and all(algorithm.min_positives for algorithm in value):
            raise ValueError("every algorithm has min_positives; leave it out of one, so that few positives are learned from too")
        return value

    def with_positives(self, positives: int) -> LearnerDefinition:
        """The learner of training rows that have so many positives."""
        return self.model_copy(update={"algorithms": tuple(a for a in self.algorithms if a.min_positives <= positives)})


class Gate(Frozen):
    """What a version must reach, on rows out of time, to become champion.

    Attributes:
        min_auc: least ROC-AUC.
        min_gain: least gain of the AUC over the best baseline.
        max_calibration_error: greatest expected calibration error (ten bins of equal size).
        max_ratio: greatest factor, either way, between predicted and observed positives of all test rows, as Figures.ratio has them: an
            error of calibration is small against its limit wherever positives are rare, whatever is predicted.
        max_disparity: greatest factor between the groups' ratios of predicted to observed positives, as GroupFigures has them.
        tolerance: the champion's AUC on the same rows may be higher by this at most, by the bound of the confidence interval.
        confidence: of that interval.
        min_positives: fewer positives in the test decide nothing: no champion.
    """

    min_auc: float = ModelField(default=0.6, ge=0.5, le=1)
    min_gain: float = ModelField(default=0.0, ge=-1, le=1)
    max_calibration_error: float = ModelField(default=0.05, gt=0, le=1)
    max_ratio: float = ModelField(default=1.5, ge=1)
    max_disparity: float = ModelField(default=3.0, ge=1)
    tolerance: float = ModelField(default=0.01, ge=0, le=0.5)
    confidence: float = ModelField(default=0.95, gt=0.5, lt=1)
    min_positives: int = ModelField(default=30, ge=1)


class Band(Frozen):
    """A named range of the score: from this probability up, to the next band's."""

    id: str = ModelField(pattern=_ID)
    zh: str = ModelField(min_length=1)
    en: str = ModelField(min_length=1)
    score_from: float = ModelField(ge=0, lt=1)


class Costs(Frozen):
    """What a wrong decision costs, in the settings' currency: acting in vain, and not acting where it was needed."""

    in_vain: float = ModelField(gt=0)
    missed: float = ModelField(gt=0)


class ModelDefinition(Frozen):
    """One model.

    Attributes:
        id, name_zh, name_en, purpose, limits: what it is called, is for, and is not for.
        owner: who answers for it.
        version: of the definition, raised by its author.
        population: checked boolean expression over account_feature_v1; the rest is neither trained on nor scored.
        label, snapshots, features, learner, gate, bands, costs: see there.
        last_value: number whose higher values stand for more risk, judged beside the model; None: no such baseline.
        groups: columns whose groups are compared.
        capacity: cases that the team can work on after one scoring.
    """

    id: str = ModelField(pattern=_ID)
    name_zh: str = ModelField(min_length=1)
    name_en: str = ModelField(min_length=1)
    purpose: str = ModelField(min_length=10)
    limits: str = ModelField(min_length=10)
    owner: str = ModelField(min_length=1)
    version: int = ModelField(ge=1)
    population: str = ModelField(min_length=1)
    label: LabelDefinition
    snapshots: Snapshots = Snapshots()
    features: tuple[ModelFeature, ...] = ModelField(min_length=1)
    learner: LearnerDefinition
    last_value: str | None = None
    groups: tuple[str, ...] = ("category",)
    capacity: int = ModelField(default=100, ge=1)
    costs: Costs | None = None
    gate: Gate = Gate()
    bands: tuple[Band, ...] = ModelField(min_length=2)

    @field_validator("bands")
    @classmethod
    def _ordered(cls, bands: tuple[Band, ...]) -> tuple[Band, ...]:
        limits = [band.score_from for band in bands]
        if limits[0] != 0 or limits != sorted(set(limits)):
            raise ValueError("expected rising score_from, the first one 0")
        return bands

    @field_validator("features")
    @classmethod
    def _different(cls, features: tuple[ModelFeature, ...]) -> tuple[ModelFeature, ...]:
        names = [feature.name for feature in features]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} is listed twice; keep one")
        return features
