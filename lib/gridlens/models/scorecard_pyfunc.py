"""A scorecard as an MLflow pyfunc: this file is the model's code, the scorecard's JSON its only artifact. Needs no Spark and no gridlens.

``mlflow.pyfunc.save_model(path, python_model=<this file>, artifacts={"scorecard": <JSON file>})``. Input: the columns that the scorecard
reads. Output: prediction (probability of bad), points, willingness, ability, history, grade, reasons (characteristics that lost most
points, most first). Whole columns are computed at once, in the order of operations of the Spark pipeline.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

GROUPS = ("willingness", "ability", "history")


def numbers(frame: pd.DataFrame, name: str) -> np.ndarray:
    """A column as doubles, NaN where missing; raises TypeError where it holds text."""
    values = frame[name].to_numpy()
    if values.dtype.kind in "fiub":
        return values.astype(float)
    if pd.api.types.infer_dtype(frame[name], skipna=True) in ("string", "mixed", "bytes", "mixed-integer"):
        raise TypeError(f"column {name} holds text; give numbers")
    return pd.to_numeric(frame[name]).to_numpy(dtype=float, na_value=np.nan)


def texts(frame: pd.DataFrame, name: str) -> list[str | None]:
    """A column as text as Spark writes it; a whole number is the same as a float, which a missing value makes of it."""

    def one(value: Any) -> str | None:
        if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
            return None
        if isinstance(value, bool | np.bool_):
            return "true" if value else "false"
        return str(value).removesuffix(".0")

    return [one(value) for value in frame[name]]


def combined(frame: pd.DataFrame, characteristic: dict[str, Any]) -> np.ndarray:
    """The number that a characteristic is, NaN where missing."""
    inputs = [numbers(frame, name) for name in characteristic["inputs"]]
    if characteristic["floor"] is not None:
        inputs = [np.maximum(one, characteristic["floor"]) for one in inputs]
    how, value = characteristic["how"], inputs[0]
    if how == "above":
        inputs = [np.where(np.isnan(one), np.nan, one > characteristic["limit"]) for one in inputs]
        value = inputs[0]
    for one in inputs[1:]:
        value = np.maximum(value, one) if how == "max" else np.minimum(value, one) if how == "min" else value + one
    if how == "mean":
        value = value / float(len(inputs))
    if characteristic["over"]:
        under = numbers(frame, characteristic["over"])
        value = value / np.where(under == 0, np.nan, under)
    return value


class Line:
    """A characteristic of the scorecard, ready to give points."""

    def __init__(self, line: dict[str, Any], *, best: bool) -> None:
        self.characteristic = line["characteristic"]
        self.id = self.characteristic["id"]
        self.category = self.characteristic["kind"] == "category"
        ranges = [one for one in line["bins"] if one["kind"] == "range"]
        self.cuts = np.array([one["low"] for one in ranges[1:]], dtype=float)
        self.points = np.array([one["points"] for one in ranges], dtype=float)
        self.special = [(one["values"][0], one["points"]) for one in line["bins"] if one["kind"] == "special"]
        self.missing = next(one["points"] for one in line["bins"] if one["kind"] == "missing")
        self.other = next((one["points"] for one in line["bins"] if one["kind"] == "other"), 0.0)
        self.known = {value: one["points"] for one in line["bins"] if one["kind"] == "values" for value in one["values"]}
        self.against = max(one["points"] for one in line["bins"]) if best else line["neutral"]

    def of(self, frame: pd.DataFrame) -> np.ndarray:
        """Points of every row."""
        if self.category:
            values = texts(frame, self.characteristic["inputs"][0])
            return np.array([self.missing if value is None else self.known.get(value, self.other) for value in values], dtype=float)
        numbers_of = combined(frame, self.characteristic)
        found = self.points[np.searchsorted(self.cuts, numbers_of, side="right")]
        for value, points in self.special:
            found = np.where(numbers_of == value, points, found)
        return np.where(np.isnan(numbers_of), self.missing, found)


class Card:
    """A scorecard read from its JSON."""

    def __init__(self, content: dict[str, Any]) -> None:
        best = content["reasons"]["against"] == "best"
        self.lines = [Line(line, best=best) for line in content["lines"]]
        self.top = content["reasons"]["top"]
        inputs = [(*line.characteristic["inputs"], line.characteristic["over"]) for line in self.lines]
        self.columns = tuple(dict.fromkeys(name for names in inputs for name in names if name))
        self.grades = [one["id"] for one in content["grades"]]
        self.cuts = np.array([one["points_from"] for one in content["grades"][:-1]][::-1], dtype=float)
        scaling = content["scaling"]
        self.factor = scaling["double"] / math.log(2)
        self.offset = scaling["points"] - self.factor * math.log(scaling["odds"])

    def scored(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The scores of every row; raises KeyError that names the columns that are missing."""
        absent = [name for name in self.columns if name not in frame.columns]
        if absent:
            raise KeyError(f"the scorecard reads {', '.join(absent)}; add these columns")
        found = {line.id: line.of(frame) for line in self.lines}
        total = sum(found.values(), np.zeros(len(frame)))
        result: dict[str, Any] = {"prediction": 1.0 / (1.0 + np.exp((total - self.offset) / self.factor)), "points": total}
        for group in GROUPS:
            parts = [found[line.id] for line in self.lines if line.characteristic["group"] == group]
            result[group] = sum(parts, np.zeros(len(frame))) if parts else np.full(len(frame), np.nan)
        return pd.DataFrame({**result, "grade": self._grades(total), "reasons": self._reasons(found, len(frame))}, index=frame.index)

    def _grades(self, points: np.ndarray) -> list[str | None]:
        if not self.grades:
            return [None] * len(points)
        return [self.grades[len(self.cuts) - i] for i in np.searchsorted(self.cuts, points, side="right")]

    def _reasons(self, found: dict[str, np.ndarray], rows: int) -> list[list[str]]:
        lines = sorted(self.lines, key=lambda line: line.id)
        lost = np.array([line.against - found[line.id] for line in lines])
        order = np.argsort(-lost, axis=0, kind="stable")[: self.top]
        return [[lines[i].id for i in order[:, row] if lost[i, row] > 0] for row in range(rows)]


class ScorecardModel(PythonModel):
    """Scores rows by the scorecard in the artifact ``scorecard``."""

    def load_context(self, context: Any) -> None:
        with open(context.artifacts["scorecard"], encoding="utf-8") as file:
            self.card = Card(json.load(file))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """See the module's sentence on input and output."""
        return self.card.scored(model_input)


set_model(ScorecardModel())
