"""What drives a model's newest scores in total, and what can be done about it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.score import SCORE
from gridlens.errors import SourceError
from gridlens.models.drivers import driver_summary
from gridlens.models.library import named
from gridlens.pipelines.declared import model_library
from gridlens.pipelines.moments import newest_moment, of_moment
from gridlens.pipelines.scores import versions_that_scored
from gridlens.pipelines.tag_state import Moment
from gridlens.settings import Settings
from gridlens.warehouse import Warehouse


def list_drivers(
    spark: SparkSession, settings: Settings, name: str, *, as_of: dt.date | None = None, deciles: int = 1
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Of the accounts in the highest deciles: how often each feature is among the first three reasons, the most frequent first.

    Args:
        name: id of the model.
        as_of: day of the scores; default the newest.
        deciles: 1: the tenth with the highest scores; 10: all accounts.

    Returns:
        What was looked at; and a row a feature: reason, accounts, share, mean_contribution, actionable, act, feature.

    Raises:
        SettingsError: no such model.
        SourceError: it has no scores of that day.
    """
    model = named(model_library(settings), name)
    warehouse = Warehouse(spark, settings)
    scores = warehouse.read(SCORE).where(F.col("model") == model.id)
    at = newest_moment(scores, as_of)
    if at is None:
        raise SourceError(f"there are no scores of {model.id}{f' of {as_of}' if as_of else ''}: run `gridlens score {model.id}` first")
    moment = Moment(*at, "")
    version = versions_that_scored(warehouse, moment).get(model.id)
    rows = scores.where(of_moment(moment.as_of, moment.known_at) & (F.col("decile") <= deciles))
    if version is not None:
        rows = rows.where(F.col("version") == version)
    features = {feature.name: feature for feature in model.definition.features}
    found = sorted(driver_summary(rows).collect(), key=lambda row: (-row["accounts"], row["feature"]))  # a row a feature
    drivers = []
    for row in found:
        feature = features.get(row["feature"])
        drivers.append(
            {
                "reason": feature.words if feature else row["feature"],
                "accounts": row["accounts"],
                "share": round(row["share"], 3),
                "mean_contribution": round(row["mean_contribution"], 3),
                "actionable": feature.actionable if feature else False,
                "act": feature.act if feature else None,
                "feature": row["feature"],
            }
        )
    told = {"name": f"{model.definition.name_zh} / {model.definition.name_en}", "as_of": moment.as_of, "version": version}
    return {**told, "deciles": deciles, "accounts": rows.count()}, drivers
