"""Binning in Spark: pandas finds the same, any order of rows gives the same, and what is fitted is MLlib's own."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from gridlens.errors import SourceError
from gridlens.models.characteristic import BinningDefinition, Characteristic
from gridlens.models.woe_bins import Binned
from gridlens.models.woe_counts import floored
from gridlens.models.woe_estimator import WoeEstimator
from gridlens.models.woe_sql import woe_column
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from scorecard_support import definition, table


@settings(max_examples=300, deadline=None)
@example(0.29, 2)
@example(999.9999999999999, 3)
@example(-0.001, 3)
@example(1e15, 3)
@given(st.floats(-1e15, 1e15, allow_nan=False), st.integers(1, 5))
def test_fine_bins_are_decimals_at_or_below_the_value(value: float, digits: int) -> None:
    low = float(floored(np.array([value]), digits)[0])
    assert low <= value
    if abs(value) < 1e-12:
        assert low in (0.0, -1e-12)
        return
    decade = math.floor(math.log10(abs(value)))
    decade += (Fraction(abs(value)) >= Fraction(10) ** (decade + 1)) - (Fraction(abs(value)) < Fraction(10) ** decade)
    step = Fraction(10) ** (decade - digits + 1)
    assert low == float(math.floor(Fraction(value) / step) * step) or float((math.floor(Fraction(value) / step) + 1) * step) == low
    assert value - low <= float(step) * 1.001


def test_far_and_infinite_values_have_the_last_bins() -> None:
    assert floored(np.array([np.inf, -np.inf, 3e300, 0.0, -0.0, 1e-13, -1e-13]), 3).tolist() == [1e15, -1e15, 1e15, 0, 0, 0, -1e-12]


def by_pandas(frame: pd.DataFrame, values: pd.Series, one: Binned) -> pd.DataFrame:
    """Rows and bad rows of each bin's own condition, WOE and IV by the formula."""
    rows = []
    bad, good = frame["label"].sum(), (1 - frame["label"]).sum()
    named = {value for b in one.bins if b.kind == "values" for value in b.values}
    special = [value for b in one.bins if b.kind == "special" for value in b.values]
    for b in one.bins:
        if b.kind == "missing":
            here = values.isna()
        elif b.kind == "special":
            here = values == b.values[0]
        elif b.kind == "values":
            here = values.isin(b.values)
        elif b.kind == "other":
            here = values.notna() & ~values.isin(named)
        else:
            here = (
                (values >= (-np.inf if b.low is None else b.low))
                & (values < (np.inf if b.high is None else b.high))
                & ~values.isin(special)
            )
        e, n = frame.loc[here, "label"].sum(), here.sum()
        woe = np.log(((n - e) / good) / (e / bad)) if min(e, n - e) >= 10 else 0.0
        rows.append((n, e, woe, ((n - e) / good - e / bad) * woe))
    return pd.DataFrame(rows, columns=["rows", "events", "woe", "iv"])


def values_by_pandas(frame: pd.DataFrame) -> dict[str, pd.Series]:
    delays = frame[["delay_1", "delay_2"]].clip(lower=0)
    return {
        "late": frame["late_share"],
        "late_again": frame["late_percent"],
        "bill_use": (frame["bill"] + frame["extra"]) / frame["income"].where(frame["income"] != 0),
        "worst": delays.max(axis=1, skipna=False),
        "channel": frame["channel"],
        "noise": frame["noise"],
    }


def test_counts_woe_and_iv_equal_pandas_and_do_not_depend_on_order(spark: SparkSession) -> None:
    frame, wanted = table(), definition()
    rows = spark.createDataFrame(frame)
    estimator = WoeEstimator(wanted.characteristics, binning=wanted.binning)
    found = estimator.bins(rows.repartition(1))
    again = estimator.bins(rows.repartition(5, "row").orderBy(F.desc("noise")))
    assert [one.model_dump_json() for one in found] == [one.model_dump_json() for one in again]
    assert [one.id for one in found] == [c.id for c in wanted.characteristics]
    values = values_by_pandas(frame)
    for one in found:
        expected = by_pandas(frame, values[one.id], one)
        assert [b.rows for b in one.bins] == expected["rows"].tolist(), one.id
        assert [b.events for b in one.bins] == expected["events"].tolist(), one.id
        assert [b.woe for b in one.bins] == pytest.approx(expected["woe"].tolist(), abs=1e-9)
        assert one.iv == pytest.approx(expected["iv"].sum(), abs=1e-9)
        assert sum(b.rows for b in one.bins) == len(frame)
    kinds = {one.id: [b.kind for b in one.bins] for one in found}
    assert kinds["late"][-2:] == ["special", "missing"]
    rates = [b.events / b.rows for b in found[0].bins if b.kind == "range"]
    assert len(rates) >= 3
    assert rates == sorted(rates)
    assert all(b.rows >= 0.05 * len(frame) for one in found for b in one.bins if b.kind == "range")
    assert "other" in kinds["channel"], "the rare category counts among others"

    model = estimator.fit(rows)
    assert {type(stage).__module__ for stage in model.stages} == {"pyspark.ml.feature"}
    sums = model.transform(rows).agg(*[F.sum(woe_column(one.id)).alias(one.id) for one in found if one.bins]).first().asDict()
    assert sums == pytest.approx({one.id: sum(b.rows * b.woe for b in one.bins) for one in found if one.bins}, abs=1e-6)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([1, 1, 1], "is 1 in all 3 rows"),
        ([0, 0, 0], "is 0 in all 3 rows"),
        ([0, 1, 2], "1 rows are neither"),
        ([0, 1, None], "1 rows are neither"),
    ],
)
def test_labels_that_cannot_teach_are_refused(spark: SparkSession, labels: list[int | None], says: str) -> None:
    rows = spark.createDataFrame([(float(i), label) for i, label in enumerate(labels)], "x double, label int")
    one = Characteristic(id="x", group="ability", inputs=("x",), zh="x", en="x")
    with pytest.raises(SourceError, match=says):
        WoeEstimator([one], binning=BinningDefinition(min_events=1)).bins(rows)
