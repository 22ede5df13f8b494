"""Reasons as rows and as sentences."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from gridlens.models.definition import ModelFeature
from gridlens.models.reason_rows import reason_lists, slot_sums, sums_by_group, text_of
from gridlens.models.reason_words import words


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (
            [1000000.0, 0.1 + 0.2, 3.0, -0.0, None, float("nan"), 1234567.0],
            pa.float64(),
            ["1000000", "0.3", "3", "0", None, None, "1234570"],
        ),
        ([12, None], pa.int64(), ["12", None]),
        ([True, False, None], pa.bool_(), ["true", "false", None]),
        (["工业", None], pa.string(), ["工业", None]),
    ],
    ids=["double", "integer", "flag", "text"],
)
def test_values_as_text(values: list[object], kind: pa.DataType, expected: list[str | None]) -> None:
    assert text_of(pa.array(values, type=kind)).to_pylist() == expected


def test_decimals_are_numbers() -> None:
    assert text_of(pa.array([1, 25], type=pa.decimal128(10, 2))).to_pylist() == ["1", "25"]


def test_rows_without_reasons_have_empty_lists() -> None:
    contributions = np.array([[0.0, 0.2, 0.0], [0.0, -0.3, 1e-15]])
    values = [pa.array([1.0, 2.5, 3.0]), pa.array(["a", None, "c"])]
    assert reason_lists(contributions, ["x", "y"], values, 5).to_pylist() == [
        [],
        [{"feature": "y", "value": None, "contribution": -0.3}, {"feature": "x", "value": "2.5", "contribution": 0.2}],
        [],
    ]


def test_sums_by_group_count_known_values_only() -> None:
    groups = pa.RecordBatch.from_pydict({"kind": ["a", "b", "a"]})
    found = sums_by_group(np.array([[1.0, -2.0, 3.0]]), ["x"], [pa.array([10.0, 20.0, None])], groups).to_pylist()
    assert [(row["kind"], row["rows"], row["absolute"], row["signed"], row["known"], row["v"], row["c"], row["vc"]) for row in found] == [
        ("a", 2, 4.0, 4.0, 1.0, 10.0, 1.0, 10.0),
        ("b", 1, 2.0, -2.0, 1.0, 20.0, -2.0, -40.0),
    ]


def test_slots_are_summed_by_vector() -> None:
    batch = pa.RecordBatch.from_pydict({"a": [[1.0, 2.0], [3.0, 4.0]], "b": [[0.5], [0.25]]})
    rows = [row for part in slot_sums(batch) for row in part.to_pylist()]
    assert [(row["vector"], row["slot"], row["total"], row["rows"]) for row in rows] == [
        ("a", 0, 4.0, 2),
        ("a", 1, 6.0, 2),
        ("b", 0, 0.75, 2),
    ]


FEATURES = (
    ModelFeature(name="days_late", zh="逾期天数", en="Days late", actionable=True, act="call before the due day"),
    ModelFeature(name="autopay", kind="flag", zh="自动扣款", en="Automatic payment"),
)


@pytest.mark.parametrize(
    ("feature", "value", "contribution", "language", "sentence"),
    [
        ("days_late", "35", 0.8, "en", "Days late: 35, raises the score; suggested: call before the due day"),
        ("days_late", "0", -0.8, "en", "Days late: 0, lowers the score"),
        ("autopay", "true", -0.2, "zh", "自动扣款：是，拉低评分"),
        ("autopay", None, 0.2, "zh", "自动扣款：未知，推高评分"),
        ("energy", "12.5", 0.1, "en", "energy: 12.5, raises the score"),
    ],
)
def test_sentences(feature: str, value: str | None, contribution: float, language: str, sentence: str) -> None:
    reason = {"feature": feature, "value": value, "contribution": contribution}
    assert words(reason, FEATURES, language) == sentence  # type: ignore[arg-type]
