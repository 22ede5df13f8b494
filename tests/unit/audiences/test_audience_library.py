"""Definitions of audiences: each mistake names its file and line; what determines the members determines the fingerprint."""

from __future__ import annotations

from pathlib import Path

import pytest
from audience_support import CONSENT, CONTACTED, GRADE_D, audience, library, suppression
from gridlens.errors import DefinitionError, SettingsError
from gridlens.expression_functions import FUNCTIONS

LATE = audience("late_homes", "late and home")
BIG = audience("big_late_homes", "late_homes and kwh > 100")


def test_audiences_stand_after_those_they_read(tmp_path: Path) -> None:
    found = library(tmp_path, [audience("all_of_it", "big_late_homes or not late_homes"), BIG, LATE])
    assert found.ids.index("late_homes") < found.ids.index("big_late_homes") < found.ids.index("all_of_it")
    assert found.audience("all_of_it").reads == ("big_late_homes", "late_homes")
    assert [one.id for one in found.with_inputs([found.audience("big_late_homes")])] == ["late_homes", "big_late_homes"]
    ad_hoc = found.ad_hoc("all_of_it and days_since(opened_on) < 30")
    assert [one.id for one in found.with_inputs([ad_hoc])] == [*found.ids, "ad_hoc"]
    assert {"as_of", "opened_on"} <= ad_hoc.checked.columns


@pytest.mark.parametrize(
    ("audiences", "line", "sentence"),
    [
        pytest.param([audience("x", "late and hom")], 6, "reads the unknown column hom; did you mean home?", id="column"),
        pytest.param([audience("x", "kwh + 1")], 6, "gives a number, expected a boolean", id="type"),
        pytest.param([audience("x", "late", channel="fax")], 9, "field channel: expected one of sms, email", id="channel"),
        pytest.param([audience("x", "late", purpose="fun")], 9, "field purpose: expected one of marketing", id="purpose"),
        pytest.param([audience("x", "late", colour="red")], 9, "field colour: is unknown", id="field"),
        pytest.param([audience("late", "home")], 2, "late is the name of a feature, tag or segment", id="clash"),
        pytest.param([audience("ad_hoc", "home")], 2, "ad_hoc is reserved", id="reserved"),
        pytest.param([LATE, dict(LATE)], 9, "late_homes is already used in", id="twice"),
        pytest.param(
            [audience("x", "late", suppressions=["grad_d"])], 10, "grad_d is not defined; did you mean grade_d?", id="suppression"
        ),
        pytest.param([audience("x", "late", suppressions=["grade_d"] * 2)], 11, "grade_d is listed twice", id="repeated"),
        pytest.param(
            [audience("x", "late", suppressions=["no_consent"])], 2, "field purpose: is missing; a suppression asks", id="consent"
        ),
        pytest.param(
            [audience("a", "b"), audience("b", "c"), audience("c", "a and late")], 6, "in a circle: a -> b -> c -> a;", id="circle"
        ),
        pytest.param([audience("a", "not a")], 6, "in a circle: a -> a;", id="itself"),
    ],
)
def test_a_mistake_names_file_line_and_remedy(tmp_path: Path, audiences: list, line: int, sentence: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        library(tmp_path, audiences)
    message = str(caught.value)
    assert sentence in message
    assert message.startswith(f"{tmp_path / 'audiences.yml'} line {line}: ")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("rule", "line", "sentence"),
    [
        pytest.param(suppression("x", "expression"), 2, "field where: is missing; a suppression of kind expression needs it", id="where"),
        pytest.param(suppression("x", "contact"), 2, "field days: is missing", id="days"),
        pytest.param(suppression("x", "consent", days=3), 7, "field days: does not belong to the kind consent", id="belongs"),
        pytest.param(suppression("x", "contact", days=3, unknown="keep"), 8, "field unknown: does not belong", id="unknown"),
        pytest.param(suppression("x", "expression", where="grade"), 7, "gives a text, expected a boolean", id="type"),
        pytest.param(suppression("x", "spell"), 5, "expected one of expression, consent, contact", id="kind"),
    ],
)
def test_a_mistake_in_a_suppression_too(tmp_path: Path, rule: dict, line: int, sentence: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        library(tmp_path, [LATE], [rule])
    assert str(caught.value).startswith(f"{tmp_path / 'suppressions.yml'} line {line}: ")
    assert sentence in str(caught.value)


def test_an_unknown_audience_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"audience late_home is not defined; did you mean late_homes\?"):
        library(tmp_path, [LATE]).audience("late_home")


def test_what_determines_the_members_determines_the_fingerprint(tmp_path: Path) -> None:
    def stamp(*definitions: dict, rules: list | None = None) -> str:
        return library(tmp_path, list(definitions), rules).audience(definitions[0]["id"]).fingerprint

    asked = {"suppressions": ["grade_d", "contacted"]}
    base = stamp(BIG | asked, LATE)
    assert stamp(BIG | asked | {"name_en": "Other", "where": "late_homes  and\n kwh > 100"}, LATE) == base
    others = [
        stamp(BIG | asked | {"where": "late_homes and kwh > 101"}, LATE),
        stamp(BIG | asked | {"version": 2}, LATE),
        stamp(BIG | {"suppressions": ["contacted", "grade_d"]}, LATE),
        stamp(BIG | asked, LATE | {"where": "late and not home"}),
        stamp(BIG | asked, LATE, rules=[CONSENT, GRADE_D, CONTACTED | {"days": 8}]),
    ]
    assert len({base, *others}) == 6


def test_days_since_is_told_to_need_the_day(tmp_path: Path) -> None:
    assert FUNCTIONS["days_since"].reads == ("as_of",)
    with pytest.raises(DefinitionError, match="gives days_since a number where a date is expected"):
        library(tmp_path, [audience("x", "days_since(kwh) < 3")])
