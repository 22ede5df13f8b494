"""Preparation against plain pandas; columns of a wrong type refused by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from gridlens.errors import SourceError
from gridlens.models.columns import check_columns
from gridlens.models.definition import ModelFeature
from gridlens.models.preparation import LINEAR_FEATURES, TREE_FEATURES, fit_preparation, profile
from hypothesis import given
from hypothesis import strategies as st
from pyspark.ml import PipelineModel
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

FEATURES = (
    ModelFeature(name="kwh"),
    ModelFeature(name="kva", monotone="increasing"),
    ModelFeature(name="empty"),
    ModelFeature(name="late", kind="flag"),
    ModelFeature(name="trade", kind="category"),
    ModelFeature(name="code", kind="category"),
    ModelFeature(name="nothing", kind="category"),
)


def rows(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "kwh": np.where(rng.random(n) < 0.1, np.nan, rng.lognormal(4, 2, n) * rng.choice([-1, 1], n)),
            "kva": rng.integers(1, 40, n).astype(float),
            "empty": np.nan,
            "late": np.where(rng.random(n) < 0.2, None, rng.random(n) < 0.7),
            "trade": rng.choice(["it's \\ a mill", "shop", "rare", None], n, p=[0.5, 0.4, 0.01, 0.09]),
            "code": rng.choice([1, 2, 3], n, p=[0.2, 0.7, 0.1]),
            "nothing": None,
        }
    )


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return rows()


def to_spark(spark: SparkSession, data: pd.DataFrame) -> DataFrame:
    schema = "kwh double, kva double, empty double, late boolean, trade string, code int, nothing string"
    values = data.astype(object).where(data.notna(), None)
    return spark.createDataFrame(list(values.itertuples(index=False, name=None)), schema).coalesce(1)


def arrays(stages: tuple[object, ...], frame: DataFrame, column: str) -> np.ndarray:
    made = PipelineModel(stages=list(stages)).transform(frame)  # type: ignore[arg-type]
    return np.stack(made.select(vector_to_array(F.col(column)).alias("v")).toPandas()["v"].to_list())


def test_vectors_are_what_pandas_gives(spark: SparkSession, data: pd.DataFrame) -> None:
    frame = to_spark(spark, data).persist()
    found = profile(frame, FEATURES, min_category_share=0.05)
    assert found.left_out == ("empty", "nothing")
    assert found.flagged == ("kwh", "late")
    by_count = data["trade"].fillna("(missing)").value_counts()
    assert found.categories == {"trade": by_count[by_count >= 20].index.tolist(), "code": ["2", "1", "3"]}
    prepared = fit_preparation(frame, found, trees=True, linear=True)

    filled = data["kwh"].fillna(data["kwh"].median(skipna=True))
    middle = np.sort(data["kwh"].dropna())[(data["kwh"].notna().sum() - 1) // 2]  # MLlib's median is a value of the data
    filled = data["kwh"].fillna(middle)
    late = data["late"].map({True: 1.0, False: 0.0}).fillna(1.0).astype(float)
    codes = data["trade"].fillna("(missing)").map({name: i for i, name in enumerate(found.categories["trade"])}).fillna(3)
    expected = np.column_stack(
        [filled, data["kva"], late, data["kwh"].isna(), data["late"].isna(), codes, data["code"].map({2: 0, 1: 1, 3: 2})]
    ).astype(float)
    assert prepared.tree == ("kwh", "kva", "late", "kwh", "late", "trade", "code")
    np.testing.assert_allclose(arrays(prepared.stages, frame, TREE_FEATURES), expected, rtol=1e-12)

    linear = arrays(prepared.stages, frame, LINEAR_FEATURES)
    assert linear.shape[1] == len(prepared.linear)
    assert prepared.bounds == {1: 1}
    np.testing.assert_allclose(linear[:, 0], np.sign(filled) * np.log1p(filled.abs()), rtol=1e-12)
    hot = linear[:, 5:]
    places = [prepared.linear[5:].index(name) for name in ("kwh", "trade", "code")]
    assert prepared.linear.count("kva") == 1, "a number with a direction has no bins"
    of_bins = hot[:, : places[1]]
    assert (of_bins.sum(axis=1) == 1).all()
    assert (np.diff(of_bins.argmax(axis=1)[np.argsort(filled, kind="stable")]) >= 0).all(), "bins are ranges"
    sizes = np.bincount(of_bins.argmax(axis=1))
    assert len(sizes) == 10
    assert sizes.max() < 0.2 * len(data), "the median fills gaps, so its bin is the largest"
    np.testing.assert_array_equal(hot[:, places[1] : places[1] + 3], np.eye(4)[codes.astype(int)][:, :3])


def test_a_category_never_seen_is_as_a_rare_one(spark: SparkSession, data: pd.DataFrame) -> None:
    frame = to_spark(spark, data).persist()
    prepared = fit_preparation(frame, profile(frame, FEATURES, min_category_share=0.05), trees=True, linear=True)
    usual = data.iloc[[0, 0, 0]].assign(trade=["rare", "never seen", "shop"], code=[2, 2, 9])
    tree = arrays(prepared.stages, to_spark(spark, usual), TREE_FEATURES)
    linear = arrays(prepared.stages, to_spark(spark, usual), LINEAR_FEATURES)
    np.testing.assert_array_equal(tree[0], tree[1])
    np.testing.assert_array_equal(linear[0], linear[1])
    assert tree[2, -1] == 3
    assert len(linear[2]) == len(prepared.linear)


GOOD = {"number": ["double", "int", "bigint", "decimal(10,2)", "float"], "flag": ["boolean"], "category": ["string", "int", "boolean"]}
BAD = {"number": ["string", "boolean", "date", "array<double>"], "flag": ["int", "string"], "category": ["double", "date", "decimal(10,2)"]}
KINDS = st.sampled_from(sorted(GOOD))


@given(st.lists(KINDS, min_size=1, max_size=8), st.data())
def test_every_wrong_or_missing_column_is_named(kinds: list[str], draw: st.DataObject) -> None:
    features = [ModelFeature(name=f"c{i}", kind=kind) for i, kind in enumerate(kinds)]  # type: ignore[arg-type]
    state = [draw.draw(st.sampled_from(["right", "wrong", "missing"])) for _ in kinds]
    choices = {"right": GOOD, "wrong": BAD}
    types = {f.name: draw.draw(st.sampled_from(choices[s][f.kind])) for f, s in zip(features, state, strict=True) if s != "missing"}
    missing = [f.name for f, s in zip(features, state, strict=True) if s == "missing"]
    wrong = [f.name for f, s in zip(features, state, strict=True) if s == "wrong"]
    if not missing and not wrong:
        check_columns(types, features, "the rows")
        return
    with pytest.raises(SourceError) as caught:
        check_columns(types, features, "the rows")
    for name in (missing or wrong)[:5]:
        assert name in str(caught.value)
    assert ("no column" in str(caught.value)) is bool(missing)
    assert "\n" not in str(caught.value)
