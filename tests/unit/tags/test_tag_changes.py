"""Tag values are kept as changes: nothing changed is missed, nothing unchanged is written, and the past stays as it was known."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest
from gridlens.contracts.tag import TAG_VALUE
from gridlens.tags.changes import ChangedTag, changed_rows, tag_changes, values_as_known
from hypothesis import given, settings
from hypothesis import strategies as st
from tag_support import INDUSTRY, LATE, library

AS_OF = dt.date(2026, 1, 31)
KNOWN_AT = dt.datetime(2026, 2, 1, 16, tzinfo=dt.UTC)
FLAG = ChangedTag("flag", "boolean", 3, "f" * 16)
BAND = ChangedTag("band", "text", 1, "b" * 16)
BOOLEANS = st.sampled_from([True, False, None])
TEXTS = st.sampled_from(["low", "high", "", None])
ROWS = st.lists(st.tuples(BOOLEANS, BOOLEANS, TEXTS, TEXTS), min_size=1, max_size=12)


def batch(rows):
    flag, old_flag, band, old_band = (list(column) for column in zip(*rows, strict=True))
    return pa.RecordBatch.from_pydict(
        {
            "account_id": pa.array([f"a{i}" for i in range(len(rows))]),
            "flag": pa.array(flag, pa.bool_()),
            "old_flag": pa.array(old_flag, pa.bool_()),
            "band": pa.array(band, pa.string()),
            "old_band": pa.array(old_band, pa.string()),
        }
    )


def changes_by_hand(rows):
    """The rows expected, one value at a time."""
    for position, (flag, old_flag, band, old_band) in enumerate(rows):
        if flag is not old_flag:
            yield (f"a{position}", "flag", AS_OF, KNOWN_AT, flag, None, 3, "f" * 16)
        if band != old_band:
            yield (f"a{position}", "band", AS_OF, KNOWN_AT, None, band, 1, "b" * 16)


@settings(deadline=None)
@given(ROWS, st.integers(1, 30))
def test_every_changed_value_is_a_row_and_no_other(rows, limit):
    parts = list(changed_rows(batch(rows), tags=(FLAG, BAND), as_of=AS_OF, known_at=KNOWN_AT, rows_a_batch=limit))
    assert all(part.num_rows for part in parts)
    assert all(part.schema.names == TAG_VALUE.columns for part in parts)
    found = [tuple(row.values()) for part in parts for row in part.to_pylist()]
    assert sorted(found, key=lambda r: r[:2]) == sorted(changes_by_hand(rows), key=lambda r: r[:2])


def test_many_changes_leave_in_batches_of_bounded_size():
    rows = [(True, False, "low", None)] * 10
    parts = list(changed_rows(batch(rows), tags=(FLAG, BAND, FLAG), as_of=AS_OF, known_at=KNOWN_AT, rows_a_batch=15))
    assert [part.num_rows for part in parts] == [20, 10]


@pytest.fixture
def tags(tmp_path):
    return library(tmp_path, [LATE | {"version": 4}, INDUSTRY])


def test_changes_are_rows_of_the_contract(spark, tags):
    rows = [
        ("stays late", True, True, "C26", "C26"),
        ("became late", True, False, "C26", "C26"),
        ("new account, punctual", False, False, None, None),
        ("new account, not known", None, False, "A01", None),
        ("lost its trade", False, False, None, "C26"),
    ]
    wide = spark.createDataFrame(rows, "account_id string, late boolean, old_late boolean, trade string, old_trade string")
    changes = TAG_VALUE.conform(tag_changes(wide, tags.tags, as_of=AS_OF, known_at=KNOWN_AT))
    found = {(r.account_id, r.tag_id): r for r in changes.collect()}
    assert {key: (r.value_boolean, r.value_text, r.definition_version) for key, r in found.items()} == {
        ("became late", "late"): (True, None, 4),
        ("new account, not known", "late"): (None, None, 4),
        ("new account, not known", "trade"): (None, "A01", 1),
        ("lost its trade", "trade"): (None, None, 1),
    }
    assert {(r.valid_from, r.known_from.timestamp()) for r in found.values()} == {(AS_OF, KNOWN_AT.timestamp())}
    assert found["became late", "late"].definition == tags.tag("late").stamp


def test_the_row_in_force_is_the_latest_that_holds_and_was_known(spark):
    def moment(day):
        return dt.datetime(2026, 2, day, tzinfo=dt.UTC)

    def row(account, tag, day, known, value):
        return (account, tag, dt.date(2026, 1, day), moment(known), value, None, 1, "x" * 16)

    past = [
        row("a", "late", 10, 1, False),
        row("a", "late", 20, 1, True),
        row("a", "late", 20, 5, None),  # the correction of the row before
        row("a", "late", 10, 8, True),  # an older day, recomputed later: does not replace the newer day
        row("b", "late", 20, 8, True),
        row("b", "pv", 20, 8, True),
    ]
    future = [row("a", "late", 25, 2, False), row("a", "late", 20, 9, False), row("c", "late", 25, 1, True)]
    table = spark.createDataFrame(past + future, TAG_VALUE.schema)
    seen = TAG_VALUE.conform(values_as_known(table, as_of=dt.date(2026, 1, 24), known_at=moment(8)))
    assert {(r.account_id, r.tag_id): (r.valid_from.day, r.known_from.timestamp(), r.value_boolean) for r in seen.collect()} == {
        ("a", "late"): (20, moment(5).timestamp(), None),
        ("b", "late"): (20, moment(8).timestamp(), True),
        ("b", "pv"): (20, moment(8).timestamp(), True),
    }
