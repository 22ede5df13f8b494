"""A fitted scorecard: points by bin, grades, what it was fitted on. It is all text (JSON), and a pipeline of stock stages is made of it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from importlib import resources

import numpy as np
from pydantic import Field as ModelField
from pydantic import ValidationError
from pyspark.ml import PipelineModel

from gridlens.definitions import Frozen
from gridlens.errors import SettingsError
from gridlens.models.characteristic import GROUPS, Group
from gridlens.models.scorecard_definition import GradeId, ReasonsDefinition, ScalingDefinition
from gridlens.models.woe_bins import Binned
from gridlens.models.woe_sql import added, case_sql, number, points_column, quoted, text, value_stage

FORMAT = 1
"""Of the JSON."""
RESULTS = (*GROUPS, "points", "grade", "prediction")
"""Columns that scoring adds, beside those of each characteristic."""


class Line(Binned):
    """A characteristic with points.

    Attributes:
        coefficient: of its weight of evidence in the log odds of bad; below 0.
        neutral: points of a weight of evidence of 0, not rounded.
    """

    coefficient: float
    neutral: float

    @property
    def best(self) -> float:
        return max(one.points for one in self.bins)


class Grade(Frozen):
    """A grade with its rows when fitted. Attributes: points_from: least points, None of the last grade; pd: mean probability of bad."""

    id: GradeId
    zh: str
    en: str
    points_from: float | None
    rows: int
    events: int
    pd: float

    @property
    def bad_rate(self) -> float | None:
        return self.events / self.rows if self.rows else None


class PointsRange(Frozen):
    """Rows when fitted whose points are at least points_from, up to the next range; None is open."""

    points_from: float | None
    rows: int


class Scorecard(Frozen):
    """A fitted scorecard.

    Attributes:
        format: of the JSON.
        id, name_zh, name_en, version, fingerprint: of the definition.
        rows, events: fitted on; events are bad.
        intercept: log odds of bad where every weight of evidence is 0.
        scaling, reasons: as defined.
        lines: the characteristics that stayed.
        grades: best first.
        distribution: of the points when fitted, lowest first, for their stability.
    """

    format: int = ModelField(default=FORMAT, ge=FORMAT, le=FORMAT)
    id: str
    name_zh: str
    name_en: str
    version: int
    fingerprint: str
    rows: int
    events: int
    intercept: float
    scaling: ScalingDefinition
    reasons: ReasonsDefinition
    lines: tuple[Line, ...] = ModelField(min_length=1)
    grades: tuple[Grade, ...] = ()
    distribution: tuple[PointsRange, ...] = ()

    @property
    def stamp(self) -> str:
        """First 16 hex digits of the fingerprint."""
        return self.fingerprint[:16]

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that scoring reads."""
        return tuple(dict.fromkeys(name for line in self.lines for name in line.characteristic.columns))

    @property
    def factor(self) -> float:
        """Points for each unit of log odds."""
        return self.scaling.double / math.log(2)

    @property
    def offset(self) -> float:
        """Points at even odds."""
        return self.scaling.points - self.factor * math.log(self.scaling.odds)

    def probability(self, points: np.ndarray) -> np.ndarray:
        """Probability of bad."""
        return 1.0 / (1.0 + np.exp((points - self.offset) / self.factor))

    def of_group(self, group: Group) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.characteristic.group == group)

    def to_json(self) -> str:
        """The whole as text, the same for the same scorecard."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False, indent=1, sort_keys=True)

    @staticmethod
    def from_json(text: str) -> Scorecard:
        """The scorecard of :meth:`to_json`; raises SettingsError where the text is none."""
        try:
            return Scorecard.model_validate(json.loads(text))
        except (ValueError, ValidationError) as error:
            first = error.errors()[0] if isinstance(error, ValidationError) else None
            what = f"{'.'.join(str(step) for step in first['loc'])}: {first['msg']}" if first else str(error)
            raise SettingsError(f"the text is no scorecard of format {FORMAT} ({what}); give the JSON that fitting wrote") from error

    @property
    def pipeline(self) -> PipelineModel:
        """Stock MLlib stages from the raw columns to ``<id>__value`` and ``<id>__points`` of each characteristic, ``points``,
        ``willingness``, ``ability``, ``history`` (null without a characteristic), ``grade``, and ``prediction``, the probability of bad.
        """
        values = value_stage([line.characteristic for line in self.lines])
        points = added([(points_column(line.id), case_sql(line, [one.points for one in line.bins])) for line in self.lines])
        groups = added([(group, self._total_sql(self.of_group(group))) for group in GROUPS])
        total = added([("points", self._total_sql(self.lines))])
        shift = f"(`points` - {number(self.offset)}) / {number(self.factor)}"
        last = added([("grade", self._grade_sql()), ("prediction", f"1.0D / (1.0D + exp({shift}))")])
        return PipelineModel([values, points, groups, total, last])

    @staticmethod
    def _total_sql(lines: Sequence[Line]) -> str:
        return " + ".join(quoted(points_column(line.id)) for line in lines) or "CAST(NULL AS DOUBLE)"

    def _grade_sql(self) -> str:
        if not self.grades:
            return "CAST(NULL AS STRING)"
        whens = [f"WHEN `points` >= {number(g.points_from)} THEN {text(g.id)}" for g in self.grades if g.points_from is not None]
        last = text(self.grades[-1].id)
        return f"CASE {' '.join(whens)} ELSE {last} END" if whens else last


def pyfunc_code() -> str:
    """The text of the model file that scores by a scorecard's JSON without Spark and gridlens (MLflow: models from code)."""
    return resources.files("gridlens.models").joinpath("scorecard_pyfunc.py").read_text("utf-8")
