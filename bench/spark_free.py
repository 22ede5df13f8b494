"""The scorecard without Spark: ``python -m bench.spark_free`` needs neither Java nor data.

A scorecard with the characteristics of conf/scorecards/credit_grade.yml and made-up bins is saved and loaded as the registry does it, with
MLflow's checks of its input. Prints two JSON lines: milliseconds of a single row, to stay within 5, and of a row in batches of a thousand.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd
from gridlens.conffiles import packaged
from gridlens.definitions import parse_definitions
from gridlens.models.characteristic import Characteristic
from gridlens.models.scorecard import Scorecard, pyfunc_code
from gridlens.models.scorecard_definition import ScorecardDefinition
from gridlens.pipelines.declared import taggable
from gridlens.tracking.packaging import Described, save_code_model
from pyspark.sql.types import BooleanType, DataType, DoubleType, StringType, StructField, StructType

from bench.measure import Figure, printed

GOAL = 5.0
BATCH = 1000
REPEATS = 300
TYPES: dict[str, DataType] = {"string": StringType(), "boolean": BooleanType()}


def made_up() -> Scorecard:
    """Every characteristic of the packaged definition, five bins and one for what is missing."""
    (origin,) = parse_definitions(ScorecardDefinition, packaged() / "scorecards" / "credit_grade.yml", under="scorecards")
    definition = origin.value
    lines = [
        {"characteristic": one.model_dump(), "bins": _bins(one), "coefficient": -1.0, "neutral": 30.0} for one in definition.characteristics
    ]
    cuts = [*(700.0 - 40 * i for i in range(len(definition.grades.ids) - 1)), None]
    grades = [
        {"id": one.id, "zh": one.zh, "en": one.en, "points_from": cut, "rows": 100, "events": 5, "pd": 0.05}
        for one, cut in zip(definition.grades.best_first, cuts, strict=True)
    ]
    said = definition.model_dump(include={"id", "name_zh", "name_en", "version", "scaling", "reasons"})
    fitted = {"fingerprint": definition.fingerprint, "rows": 1000, "events": 50, "intercept": -3.0}
    return Scorecard.model_validate({**said, **fitted, "lines": lines, "grades": grades})


def _bins(one: Characteristic) -> list[dict[str, Any]]:
    common: dict[str, Any] = {"rows": 100, "events": 5, "woe": 0.1, "iv": 0.01}
    missing = {"kind": "missing", "points": 20.0, **common}
    if one.kind == "category":
        return [{"kind": "values", "values": ("a", "b"), "points": 30.0, **common}, {"kind": "other", "points": 10.0, **common}, missing]
    edges = zip([None, 0.2, 0.4, 0.6, 0.8], [0.2, 0.4, 0.6, 0.8, None], strict=True)
    ranges = [{"kind": "range", "low": low, "high": high, "points": 50.0 - 10 * i, **common} for i, (low, high) in enumerate(edges)]
    return [*ranges, *({"kind": "special", "values": (v,), "points": 15.0, **common} for v in one.special), missing]


def rows(schema: StructType) -> pd.DataFrame:
    """A batch of made-up accounts, as MLflow's signature wants them: numbers and flags as doubles, codes as texts."""
    random = np.random.default_rng(1)
    texts = {field.name for field in schema.fields if isinstance(field.dataType, StringType)}
    given = {name: random.choice(["a", "b", "c"], BATCH) if name in texts else random.uniform(0, 1, BATCH) for name in schema.names}
    return pd.DataFrame(given)


def measured(repeats: int = REPEATS) -> Iterator[Figure]:
    """The two figures; the first tenth of the repeats is not counted."""
    card, types = made_up(), taggable()
    schema = StructType([StructField(name, TYPES.get(types[name], DoubleType())) for name in card.columns])
    with tempfile.TemporaryDirectory() as place:
        code, text = Path(place) / "scorecard_pyfunc.py", Path(place) / "scorecard.json"
        code.write_text(pyfunc_code(), encoding="utf-8")
        text.write_text(card.to_json(), encoding="utf-8")
        save_code_model(code, {"scorecard": text}, Path(place) / "model", Described(schema))
        model = mlflow.pyfunc.load_model(str(Path(place) / "model"))
    frame = rows(schema)
    single = [_seconds(model, frame.iloc[i % BATCH : i % BATCH + 1]) for i in range(repeats)][repeats // 10 :]
    batches = [_seconds(model, frame) for _ in range(max(2, repeats // 10))][1:]
    value = round(1000 * statistics.median(single), 3)
    detail = {
        "characteristics": len(card.lines),
        "repeats": len(single),
        "slowest_of_100": round(1000 * float(np.quantile(single, 0.99)), 3),
    }
    yield Figure("scorecard_single_row", value, "ms", GOAL, value <= GOAL, detail)
    yield Figure("scorecard_row_in_batch", round(1000 * statistics.median(batches) / BATCH, 5), "ms", GOAL, None, {"batch": BATCH})


def _seconds(model: Any, frame: pd.DataFrame) -> float:
    began = time.perf_counter()
    found = model.predict(frame)
    seconds = time.perf_counter() - began
    assert len(found) == len(frame)
    return seconds


if __name__ == "__main__":
    sys.exit(printed(measured()) > 0)
