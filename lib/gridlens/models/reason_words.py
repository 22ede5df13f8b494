"""A reason as a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from gridlens.models.definition import ModelFeature

Language = Literal["zh", "en"]
_RISES = {"zh": ("推高评分", "拉低评分"), "en": ("raises the score", "lowers the score")}
_UNKNOWN = {"zh": "未知", "en": "not known"}
_FLAGS = {"zh": {"true": "是", "false": "否"}, "en": {"true": "yes", "false": "no"}}
_SENTENCE = {"zh": "{name}：{value}，{effect}", "en": "{name}: {value}, {effect}"}
_ACT = {"zh": "；建议：{act}", "en": "; suggested: {act}"}


def words(reason: Mapping[str, Any], features: Iterable[ModelFeature], language: Language = "en") -> str:
    """A reason as people read it: the feature's name, its value, which way it moves the score, and what can be done.

    Args:
        reason: feature, value and contribution, such as ``row.asDict()`` of a reason.
        features: the model's; one that is not among them is called by its column.
        language: of the sentence. What can be done is as the definition says it, and said where it raises the score only.
    """
    feature = next((one for one in features if one.name == reason["feature"]), ModelFeature(name=reason["feature"]))
    value = _UNKNOWN[language] if reason["value"] is None else _FLAGS[language].get(reason["value"], reason["value"])
    effect = _RISES[language][reason["contribution"] < 0]
    sentence = _SENTENCE[language].format(name=getattr(feature, language) or feature.name, value=value, effect=effect)
    if feature.actionable and feature.act and reason["contribution"] > 0:
        sentence += _ACT[language].format(act=feature.act)
    return sentence
