"""The library: tags stand in the order of their dependencies, and a fingerprint follows all that determines a value."""

from __future__ import annotations

import pytest
from gridlens.contracts.tag import CATEGORY_NAMES, KIND_NAMES, Category, Kind
from gridlens.errors import SettingsError
from tag_support import BANDS, BIG_LATE, CALL, CHAIN, INDUSTRY, LABELS, LATE, LEVEL, library


def test_tags_stand_by_level_and_id_whatever_the_order_of_the_files(tmp_path):
    loaded = library(tmp_path, CHAIN[::-1])
    assert [[t.id for t in level] for level in loaded.levels] == [["late", "level", "trade"], ["big_late"], ["call_first"]]
    assert loaded.ids == ("late", "level", "trade", "big_late", "call_first")
    assert loaded == library(tmp_path, CHAIN)
    assert [(c.id, c.value_type) for c in loaded.columns][:3] == [("late", "boolean"), ("level", "text"), ("trade", "text")]
    assert (loaded.tag("call_first").features, loaded.tag("call_first").tags) == (("has_pv",), ("big_late",))


def test_what_reads_a_changed_tag_is_affected_through_others_too(tmp_path):
    loaded = library(tmp_path, CHAIN)
    assert loaded.affected(["level"]) == ("level", "big_late", "call_first")
    assert loaded.affected(["call_first", "trade"]) == ("trade", "call_first")
    assert loaded.affected([]) == ()
    with pytest.raises(SettingsError, match=r"tag lates is not defined; did you mean late\?"):
        loaded.affected(["lates"])
    with pytest.raises(SettingsError, match=r"tag zzz is not defined; docs/tags.md lists them"):
        loaded.tag("zzz")


CHANGES = {
    "threshold": (LATE | {"expression": "late_90d >= 3"}, {"late", "big_late", "call_first"}),
    "version": (LATE | {"version": 2}, {"late", "big_late", "call_first"}),
    "band": (LEVEL | {"bands": {**BANDS, "of": "annual_kwh * 1"}}, {"level", "big_late", "call_first"}),
    "closed list": (INDUSTRY | {"open_values": False, "values": LABELS}, {"trade"}),
    "names and care": (LATE | {"name_en": "x", "reason": "Another reason that is long enough", "ttl_days": 7, "owner": "x"}, set()),
    "labels": (LEVEL | {"values": {"low": {"zh": "少", "en": "little"}, "high": {"zh": "多", "en": "much"}}}, set()),
}


@pytest.mark.parametrize(("changed", "expected"), CHANGES.values(), ids=CHANGES.keys())
def test_a_fingerprint_follows_all_that_determines_the_value_and_nothing_else(tmp_path, changed, expected):
    before = {t.id: t.fingerprint for t in library(tmp_path, CHAIN).tags}
    after = library(tmp_path, [changed if d["id"] == changed["id"] else d for d in CHAIN])
    assert {t.id for t in after.tags if t.fingerprint != before[t.id]} == expected
    assert all(len(t.fingerprint) == 64 and t.fingerprint.startswith(t.stamp) and len(t.stamp) == 16 for t in after.tags)


def test_the_library_has_a_fingerprint_of_its_own(tmp_path):
    whole = library(tmp_path, CHAIN).fingerprint
    assert library(tmp_path, CHAIN[::-1]).fingerprint == whole
    assert library(tmp_path, [LATE, LEVEL, INDUSTRY, BIG_LATE]).fingerprint != whole
    assert library(tmp_path, [LATE, LEVEL, INDUSTRY, BIG_LATE, CALL | {"version": 9}]).fingerprint != whole


def test_every_category_and_kind_has_a_name():
    assert list(CATEGORY_NAMES) == list(Category.__args__)
    assert list(KIND_NAMES) == list(Kind.__args__)
