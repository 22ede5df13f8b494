"""Scores and grades as tags and audiences read them: of each model the ones of the version that scored the moment last."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.credit import CREDIT_GRADE
from gridlens.contracts.ops import RUN_LOG
from gridlens.contracts.score import SCORE, is_graded, model_of, score_field
from gridlens.pipelines.history import last_success
from gridlens.pipelines.moments import of_moment
from gridlens.pipelines.tag_state import Moment
from gridlens.tags.explanation import Behind
from gridlens.warehouse import Warehouse

JOB, GRADING = "score", "credit"
_TABLES = {table.name: table for table in (SCORE, CREDIT_GRADE)}
_KEYS = {SCORE.name: "model", CREDIT_GRADE.name: "scorecard"}
_SHOWN = {
    SCORE.name: ("model", "version", "score", "decile", "band", "reasons", "run_id"),
    CREDIT_GRADE.name: (
        *("scorecard", "version", "grade", "grade_before_overlay", "moved", "overlays"),
        *("points", "willingness", "ability", "history", "pd", "reasons"),
    ),
}
"""What an explanation shows."""


def versions_that_scored(warehouse: Warehouse, moment: Moment) -> dict[str, int]:
    """The version that scored (or graded) the moment last, by model: after a roll-back it is not the highest."""
    good = F.col("job").isin(JOB, GRADING) & (F.col("outcome") != "failed") & of_moment(moment.as_of, moment.known_at)
    model = F.coalesce(*[F.get_json_object("parameters", f"$.{key}") for key in _KEYS.values()])
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


def scores_stand(warehouse: Warehouse, columns: Collection[str], served: Served, moment: Moment) -> dict[str, str]:
    """What a result made of these columns stands by: versions, and the last grading, as decisions of people change grades too."""
    versions = {f"model {model}": str(version) for model, version in served.versions.items()}
    graded = last_success(warehouse, GRADING, of_moment(moment.as_of, moment.known_at)) if any(map(is_graded, columns)) else ""
    return versions | ({"grades": graded} if graded else {})


def with_scores(rows: DataFrame, warehouse: Warehouse, columns: Collection[str], served: Served, moment: Moment) -> DataFrame:
    """``rows`` (one per account_id) with these columns of models and scorecards; null where nothing has scored the moment."""
    for table, names, found in _by_table(warehouse, columns, served, moment):
        rows = rows.join(_wide(found, table, names), on="account_id", how="left")
    unknown = {name: F.lit(None).cast(score_field(name).type) for name in columns if model_of(name) not in served.versions}
    return rows.withColumns(unknown) if unknown else rows


@dataclass(frozen=True)
class ScoreBehind:
    """What models said of one account: the values of the columns asked for, and the rows of score_v1 they come from."""

    values: dict[str, Any]
    behind: tuple[Behind, ...]


def score_behind(warehouse: Warehouse, account: str, columns: Sequence[str], moment: Moment) -> ScoreBehind:
    """The account's scores with the reasons that were written beside them; nothing where no column is asked for."""
    served = served_at(warehouse, map(model_of, columns), moment)
    values: dict[str, Any] = {}
    behind = []
    for table, names, found in _by_table(warehouse, columns, served, moment):
        shown = found.where(F.col("account_id") == account).select(*_SHOWN[table])
        rows = {row[_KEYS[table]]: row.asDict(recursive=True) for row in shown.collect()}  # one a model
        values |= {name: rows[model_of(name)][_field_of(name)] for name in names if model_of(name) in rows}
        behind.append(Behind(f"gold.{table}", tuple(names), moment.as_of, len(rows), tuple(rows.values())))
    return ScoreBehind(values, tuple(behind))


def score_rows(warehouse: Warehouse, versions: Mapping[str, int], moment: Moment, *, table: str = SCORE.name) -> DataFrame:
    """The rows of score_v1, or of credit_grade_v1, that these versions (at least one) gave at the moment."""
    key = F.col(_KEYS[table])
    of_versions = reduce(Column.__or__, [(key == model) & (F.col("version") == version) for model, version in versions.items()])
    return warehouse.read(_TABLES[table]).where(of_moment(moment.as_of, moment.known_at) & of_versions)


def _by_table(warehouse: Warehouse, columns: Collection[str], served: Served, moment: Moment) -> Iterator[tuple[str, list[str], DataFrame]]:
    """Of score_v1 and credit_grade_v1, where one is asked for: its name, the columns that it has, the rows of the serving versions."""
    for table in _KEYS:
        names = [name for name in columns if _table_of(name) == table and model_of(name) in served.versions]
        if names:
            yield table, names, score_rows(warehouse, served.of(map(model_of, names)).versions, moment, table=table)


def _wide(rows: DataFrame, table: str, names: Sequence[str]) -> DataFrame:
    mine = {name: F.when(F.col(_KEYS[table]) == model_of(name), F.col(_field_of(name))) for name in names}
    return rows.groupBy("account_id").agg(*[F.max(value).alias(name) for name, value in mine.items()])


def _table_of(column: str) -> str:
    return CREDIT_GRADE.name if is_graded(column) else SCORE.name


def _field_of(column: str) -> str:
    """The column of the long table that holds it."""
    return column.removeprefix(f"{model_of(column)}_")
