"""Looking at the collection list of a moment."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.collection import COLLECTION_CASE
from gridlens.errors import SourceError
from gridlens.models.definition import ModelFeature
from gridlens.pipelines.declared import model_library
from gridlens.pipelines.moments import newest_moment, of_moment
from gridlens.settings import Settings
from gridlens.warehouse import Warehouse

REASONS = 3
_DIGITS = {"probability": 3, "exposure": 2, "expected_loss": 2, "expected_days": 1}


def list_cases(spark: SparkSession, settings: Settings, *, as_of: dt.date | None, limit: int) -> list[dict[str, Any]]:
    """The cases of the newest moment, or of a day, by rank, each with the first reasons that raise its probability.

    Raises:
        SourceError: there is no list of that day.
    """
    rows = Warehouse(spark, settings).read(COLLECTION_CASE)
    at = newest_moment(rows, as_of)
    if at is None:
        raise SourceError(f"there is no collection list{f' of {as_of}' if as_of else ''}: run `gridlens collection run` first")
    shown = [F.round(name, digits).alias(name) for name, digits in _DIGITS.items()]
    found = (
        rows.where(of_moment(*at) & (F.col("rank") <= limit))
        .select("rank", "account_id", *shown, "bills_in_question", "reasons", "model")
        .collect()
    )
    features = {model.id: {feature.name: feature for feature in model.definition.features} for model in model_library(settings)}
    cases = []
    for row in sorted(found, key=lambda row: row["rank"]):
        case = row.asDict(recursive=True)
        model = case.pop("model")
        cases.append({**case, "reasons": _reasons(case["reasons"], features.get(model, {}))})
    return cases


def _reasons(reasons: list[dict[str, Any]], features: dict[str, ModelFeature]) -> list[dict[str, Any]]:
    raising = [reason for reason in reasons if reason["contribution"] > 0][:REASONS]
    return [_words(reason, features.get(reason["feature"])) for reason in raising]


def _words(reason: dict[str, Any], feature: ModelFeature | None) -> dict[str, Any]:
    return {"reason": feature.words if feature else reason["feature"], "value": reason["value"], "act": feature.act if feature else None}
