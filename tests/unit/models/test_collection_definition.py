"""The collection list's definition: the packaged one holds, mistakes name file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from gridlens.errors import DefinitionError
from gridlens.models.collection_definition import load_collection
from gridlens.pipelines.collection import collection_definition
from gridlens.settings import load_settings

COLUMNS = {"late_share_365d": "double", "autopay": "boolean", "category": "string"}
GOOD = """\
name_zh: 催收清单
name_en: Collection list
model: arrears
plan:
  capacity: 10
  by_category:
    residential: 0.3
time_to_pay:
  baseline: late_share_365d
  features:
    - {name: late_share_365d}
    - {name: autopay, kind: flag}
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "plan.yml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_packaged_definition_holds() -> None:
    found = collection_definition(load_settings("local"))
    assert (found.model, found.plan.capacity, found.plan.loss_given_default) == ("arrears", 200, 0.45)
    assert found.time_to_pay
    assert found.time_to_pay.baseline in found.time_to_pay.names


def test_wording_changes_no_fingerprint(tmp_path: Path) -> None:
    first = load_collection(written(tmp_path, GOOD), COLUMNS, ["arrears"])
    worded = GOOD.replace("name_zh: 催收清单", "name_zh: 清单").replace("{name: late_share_365d}", "{name: late_share_365d, zh: 逾期}")
    other = load_collection(written(tmp_path, GOOD.replace("capacity: 10", "capacity: 11")), COLUMNS, ["arrears"])
    assert load_collection(written(tmp_path, worded), COLUMNS, ["arrears"]).fingerprint == first.fingerprint != other.fingerprint
    assert first.time_to_pay
    assert other.time_to_pay
    assert first.time_to_pay.fingerprint == other.time_to_pay.fingerprint


@pytest.mark.parametrize(
    ("wrong", "right", "sentence"),
    [
        ("model: arrear", "model: arrears", "line 3: model arrear is not defined; did you mean arrears?"),
        ("capacity: 0", "capacity: 10", "line 5: field plan.capacity: expected greater than or equal to 1 but found 0"),
        ("residental: 0.3", "residential: 0.3", "line 7: residental is no customer category; did you mean residential?"),
        ("residential: 1.3", "residential: 0.3", "line 7: residential: expected a share over 0 up to 1 but found 1.3"),
        ("baseline: late_share", "baseline: late_share_365d", "line 9: baseline late_share is no numeric account feature; did you mean"),
        ("- {name: late_shares_365d}", "- {name: late_share_365d}", "line 11: feature late_shares_365d is no column"),
        ("{name: autopay}", "{name: autopay, kind: flag}", "line 12: feature autopay is boolean, which is no number; write kind: flag"),
        ("{name: late_share_365d}", "{name: autopay, kind: flag}", "line 12: feature late_share_365d is listed twice; keep one"),
        ("capasity: 10", "capacity: 10", "line 5: field plan.capasity: is unknown"),
    ],
)
def test_a_mistake_names_file_and_line(tmp_path: Path, wrong: str, right: str, sentence: str) -> None:
    assert right in GOOD
    with pytest.raises(DefinitionError) as caught:
        load_collection(written(tmp_path, GOOD.replace(right, wrong)), COLUMNS, ["arrears"])
    assert f"plan.yml {sentence}" in str(caught.value)
