"""Definitions of segments: those that come along hold; mistakes name file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from gridlens.errors import DefinitionError, SettingsError
from gridlens.pipelines.segments import segment_definitions
from gridlens.segments.definition import load_segmentations
from gridlens.segments.small import load_small_customers
from gridlens.settings import load_settings

COLUMNS = {"is_open": "boolean", "late_share_365d": "double", "profile_working_kw": "array<double>"}
GOOD = """\
segmentations:
  - id: payment
    name_zh: 缴费
    name_en: Payment
    description: How customers pay their bills
    population: is_open
    components: 1
    k: [2]
    features:
      - {id: late, expression: late_share_365d, missing: 0.0}
    phrases:
      - {expression: late_share_365d, high: {zh: 常逾期, en: late}, low: {zh: 按时, en: on time}}
"""
SMALL = """\
name_zh: 小
name_en: small
population: is_open
industry: [{id: all, name_zh: 全部, name_en: all}]
stage: [{id: all, name_zh: 全部, name_en: all}]
rhythm: [{id: all, name_zh: 全部, name_en: all}]
need:
  - {id: help, name_zh: 纾困, name_en: help, when: late_share_365d > 0}
  - {id: none, name_zh: 无, name_en: none}
"""


def test_the_packaged_definitions_hold() -> None:
    definitions = segment_definitions(load_settings("local"))
    assert [s.id for s in definitions.segmentations] == ["daily_rhythm", "load_shape", "service_behaviour"]
    assert definitions.segmentations[1].definition.components_of_features[:2] == ("working_day_00", "working_day_01")
    with pytest.raises(SettingsError, match="did you mean load_shape"):
        definitions.require("load_shap")


def written(folder: Path, text: str) -> Path:
    file = folder / "x.yml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("population: is_open", "population: is_opn", 6, "is_opn"),
        ("population: is_open", "population: late_share_365d", 6, "expected a boolean"),
        ("k: [2]", "k: [1]", 8, "at least 2"),
        ("components: 1", "components: 2", 7, "at most 1"),
        ("expression: late_share_365d, missing", "profile: late_share, missing", 10, "no profile"),
        ("id: late,", "id: late, profile: profile_working_kw,", 10, "exactly one"),
        ("missing: 0.0", "missing: often", 10, "missing"),
        ("    k: [2]", "    k: [2]\n    kk: [2]", 9, "unknown"),
    ],
)
def test_a_mistake_names_file_and_line(tmp_path: Path, old: str, new: str, line: int, says: str) -> None:
    assert len(load_segmentations([written(tmp_path, GOOD)], COLUMNS)) == 1
    assert old in GOOD
    with pytest.raises(DefinitionError, match=says) as error:
        load_segmentations([written(tmp_path, GOOD.replace(old, new))], COLUMNS)
    assert f"x.yml line {line}:" in str(error.value)


def test_wording_does_not_change_the_fingerprint(tmp_path: Path) -> None:
    (first,) = load_segmentations([written(tmp_path, GOOD)], COLUMNS)
    (worded,) = load_segmentations([written(tmp_path, GOOD.replace("Payment", "Paying"))], COLUMNS)
    (other,) = load_segmentations([written(tmp_path, GOOD.replace("k: [2]", "k: [3]"))], COLUMNS)
    assert first.fingerprint == worded.fingerprint != other.fingerprint


def test_the_last_group_takes_the_rest(tmp_path: Path) -> None:
    assert load_small_customers(written(tmp_path, SMALL), COLUMNS).groups("need")[0].id == "help"
    with pytest.raises(DefinitionError, match="line 8: group help: the last group"):
        load_small_customers(written(tmp_path, SMALL.replace(", when: late_share_365d > 0", "")), COLUMNS)
