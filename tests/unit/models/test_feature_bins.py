"""Cells of columns: every row in one, heavy values alone, what is missing apart."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from gridlens.errors import SourceError
from gridlens.models.definition import ModelFeature
from gridlens.models.feature_bins import SAMPLE, Bins, bins_of, counted, cuts_of
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pyspark.sql import SparkSession

NUMBERS = arrays.arrays(float, st.integers(0, 80), elements=st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, 1.0, np.nan])))


@settings(deadline=None)
@given(NUMBERS)
def test_every_number_is_in_the_cell_that_its_borders_say(values: np.ndarray) -> None:
    bins = Bins("x", "number", cuts_of(values))
    cells = bins.cells(pa.array(values, from_pandas=True))
    assert list(bins.cuts) == sorted(set(bins.cuts))
    edges = [-np.inf, *bins.cuts, np.inf]
    for value, cell in zip(values, cells, strict=True):
        if np.isnan(value):
            assert cell == bins.size - 1
        else:
            assert edges[cell] <= value < edges[cell + 1]
    known = values[~np.isnan(values)]
    if len(known):
        assert np.bincount(cells[~np.isnan(values)], minlength=bins.size - 1)[: bins.size - 1].min() > 0, (
            "no cell is empty where it comes from"
        )


@settings(deadline=None)
@given(NUMBERS)
def test_a_cell_of_several_values_holds_about_a_tenth(values: np.ndarray) -> None:
    known = values[~np.isnan(values)]
    cells = Bins("x", "number", cuts_of(values)).cells(pa.array(known))
    for cell in set(cells):
        inside = known[cells == cell]
        if len(np.unique(inside)) > 1:
            assert len(inside) <= 2 * len(known) / 10 + 2


def test_a_value_that_many_rows_share_stands_alone() -> None:
    values = np.concatenate([np.zeros(700), np.linspace(0.001, 9, 300)])
    bins = Bins("late", "number", cuts_of(values))
    cells = bins.cells(pa.array([0.0, 0.001, -3.0, 9.0]))
    assert cells[0] != cells[1]
    assert cells[0] == cells[2]
    assert cells[3] == bins.size - 2


def test_a_category_has_its_values_the_others_and_what_is_missing() -> None:
    bins = Bins("category", "category", values=("residential", "commercial"))
    assert bins.cells(pa.array(["commercial", "residential", "new", None])).tolist() == [1, 0, 2, 3]
    assert bins.size == 4


FEATURES = [ModelFeature(name="kwh"), ModelFeature(name="autopay", kind="flag"), ModelFeature(name="category", kind="category")]


def test_one_pass_counts_rows_and_positives_of_all_columns(spark: SparkSession) -> None:
    rng = np.random.default_rng(0)
    rows = [
        (str(i), None if i % 9 == 0 else float(rng.normal()), None if i % 7 == 0 else i % 2 == 0, ["a", "b", "b"][i % 3], int(i % 5 == 0))
        for i in range(900)
    ]
    df = spark.createDataFrame(rows, "account_id string, kwh double, autopay boolean, category string, label int").repartition(3)
    bins = bins_of(df, FEATURES)
    assert [b.values for b in bins[1:]] == [("false", "true"), ("b", "a")] or bins[1].values == ("true", "false")
    found = counted(df, bins, label="label")
    for b in bins:
        assert found[b.name].sum(axis=0).tolist() == [900, 180]
    assert found["kwh"][-1].tolist() == [100, 20]
    assert found["category"].tolist() == [[600, 120], [300, 60], [0, 0], [0, 0]]
    assert found["autopay"][-1, 0] == sum(i % 7 == 0 for i in range(900))
    kwh = np.array([r[1] for r in rows if r[1] is not None])
    assert found["kwh"][0, 0] == (kwh < bins[0].cuts[0]).sum()


def test_of_many_rows_a_part_gives_the_cells_and_all_are_counted(spark: SparkSession) -> None:
    df = spark.range(3 * SAMPLE).selectExpr("cast(id as string) as account_id", "cast(id as double) as kwh")
    (bins,) = bins_of(df, FEATURES[:1])
    assert np.array(bins.cuts) == pytest.approx(np.arange(1, 10) * 0.3 * SAMPLE, abs=0.05 * SAMPLE)
    assert bins_of(df.repartition(3), FEATURES[:1]) == (bins,), "however the rows lie"
    assert counted(df, [bins])["kwh"][:, 0].sum() == 3 * SAMPLE


def test_what_is_not_there_is_named(spark: SparkSession) -> None:
    df = spark.createDataFrame([("1", 1.0)], "account_id string, kwh double")
    with pytest.raises(SourceError, match=r"lack the feature\(s\) autopay, category"):
        bins_of(df, FEATURES)
    with pytest.raises(SourceError, match="no row"):
        bins_of(df.where("false"), FEATURES[:1])
