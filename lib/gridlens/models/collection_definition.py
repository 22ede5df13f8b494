"""Reads conf/collection/plan.yml: how cases are chosen, and what time to pay is learnt from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from pydantic import Field as ModelField

from gridlens.contracts.codes import CUSTOMER_CATEGORIES
from gridlens.definitions import Defined, Frozen, fingerprint_of, parse_definitions
from gridlens.errors import nearest
from gridlens.models.collection import CollectionPlan
from gridlens.models.definition import ModelFeature
from gridlens.models.library import TYPES, feature_mistakes

_ID = r"^[a-z][a-z0-9_]*$"
_WORDING = dict.fromkeys(("zh", "en", "act", "strong_because", "actionable"), True)


class TimeToPayDefinition(Frozen):
    """What the days from issue to settlement are learnt from.

    Attributes:
        version: of the definition, raised by its author.
        history_days: account features of moments at most so long ago teach.
        within_days: a bill has the features of the last moment before its issue, at most so long before.
        follow_days: the bills that judge have been seen for at least so long.
        min_gain: least gain of the concordance index over the baseline's; a gain of nothing is none.
        tolerance: the champion's index on the same bills may be higher by this at most, by the bound of the confidence interval.
        confidence: of that interval.
        baseline: column of the days that the account took so far.
        features: the columns to read.
    """

    version: int = ModelField(default=1, ge=1)
    history_days: int = ModelField(default=365, ge=31, le=1095)
    within_days: int = ModelField(default=31, ge=1, le=92)
    follow_days: int = ModelField(default=30, ge=1, le=365)
    min_gain: float = ModelField(default=0.0, ge=0, le=0.5)
    tolerance: float = ModelField(default=0.01, ge=0, le=0.5)
    confidence: float = ModelField(default=0.95, gt=0.5, lt=1)
    baseline: str = ModelField(min_length=1)
    features: tuple[ModelFeature, ...] = ModelField(min_length=1)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of all but the wording."""
        return fingerprint_of(self.model_dump(mode="json", exclude={"features": {"__all__": _WORDING}}))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that the model reads."""
        return tuple(feature.name for feature in self.features)


class CollectionDefinition(Frozen):
    """The collection list.

    Attributes:
        model: id of the model whose scores are probabilities of default.
        plan: how cases are chosen.
        time_to_pay: none: the expected days stay unknown.
    """

    name_zh: str = ModelField(min_length=1)
    name_en: str = ModelField(min_length=1)
    model: str = ModelField(default="arrears", pattern=_ID)
    plan: CollectionPlan = CollectionPlan()
    time_to_pay: TimeToPayDefinition | None = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of what decides on the cases."""
        content = {"model": self.model, "plan": self.plan.model_dump(mode="json")}
        return fingerprint_of(content | {"time_to_pay": self.time_to_pay.fingerprint if self.time_to_pay else None})


def load_collection(file: Path, columns: Mapping[str, str], models: Collection[str]) -> CollectionDefinition:
    """The definition in ``file``.

    Args:
        file: YAML.
        columns: the feature columns that may be read, with their types.
        models: ids of the models there are.

    Raises:
        DefinitionError: names file and line: a field, model, category or column that does not hold.
    """
    (origin,) = parse_definitions(CollectionDefinition, file)
    definition = origin.value
    if definition.model not in models:
        hint = nearest(definition.model, models, f"expected one of {', '.join(models)}")
        raise origin.error(f"model {definition.model} is not defined; {hint}", at=("model",))
    for category in definition.plan.by_category:
        if category not in CUSTOMER_CATEGORIES:
            hint = nearest(category, CUSTOMER_CATEGORIES, f"expected one of {', '.join(CUSTOMER_CATEGORIES)}")
            raise origin.error(f"{category} is no customer category; {hint}", at=("plan", "by_category", category))
    for category, share in definition.plan.by_category.items():
        if not 0 < share <= 1:
            raise origin.error(f"{category}: expected a share over 0 up to 1 but found {share:g}", at=("plan", "by_category", category))
    if definition.time_to_pay is not None:
        _check_columns(origin, definition.time_to_pay, columns)
    return definition


def _check_columns(origin: Defined[CollectionDefinition], told: TimeToPayDefinition, columns: Mapping[str, str]) -> None:
    for i, feature in enumerate(told.features):
        for step, sentence in feature_mistakes(feature, columns):
            raise origin.error(sentence, at=("time_to_pay", "features", i, step))
        if feature.name in told.names[:i]:
            raise origin.error(f"feature {feature.name} is listed twice; keep one", at=("time_to_pay", "features", i))
    numbers = [name for name, kind in columns.items() if kind in TYPES["number"]]
    if told.baseline not in numbers:
        hint = nearest(told.baseline, numbers, "take a column of days, such as days_to_pay_mean_365d")
        raise origin.error(f"baseline {told.baseline} is no numeric account feature; {hint}", at=("time_to_pay", "baseline"))
