"""What a user of the registry sends reaches the model as it was meant: through MLflow's own parsing and type checks."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from gridlens.errors import DefinitionError
from gridlens.tracking.packaging import inputs_of, served_as, signature, synthetic_example
from mlflow.exceptions import MlflowException
from mlflow.models.utils import _enforce_schema
from mlflow.pyfunc.scoring_server import infer_and_parse_data
from pyspark.sql import types as t

FEATURES = t.StructType(
    [
        t.StructField("kwh", t.DoubleType()),
        t.StructField("late_bills", t.IntegerType()),
        t.StructField("share", t.DecimalType(9, 4)),
        t.StructField("has_debit", t.BooleanType()),
        t.StructField("tariff", t.LongType()),
        t.StructField("industry", t.StringType()),
        t.StructField("since", t.DateType()),
    ]
)
CODES = ["tariff", "industry"]
KNOWN = [1.5, 2, 0.25, True, "1", "C", "2024-02-29"]


def parsed(*rows: list[Any]) -> pd.DataFrame:
    """The rows as a served model gets them from JSON."""
    schema = signature(FEATURES, CODES).inputs
    return _enforce_schema(infer_and_parse_data({"dataframe_split": {"columns": FEATURES.names, "data": list(rows)}}, schema), schema)


def test_types_by_feature() -> None:
    assert inputs_of(FEATURES) == {
        "kwh": "double",
        "late_bills": "double",
        "share": "double",
        "has_debit": "boolean",
        "tariff": "double",
        "industry": "string",
        "since": "datetime",
    }
    assert list(served_as(inputs_of(FEATURES), CODES).values()) == ["double", "double", "double", "double", "string", "string", "datetime"]


def test_what_is_known_comes_as_it_was_sent() -> None:
    assert parsed(KNOWN).iloc[0].tolist() == [1.5, 2.0, 0.25, 1.0, "1", "C", pd.Timestamp("2024-02-29")]


@pytest.mark.parametrize("among", [[], [KNOWN]], ids=["alone", "among others"])
@pytest.mark.parametrize("name", FEATURES.names)
def test_what_is_missing_stays_missing(name: str, among: list[list[Any]]) -> None:
    """A boolean of MLflow would come as false."""
    row = [None if feature == name else value for feature, value in zip(FEATURES.names, KNOWN, strict=True)]
    found = parsed(row, *among).iloc[0]
    assert [feature for feature in FEATURES.names if pd.isna(found[feature])] == [name]


def test_codes_are_texts_also_where_some_are_missing() -> None:
    """Numbers among missing values would come as 1.0, which is another category."""
    found = parsed(KNOWN, [*KNOWN[:4], None, *KNOWN[5:]])["tariff"].tolist()
    assert found == ["1", None]


@pytest.mark.parametrize(("name", "value"), [("kwh", ["much"]), ("has_debit", ["yes"]), ("tariff", [1.0])])
def test_another_type_is_refused_by_name(name: str, value: list[Any]) -> None:
    rows = synthetic_example(FEATURES, CODES)
    rows[name] = value
    with pytest.raises(MlflowException, match=name):
        _enforce_schema(rows, signature(FEATURES, CODES).inputs)


def test_the_example_is_made_up_and_fits() -> None:
    example = synthetic_example(FEATURES, CODES, {"kwh": 3, "tariff": "2"})
    assert example.iloc[0].tolist() == [3.0, 0.0, 0.0, 0.0, "2", "a", pd.Timestamp("2026-01-01")]
    _enforce_schema(example, signature(FEATURES, CODES).inputs)


@pytest.mark.parametrize("field", [t.StructField("curve", t.ArrayType(t.DoubleType())), t.StructField("account_id", t.StringType())])
def test_what_is_no_feature_is_refused(field: t.StructField) -> None:
    with pytest.raises(DefinitionError, match=f"{field.name} i"):
        signature(t.StructType([field]))
