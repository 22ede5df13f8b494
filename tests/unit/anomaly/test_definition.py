"""Mistakes in the definition are told with file and line; what visits have shown is weighed with what is believed beforehand."""

from __future__ import annotations

from pathlib import Path

import pytest
from gridlens.anomaly.alerts import believed
from gridlens.anomaly.definition import Visits, load_usage
from gridlens.contracts.anomaly import KIND_NAMES
from gridlens.errors import DefinitionError

POINTS = {"tariff_id": "string", "phases": "int"}
FEATURES = {"category": "string", "load_factor": "double", "night_share": "double", "mean_kw": "double"}
NAMES = "name_zh: 用电异常\nname_en: Abnormal usage\n"
MISUSE = "misuse:\n  household: category = 'residential'\n  features: [load_factor, night_share, {name}]\n"


def load(tmp_path: Path, text: str) -> str:
    file = tmp_path / "usage.yml"
    file.write_text(NAMES + text, encoding="utf-8")
    return load_usage(file, POINTS, FEATURES).fingerprint


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("prior: 0.7\n", 3, "prior"),
        ("peers: [colour]\n", 3, "category"),
        ("trees: {tree: 5}\n", 3, "tree"),
        ("gate: {min_gain: 2}\n", 3, "min_gain"),
        ("supply_meter: tarif_id is null\n", 3, "tariff_id"),
        ("supply_meter: phases + 1\n", 3, "boolean"),
        (MISUSE.format(name="night_shares"), 5, "did you mean night_share?"),
        (MISUSE.format(name="category"), 5, "no numeric account feature"),
        (MISUSE.format(name="mean_kw").replace("category =", "categori ="), 4, "category"),
    ],
)
def test_a_mistake_names_file_line_and_remedy(tmp_path: Path, text: str, line: int, told: str) -> None:
    with pytest.raises(DefinitionError, match=rf"usage\.yml line {line}\b.*{told.replace('?', '.')}"):
        load(tmp_path, text)


def test_the_fingerprint_is_of_what_is_said_not_of_the_names(tmp_path: Path) -> None:
    first = load(tmp_path, "prior: 0.03\n")
    assert load(tmp_path, "prior: 0.03\nleast_days: 120\n") == first, "the default"
    assert load(tmp_path, "prior: 0.02\n") != first
    file = tmp_path / "usage.yml"
    file.write_text(file.read_text(encoding="utf-8").replace("Abnormal", "Odd").replace("0.02", "0.03"), encoding="utf-8")
    assert load_usage(file, POINTS, FEATURES).fingerprint == first


def test_what_is_learnt_does_not_depend_on_what_alerts_are_worth(tmp_path: Path) -> None:
    def learnt(text: str) -> str:
        load(tmp_path, text)
        return load_usage(tmp_path / "usage.yml", POINTS, FEATURES).fingerprint_of_learnt

    first = learnt("prior: 0.03\n")
    assert learnt("prior: 0.03\nvisits: {per_week: 7}\nleast_probability: 0.2\n") == first
    assert len({first, learnt("prior: 0.03\ntrees: {trees: 7}\n"), learnt("prior: 0.03\ngate: {min_gain: 0.1}\n")}) == 3


def test_hit_rates_move_from_what_is_believed_to_what_was_found() -> None:
    visits = Visits(prior_hits=2, prior_visits=8)
    rates = believed({"meter_stop": (9, 10), "irregular": (0, 10)}, visits)
    assert set(rates) == set(KIND_NAMES)
    assert rates["under_recording"] == pytest.approx(2 / 8)
    assert rates["meter_stop"] == pytest.approx(11 / 18)
    assert rates["irregular"] == pytest.approx(2 / 18)
