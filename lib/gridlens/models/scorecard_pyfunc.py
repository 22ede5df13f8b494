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
    kind = pd.api.types.infer_dtype(frame[name], skipna=True)
    if kind in ("string", "mixed", "bytes", "mixed-integer"):
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


def points_of_numbers(line: dict[str, Any], values: np.ndarray) -> np.ndarray:
    """Points of each value."""
    ranges = [one for one in line["bins"] if one["kind"] == "range"]
    cuts = np.array([one["low"] for one in ranges[1:]])
    found = np.array([one["points"] for one in ranges])[np.searchsorted(cuts, values, side="right")]
    for one in line["bins"]:
        if one["kind"] == "special":
            found = np.where(values == one["values"][0], one["points"], found)
        elif one["kind"] == "missing":
            found = np.where(np.isnan(values), one["points"], found)
    return found


def points_of_texts(line: dict[str, Any], values: list[str | None]) -> np.ndarray:
    """Points of each text; those of ``other`` where it stands in no bin."""
    known: dict[str | None, float] = {}
    other = 0.0
    for one in line["bins"]:
        known |= dict.fromkeys([None] if one["kind"] == "missing" else one["values"] if one["kind"] == "values" else [], one["points"])
        other = one["points"] if one["kind"] == "other" else other
    return np.array([known.get(value, other) for value in values], dtype=float)


def scored(card: dict[str, Any], frame: pd.DataFrame) -> pd.DataFrame:
    """The scores of every row; raises KeyError that names the columns that are missing."""
    wanted = {name: None for line in card["lines"] for name in (*line["characteristic"]["inputs"], line["characteristic"]["over"]) if name}
    absent = [name for name in wanted if name not in frame.columns]
    if absent:
        raise KeyError(f"the scorecard reads {', '.join(absent)}; add these columns")
    found = {}
    for line in card["lines"]:
        one = line["characteristic"]
        category = one["kind"] == "category"
        found[one["id"]] = (
            points_of_texts(line, texts(frame, one["inputs"][0])) if category else points_of_numbers(line, combined(frame, one))
        )
    total = sum(found.values(), np.zeros(len(frame)))
    result: dict[str, Any] = {"prediction": _probability(card, total), "points": total}
    for group in GROUPS:
        parts = [found[line["characteristic"]["id"]] for line in card["lines"] if line["characteristic"]["group"] == group]
        result[group] = sum(parts, np.zeros(len(frame))) if parts else np.full(len(frame), np.nan)
    return pd.DataFrame({**result, "grade": _grades(card, total), "reasons": _reasons(card, found, len(frame))}, index=frame.index)


def _probability(card: dict[str, Any], points: np.ndarray) -> np.ndarray:
    scaling = card["scaling"]
    factor = scaling["double"] / math.log(2)
    return 1.0 / (1.0 + np.exp((points - (scaling["points"] - factor * math.log(scaling["odds"]))) / factor))


def _grades(card: dict[str, Any], points: np.ndarray) -> list[str | None]:
    if not card["grades"]:
        return [None] * len(points)
    cuts = [one["points_from"] for one in card["grades"][:-1]]
    names = [one["id"] for one in card["grades"]]
    return [names[len(cuts) - i] for i in np.searchsorted(np.array(cuts[::-1]), points, side="right")]


def _reasons(card: dict[str, Any], found: dict[str, np.ndarray], rows: int) -> list[list[str]]:
    lines = sorted(card["lines"], key=lambda line: line["characteristic"]["id"])
    names = [line["characteristic"]["id"] for line in lines]
    best = card["reasons"]["against"] == "best"
    against = [max(one["points"] for one in line["bins"]) if best else line["neutral"] for line in lines]
    lost = np.array([limit - found[name] for limit, name in zip(against, names, strict=True)])
    order = np.argsort(-lost, axis=0, kind="stable")[: card["reasons"]["top"]]
    return [[names[i] for i in order[:, row] if lost[i, row] > 0] for row in range(rows)]


class ScorecardModel(PythonModel):
    """Scores rows by the scorecard in the artifact ``scorecard``."""

    def load_context(self, context: Any) -> None:
        with open(context.artifacts["scorecard"], encoding="utf-8") as file:
            self.card = json.load(file)

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """See the module's sentence on input and output."""
        return scored(self.card, model_input)


set_model(ScorecardModel())
