"""Scores as tags and audiences read them: of each model the ones of the version that scored the moment last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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


@dataclass(frozen=True)
class Served:
    """Which of the models asked for have scored a moment.

    Attributes:
        versions: the version that scored it last, by model.
        missing: those that no version has scored.
    """

    versions: Mapping[str, int]
    missing: tuple[str, ...]

    def of(self, models: Iterable[str]) -> Served:
        """The same of some of the models."""
        wanted = frozenset(models)
        versions = {model: version for model, version in self.versions.items() if model in wanted}
        return Served(versions, tuple(model for model in self.missing if model in wanted))


def served_at(warehouse: Warehouse, models: Iterable[str], moment: Moment) -> Served:
    """Which of ``models`` have scored the moment; the run log is not read where none is asked for."""
    wanted = tuple(dict.fromkeys(models))
    versions = versions_that_scored(warehouse, moment) if wanted else {}
    found = {model: versions[model] for model in wanted if model in versions}
    return Served(found, tuple(model for model in wanted if model not in found))


def with_scores(rows: DataFrame, warehouse: Warehouse, served: Served, moment: Moment) -> DataFrame:
    """``rows`` (one per account_id) with the score columns of the models asked for; those of the missing ones are null."""
    if served.versions:
        rows = rows.join(_wide(warehouse, served.versions, moment), on="account_id", how="left")
    unknown = {field.name: F.lit(None).cast(field.type) for model in served.missing for field in score_fields(model)}
    return rows.withColumns(unknown) if unknown else rows


@dataclass(frozen=True)
class ScoreBehind:
    """What models said of one account: the values of the columns asked for, and the rows of score_v1 they come from."""

    values: dict[str, Any]
    behind: tuple[Behind, ...]


def score_behind(warehouse: Warehouse, account: str, columns: Sequence[str], moment: Moment) -> ScoreBehind:
    """The account's scores with the reasons that were written beside them; nothing where no column is asked for."""
    chosen = served_at(warehouse, sorted({model_of(name) for name in columns}), moment).versions
    if not chosen:
        return ScoreBehind({}, ())
    found = score_rows(warehouse, chosen, moment).where(F.col("account_id") == account)
    shown = found.select("model", "version", "score", "decile", "band", "reasons", "run_id")
    rows = {row["model"]: row.asDict(recursive=True) for row in shown.collect()}  # one a model
    values = {name: rows[model_of(name)][name.removeprefix(f"{model_of(name)}_")] for name in columns if model_of(name) in rows}
    return ScoreBehind(values, (Behind(f"gold.{SCORE.name}", tuple(columns), len(rows), tuple(rows.values())),))


def score_rows(warehouse: Warehouse, versions: Mapping[str, int], moment: Moment) -> DataFrame:
    """The rows of score_v1 that these versions (at least one) gave at the moment."""
    of_versions = reduce(Column.__or__, [(F.col("model") == model) & (F.col("version") == version) for model, version in versions.items()])
    return warehouse.read(SCORE).where(of_moment(moment.as_of, moment.known_at) & of_versions)


def _wide(warehouse: Warehouse, chosen: Mapping[str, int], moment: Moment) -> DataFrame:
    columns = [
        F.max(F.when(F.col("model") == model, F.col(field.name.removeprefix(f"{model}_")))).alias(field.name)
        for model in chosen
        for field in score_fields(model)
    ]
    return score_rows(warehouse, chosen, moment).groupBy("account_id").agg(*columns)
