"""A characteristic's value is the same in SQL, in the model without Spark, and by plain Python."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from gridlens.models.characteristic import Characteristic
from gridlens.models.scorecard_pyfunc import combined, numbers, texts
from gridlens.models.woe_sql import value_column, value_stage
from pyspark.sql import SparkSession

ROWS = [(1.0, 2.0, 4.0), (-3.0, 2.5, 0.0), (None, 2.0, 4.0), (5.0, math.nan, 4.0), (0.1, 0.2, None), (0.3, 0.2, 0.7)]
CASES: dict[str, tuple[dict[str, Any], list[float | None]]] = {
    "value": ({"inputs": ["a"]}, [1, -3, None, 5, 0.1, 0.3]),
    "floor": ({"inputs": ["a"], "floor": 0}, [1, 0, None, 5, 0.1, 0.3]),
    "sum": ({"inputs": ["a", "b"], "how": "sum"}, [3, -0.5, None, None, 0.1 + 0.2, 0.5]),
    "mean": ({"inputs": ["a", "b"], "how": "mean"}, [1.5, -0.25, None, None, (0.1 + 0.2) / 2, 0.25]),
    "max": ({"inputs": ["a", "b"], "how": "max"}, [2, 2.5, None, None, 0.2, 0.3]),
    "min": ({"inputs": ["a", "b"], "how": "min"}, [1, -3, None, None, 0.1, 0.2]),
    "above": ({"inputs": ["a", "b"], "how": "above", "limit": 0.25}, [2, 1, None, None, 0, 1]),
    "over": ({"inputs": ["a"], "over": "c"}, [0.25, None, None, 1.25, None, 0.3 / 0.7]),
    "sum_over": ({"inputs": ["a", "b"], "how": "sum", "over": "c"}, [0.75, None, None, None, None, 0.5 / 0.7]),
}


def test_numbers(spark: SparkSession) -> None:
    characteristics = [Characteristic(id=name, group="ability", zh="x", en="x", **how) for name, (how, _) in CASES.items()]
    frame = spark.createDataFrame(ROWS, "a double, b double, c double").coalesce(1)
    found = value_stage(characteristics).transform(frame).toPandas()
    plain = pd.DataFrame(ROWS, columns=["a", "b", "c"], dtype=float)
    for one in characteristics:
        wanted = np.array([np.nan if value is None else value for value in CASES[one.id][1]])
        assert found[value_column(one.id)].to_numpy(dtype=float) == pytest.approx(wanted, nan_ok=True, abs=1e-15), one.id
        np.testing.assert_array_equal(found[value_column(one.id)].to_numpy(dtype=float), combined(plain, one.model_dump()), err_msg=one.id)


def test_texts_of_codes_are_the_same_as_whole_numbers_flags_and_doubles(spark: SparkSession) -> None:
    frame = spark.createDataFrame(
        [(1, 1.0, True, "a"), (None, None, None, None), (20, 20.0, False, "b c")], "i int, d double, f boolean, s string"
    )
    kinds = [Characteristic(id=f"x_{name}", group="ability", kind="category", inputs=(name,), zh="x", en="x") for name in "idfs"]
    found = value_stage(kinds).transform(frame.coalesce(1)).toPandas()
    plain = pd.DataFrame({"i": [1, None, 20], "d": [1.0, None, 20.0], "f": [True, None, False], "s": ["a", None, "b c"]})
    for name, wanted in zip("idfs", (["1", None, "20"], ["1", None, "20"], ["true", None, "false"], ["a", None, "b c"]), strict=True):
        assert [None if value is None else str(value) for value in found[f"x_{name}__value"]] == wanted
        assert texts(plain, name) == wanted


def test_text_is_no_number() -> None:
    with pytest.raises(TypeError, match="column x holds text"):
        numbers(pd.DataFrame({"x": ["0.0", "1"]}), "x")
