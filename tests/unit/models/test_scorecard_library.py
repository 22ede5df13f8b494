"""Definitions of scorecards: those that come along hold; mistakes name file, line and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from gridlens.errors import DefinitionError
from gridlens.models.scorecard_library import load_scorecards
from gridlens.pipelines.declared import taggable
from scorecard_support import definition

ROOT = Path(__file__).resolve().parents[3]
COLUMNS = dict.fromkeys(("late_share", "late_percent", "bill", "extra", "income", "delay_1", "delay_2", "noise"), "double")
COLUMNS |= {"channel": "string", "category": "string", "opened": "date", "is_open": "boolean"}


def written(folder: Path, **changes: object) -> Path:
    """The small definition as a file, with other fields at its top."""
    label = {"function": "bill_unpaid", "horizon_days": 30}
    content = definition(**{"label": label, "population": "is_open", **changes}).model_dump(mode="json")
    file = folder / "cards.yml"
    file.write_text(yaml.safe_dump({"scorecards": [content]}, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return file


def one(**fields: object) -> dict[str, object]:
    return {"id": "one", "group": "ability", "inputs": ["bill"], **fields}


def test_the_scorecard_that_comes_along_holds_and_is_trained_as_a_model() -> None:
    plan = load_scorecards([ROOT / "conf" / "scorecards"], taggable())[0]
    assert {c.group for c in plan.definition.characteristics} == {"willingness", "ability", "history"}
    assert plan.model.features == plan.definition.columns
    assert plan.model.arguments.model_dump() == {"days": 30}
    assert plan.model.fingerprint == plan.definition.fingerprint
    kinds = {feature.name: feature.kind for feature in plan.model.definition.features}
    assert (kinds["payment_channel"], kinds["late_share_365d"]) == ("category", "number")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"characteristics": [one(inputs=["bil"])]}, "characteristic one: there is no column bil; did you mean bill?"),
        ({"characteristics": [one(inputs=["bill", "extra"])]}, "expected one input, or how: sum"),
        ({"characteristics": [one(how="above")]}, "limit belongs to how: above"),
        ({"characteristics": [one(limit=3)]}, "limit belongs to how: above"),
        ({"characteristics": [one(), one()]}, "characteristic one is defined twice"),
        ({"characteristics": [one(inputs=["channel"])]}, "reads text; write kind: category"),
        ({"characteristics": [one(kind="category")]}, "a category is text, a whole number or a flag, not double"),
        ({"characteristics": [one(inputs=["channel"], kind="category", over="bill")]}, "remove how, over, floor and special"),
        ({"characteristics": [one(inputs=["age_band"], kind="category")]}, "age_band is there to compare groups"),
        ({"population": "is_opn"}, "is_opn"),
        ({"label": {"function": "bill_unpayed", "horizon_days": 30}}, "did you mean bill_unpaid?"),
        ({"grades": {"best_first": [{"id": "A", "zh": "A", "en": "A"}] * 2}}, "a grade is listed twice"),
        (
            {"grades": {"best_first": [{"id": g, "zh": g, "en": g, "points_from": p} for g, p in (("A", 5), ("B", 6), ("C", None))]}},
            "expected falling points_from",
        ),
        ({"overlay": {"factors": [{"id": "x", "zh": "x", "en": "x", "at_most": "Z"}]}}, "factor x: Z is no grade"),
        ({"overlay": {"factors": [{"id": "x", "zh": "x", "en": "x"}]}}, "factor x changes nothing"),
    ],
)
def test_mistakes_are_named_with_file_and_line(tmp_path: Path, changes: dict[str, object], says: str) -> None:
    with pytest.raises(DefinitionError, match=r"cards\.yml line \d+: ") as error:
        load_scorecards([written(tmp_path, **changes)], COLUMNS)
    assert says in str(error.value)


def test_words_do_not_change_the_fingerprint_but_bins_do() -> None:
    small = definition()
    assert definition(name_en="Other", version=7).fingerprint == small.fingerprint
    assert definition(binning={"max_bins": 4}).fingerprint != small.fingerprint
