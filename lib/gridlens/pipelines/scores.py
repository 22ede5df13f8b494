"""Scores as tags and audiences read them: of each model the ones of the version that scored the moment last."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.ops import RUN_LOG
from gridlens.contracts.score import SCORE, model_of, score_fields
from gridlens.pipelines.moments import of_moment
from gridlens.pipelines.tag_state import Moment
from gridlens.tags.explanation import Behind
from gridlens.warehouse import Warehouse

JOB = "score"


def versions_that_scored(warehouse: Warehouse, moment: Moment) -> dict[str, int]:
    """The version that scored the moment last, by model: after a roll-back it is not the highest."""
    good = (F.col("job") == JOB) & (F.col("outcome") != "failed") & of_moment(moment.as_of, moment.known_at)
    model = F.get_json_object("parameters", "$.model")
    version = F.get_json_object("fingerprints", "$.version").cast("int")
    last = warehouse.read(RUN_LOG).where(good).groupBy(model.alias("model")).agg(F.max_by(version, "ended_at").alias("version"))
    return {row["model"]: row["version"] for row in last.collect() if row["version"] is not None}  # a row a model


def with_scores(rows: DataFrame, warehouse: Warehouse, models: Collection[str], moment: Moment) -> tuple[DataFrame, tuple[str, ...]]:
    """``rows`` with the score columns of ``models``, and the models that no version has scored at the moment (their columns are null).

    Args:
        rows: one row per account_id.
        warehouse: where scores and the run log are.
        models: ids of models.
        moment: as_of and known_at.
    """
    if not models:
        return rows, ()
    served = versions_that_scored(warehouse, moment)
    chosen = {model: served[model] for model in sorted(models) if model in served}
    missing = tuple(model for model in sorted(models) if model not in chosen)
    if chosen:
        rows = rows.join(_wide(warehouse, chosen, moment), on="account_id", how="left")
    unknown = {field.name: F.lit(None).cast(field.type) for model in missing for field in score_fields(model)}
    return (rows.withColumns(unknown) if unknown else rows), missing


@dataclass(frozen=True)
class ScoreBehind:
    """What models said of one account: the values of the columns asked for, and the rows of score_v1 they come from."""

    values: dict[str, Any]
    behind: tuple[Behind, ...]


def score_behind(warehouse: Warehouse, account: str, columns: Sequence[str], moment: Moment) -> ScoreBehind:
    """The account's scores with the reasons that were written beside them; nothing where no column is asked for."""
    served = versions_that_scored(warehouse, moment) if columns else {}
    chosen = {model: served[model] for model in sorted({model_of(name) for name in columns} & served.keys())}
    if not chosen:
        return ScoreBehind({}, ())
    found = _rows(warehouse, chosen, moment).where(F.col("account_id") == account)
    shown = found.select("model", "version", "score", "decile", "band", "reasons", "run_id")
    rows = {row["model"]: row.asDict(recursive=True) for row in shown.collect()}  # one a model
    values = {name: rows[model_of(name)][name.removeprefix(f"{model_of(name)}_")] for name in columns if model_of(name) in rows}
    return ScoreBehind(values, (Behind(f"gold.{SCORE.name}", tuple(columns), len(rows), tuple(rows.values())),))


def _rows(warehouse: Warehouse, chosen: dict[str, int], moment: Moment) -> DataFrame:
    of_versions = reduce(Column.__or__, [(F.col("model") == model) & (F.col("version") == version) for model, version in chosen.items()])
    return warehouse.read(SCORE).where(of_moment(moment.as_of, moment.known_at) & of_versions)


def _wide(warehouse: Warehouse, chosen: dict[str, int], moment: Moment) -> DataFrame:
    columns = [
        F.max(F.when(F.col("model") == model, F.col(field.name.removeprefix(f"{model}_")))).alias(field.name)
        for model in chosen
        for field in score_fields(model)
    ]
    return _rows(warehouse, chosen, moment).groupBy("account_id").agg(*columns)
