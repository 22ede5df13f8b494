"""Tag definitions as written: each mistake is one sentence that names file, line and remedy; files and windows."""

from __future__ import annotations

import pytest
from gridlens.definitions import parse_definitions
from gridlens.errors import DefinitionError
from gridlens.tables import Sensitivity
from gridlens.tags.checks import Draft, check_sensitivity
from gridlens.tags.definition import TagDefinition
from gridlens.tags.library import load_tags
from tag_support import COLUMNS, library, tag

GOOD = """\
tags:
  - id: late_payer
    name_zh: 迟缴户
    name_en: Late payer
    category: payment_credit
    kind: rule
    expression: late_90d >= 2
    inputs: [late_90d]
    owner: collection
    version: 1
    ttl_days: 40
    sensitivity: internal
    refresh: daily
    reason: Two late bills in a quarter are one more than chance explains
    description: Pays late again and again
"""
BANDED = GOOD.replace(
    "    expression: late_90d >= 2\n",
    """\
    bands:
      of: late_90d
      steps:
        - {below: 1, value: never}
        - {value: often}
    values:
      never: {zh: 从不, en: Never}
      often: {zh: 经常, en: Often}
""",
)
WINDOWED = (
    GOOD.replace("late_payer", "late_{window}d")
    .replace("迟缴户", "近{window}天迟缴户")
    .replace("Late payer", "Late in {window} days")
    .replace("late_90d >= 2", "late_{window}d >= 2")
    .replace("[late_90d]", "['late_{window}d']")
    .replace("again and again", "within {window} days")
) + "    windows: [30, 90]\n"
WINDOWED = WINDOWED.replace("id: late_", "id: paid_late_")
SECOND = GOOD[GOOD.index("  - id") :]
DERIVED = SECOND.replace("late_payer", "second").replace("kind: rule", "kind: derived")


def derived(expression, inputs):
    return GOOD + DERIVED.replace("late_90d >= 2", expression).replace("[late_90d]", inputs)


SCORES = {"arrears_score": "double", "arrears_decile": "int", "arrears_band": "string"}
MISTAKES = {
    "category": (GOOD.replace("payment_credit", "money"), 5, "field category: expected one of basic, consumption_level, "),
    "kind": (GOOD.replace("kind: rule", "kind: guess"), 6, "field kind: expected one of fact, statistical, rule, derived, model"),
    "sensitivity": (GOOD.replace("internal", "secret"), 12, "field sensitivity: expected one of public, internal, personal"),
    "missing": (GOOD.replace("    owner: collection\n", ""), 2, "field owner: is missing; add it"),
    "unknown key": (GOOD + "    sql: x\n", 16, "field sql: is unknown; remove it or correct its name"),
    "id form": (GOOD.replace("late_payer", "Late-1"), 2, "field id: expected text that matches pattern "),
    "version": (GOOD.replace("version: 1", "version: 0"), 10, "field version: expected greater than or equal to 1 but found 0"),
    "short reason": (
        GOOD.replace("Two late bills in a quarter are one more than chance explains", "Because"),
        14,
        "field reason: expected ",
    ),
    "both": (BANDED + "    expression: late_90d >= 2\n", 2, "expected exactly one of expression and bands"),
    "neither": (GOOD.replace("    expression: late_90d >= 2\n", ""), 2, "expected exactly one of expression and bands"),
    "last band": (
        BANDED.replace("- {value: often}", "- {below: 2, value: often}"),
        9,
        "field bands.steps: expected below in every step but",
    ),
    "band order": (
        BANDED.replace("- {value: often}", "- {below: 1, value: often}\n        - {value: often}"),
        9,
        "field bands.steps: expected limits that ascend; put the steps in order",
    ),
    "one band": (
        BANDED.replace("        - {below: 1, value: never}\n", ""),
        9,
        "field bands.steps: expected at least two steps",
    ),
    "band value": (BANDED.replace("value: often", "value: no"), 11, "field bands.steps.1.value: expected a valid string but found False"),
    "band of a text": (BANDED.replace("of: late_90d", "of: industry"), 8, "the expression 'industry' gives a text, expected a number"),
    "band unnamed": (
        BANDED.replace("value: often", "value: much"),
        12,
        "field values: lacks much of the bands; name every value in zh and en",
    ),
    "name unused": (
        BANDED.replace("often: {zh", "much: {zh: 多, en: Much}\n      often: {zh"),
        12,
        "field values: no band gives much; remove",
    ),
    "open bands": (BANDED + "    open_values: true\n", 23, "field open_values: the list of values is closed by bands or values"),
    "label": (BANDED.replace("en: Often", "de: Oft"), 14, "field values.often.de: is unknown; remove it or correct its name"),
    "unknown column": (
        GOOD.replace("late_90d >= 2", "late_9d >= 2"),
        7,
        "the expression 'late_9d >= 2' reads the unknown column late_9d; did",
    ),
    "function": (
        GOOD.replace("late_90d >= 2", "reflect('a', late_90d)"),
        7,
        "the expression \"reflect('a', late_90d)\" calls the function refl",
    ),
    "types": (GOOD.replace("late_90d >= 2", "late_90d >= 'x'"), 7, "the expression \"late_90d >= 'x'\" compares a number with a text"),
    "number": (GOOD.replace("late_90d >= 2", "late_90d"), 7, "field expression: gives a number, expected a boolean or a text; cut it into"),
    "date": (
        GOOD.replace("late_90d >= 2", "opened_on").replace("[late_90d]", "[opened_on]"),
        7,
        "field expression: gives a date, expected a boolean or a text; compare it with something",
    ),
    "text without values": (
        GOOD.replace("late_90d >= 2", "industry").replace("[late_90d]", "[industry]"),
        2,
        "field values: is missing; list the texts that the expression gives, or set open_values: true",
    ),
    "boolean with values": (
        GOOD + "    values: {a: {zh: 甲, en: A}}\n",
        16,
        "field values: belongs to text tags, but the expression gives a bool",
    ),
    "boolean with open values": (
        GOOD + "    open_values: true\n",
        16,
        "field open_values: belongs to text tags, but the expression gives a ",
    ),
    "input missing": (GOOD.replace("late_90d >= 2", "late_90d >= late_30d"), 8, "field inputs: late_30d is read but not listed; add it"),
    "input too many": (GOOD.replace("[late_90d]", "[late_90d, has_pv]"), 8, "field inputs: has_pv is listed but not read; remove it"),
    "input twice": (GOOD.replace("[late_90d]", "[late_90d, late_90d]"), 8, "field inputs: late_90d is listed twice; remove one"),
    "no input": (GOOD.replace("[late_90d]", "[]"), 8, "field inputs: is empty; list the feature columns or tags that it reads"),
    "input unknown": (
        GOOD.replace("[late_90d]", "[late_9d]"),
        8,
        "field inputs: late_9d is neither a feature column nor a tag; did you mean",
    ),
    "tag not listed": (derived("late_payer or has_pv", "[has_pv]"), 22, "field inputs: late_payer is read but not listed; add it"),
    "later tag not listed": (
        GOOD.replace("late_90d >= 2", "late_90d > 1 or second")
        + DERIVED.replace("late_90d >= 2", "not late_payer").replace("late_90d", "late_payer"),
        8,
        "field inputs: second is read but not listed; add it",
    ),
    "rule reads a tag": (
        derived("not late_payer", "[late_payer]").replace("derived", "rule"),
        20,
        "field kind: reads the tag late_payer, so expected derived but found rule",
    ),
    "derived from features": (
        GOOD.replace("kind: rule", "kind: derived"),
        6,
        "field kind: a derived tag reads at least one tag; make it fact",
    ),
    "model without a score": (
        GOOD.replace("kind: rule", "kind: model"),
        6,
        "field kind: a model tag reads a model's score, decile or band;",
    ),
    "rule reads a score": (
        GOOD.replace("late_90d", "arrears_decile"),
        6,
        "field kind: reads arrears_decile of a model, so expected model but found rule",
    ),
    "duplicate id": (GOOD + SECOND, 16, "field id: late_payer is already used in "),
    "id of a feature": (GOOD.replace("late_payer", "has_pv"), 2, "field id: has_pv is the name of a feature column; choose another"),
    "reserved id": (
        GOOD.replace("late_payer", "as_of"),
        2,
        "field id: as_of is reserved (account_id, as_of, known_at, old_…); choose another",
    ),
    "reserved prefix": (GOOD.replace("late_payer", "old_payer"), 2, "field id: old_payer is reserved ("),
    "window only in id": (
        GOOD.replace("late_payer", "late_{window}"),
        2,
        "field id: has {window} but there are no windows; add windows or write",
    ),
    "window not in name": (
        WINDOWED.replace("Late in {window} days", "Late"),
        4,
        "field name_en: expected {window} in it, because windows are",
    ),
    "window not in expression": (WINDOWED.replace("late_{window}d >= 2", "late_90d >= 2"), 7, "field expression: expected {window} in it"),
    "window not in inputs": (WINDOWED.replace("late_{window}d']", "late_90d']"), 8, "field inputs: expected {window} in it"),
    "window of no column": (
        WINDOWED.replace("[30, 90]", "[30, 60]"),
        8,
        "field inputs: late_60d is neither a feature column nor a tag; did you",
    ),
    "windows twice": (WINDOWED.replace("[30, 90]", "[30, 30]"), 16, "field windows: expected different numbers of days, each at least 1"),
    "circle": (
        derived("not third", "[third]")
        + DERIVED.replace("second", "third").replace("late_90d >= 2", "not second").replace("late_90d", "second"),
        22,
        "field inputs: tags read one another in a circle: second -> third -> second; break it at one of them",
    ),
    "own reader": (derived("not second", "[second]"), 22, "field inputs: tags read one another in a circle: second -> second; break"),
}


@pytest.mark.parametrize(("text", "line", "sentence"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_named_with_file_line_and_remedy(tmp_path, text, line, sentence):
    file = tmp_path / "x.yml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError) as caught:
        load_tags([tmp_path], COLUMNS, SCORES)
    message = str(caught.value)
    assert message.startswith(f"{file} line {line}: {sentence}")
    assert "\n" not in message


def test_the_texts_that_the_mistakes_are_made_in_are_themselves_good(tmp_path):
    for text, ids in ((GOOD, ("late_payer",)), (BANDED, ("late_payer",)), (WINDOWED, ("paid_late_30d", "paid_late_90d"))):
        (tmp_path / "x.yml").write_text(text, encoding="utf-8")
        assert load_tags([tmp_path], COLUMNS).ids == ids


def test_a_tag_is_not_less_sensitive_than_one_it_reads(tmp_path):
    file = tmp_path / "x.yml"
    file.write_text(GOOD, encoding="utf-8")
    (origin,) = parse_definitions(TagDefinition, file, under="tags")
    draft = Draft(origin.value, origin)
    check_sensitivity(draft, {"open_account": Sensitivity.PUBLIC, "price_sensitive": Sensitivity.INTERNAL})
    with pytest.raises(DefinitionError) as caught:
        check_sensitivity(draft, {"price_sensitive": Sensitivity.INTERNAL, "vacant_dwelling": Sensitivity.PERSONAL})
    sentence = "field sensitivity: reads the personal tag vacant_dwelling, so expected personal but found internal"
    assert str(caught.value) == f"{file} line 12: {sentence}"


def test_the_models_that_tags_read_are_known(tmp_path):
    scored = GOOD.replace("late_90d", "arrears_decile").replace("kind: rule", "kind: model")
    (tmp_path / "x.yml").write_text(scored, encoding="utf-8")
    assert load_tags([tmp_path], COLUMNS, SCORES).models == ("arrears",)
    (tmp_path / "x.yml").write_text(GOOD, encoding="utf-8")
    assert load_tags([tmp_path], COLUMNS, SCORES).models == ()


def test_a_quoted_text_that_is_also_the_id_of_a_tag_is_no_input(tmp_path):
    """The mistake named is the real one."""
    first = tag("aa", inputs=["industry"], expression="industry = 'second' and nothing")
    with pytest.raises(DefinitionError, match="reads the unknown column nothing"):
        library(tmp_path, [first, tag("second", inputs=["aa"], kind="derived", expression="not aa")])


def test_each_window_is_a_tag_of_its_own_with_the_days_filled_in(tmp_path):
    (tmp_path / "x.yml").write_text(WINDOWED, encoding="utf-8")
    first, second = load_tags([tmp_path], COLUMNS).tags
    assert (first.id, first.features) == ("paid_late_30d", ("late_30d",))
    definition = second.definition
    assert (definition.name_zh, definition.name_en) == ("近90天迟缴户", "Late in 90 days")
    assert (definition.expression, definition.inputs, definition.description) == (
        "late_90d >= 2",
        ("late_90d",),
        "Pays late within 90 days",
    )
    assert definition.windows == ()
    assert first.fingerprint != second.fingerprint


def test_no_files_and_later_files(tmp_path):
    with pytest.raises(DefinitionError, match=r"no tags found in .*; expected YAML files such as payment_credit.yml"):
        load_tags([tmp_path], COLUMNS)
    default, own = tmp_path / "default", tmp_path / "own"
    for folder in (default, own):
        folder.mkdir()
    (default / "a.yml").write_text(GOOD)
    (default / "b.yml").write_text(GOOD.replace("late_payer", "other"))
    (own / "a.yml").write_text(GOOD.replace(">= 2", ">= 5"))
    loaded = load_tags([default, own], COLUMNS)
    assert [(t.id, t.definition.expression) for t in loaded.tags] == [("late_payer", "late_90d >= 5"), ("other", "late_90d >= 2")]
