"""Mistakes in YAML: each is one sentence that names file, line and field."""

from typing import Literal

import pytest
from gridlens.definitions import load_yaml, parse_definitions
from gridlens.errors import DefinitionError
from gridlens.quality.rules import Rule, RuleSet, load_rules, stop_rules_broken
from pydantic import BaseModel, ConfigDict

GOOD = """\
rules:
  - id: bill_amount
    entity: bill
    function: in_range
    arguments: {field: amount, min: 0}
    severity: reject
    description: Too small
"""


def rules_from(folder, text, name="x.yml"):
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return load_rules([folder])


MISTAKES = {
    "severity": (GOOD.replace("reject", "drop"), 6, "field severity: expected one of reject, flag, stop"),
    "severity missing": (GOOD.replace("    severity: reject\n", ""), 2, "field severity: is missing; add it"),
    "unknown key": (GOOD + "    owner: me\n", 8, "field owner: is unknown; remove it or correct its name"),
    "id form": (GOOD.replace("bill_amount", "Bill-1"), 2, "field id: expected text that matches pattern "),
    "entity": (GOOD.replace("entity: bill", "entity: bills"), 3, "field entity: bills is unknown; expected one of meter_interval, "),
    "function": (GOOD.replace("in_range", "inrange"), 4, "field function: inrange is unknown; expected one of adds_up, "),
    "field": (GOOD.replace("amount, min", "total, min"), 5, "field arguments.field: bill has no field total; it has bill_id, "),
    "argument": (GOOD.replace("min: 0", "least: 0"), 5, "field arguments.least: is unknown; remove it or correct its name"),
    "argument missing": (GOOD.replace("field: amount, ", ""), 5, "field arguments.field: is missing; add it"),
    "argument kind": (GOOD.replace("min: 0", "min: zero"), 5, "field arguments.min"),
    "field type": (GOOD.replace("amount, min", "bill_id, min"), 5, "field arguments.field: bill_id is string; in_range judges int, "),
    "tolerance": (GOOD + "    tolerance: 0.5\n", 2, "expected a tolerance with severity stop, and with no other severity"),
    "tolerance range": (GOOD.replace("reject", "stop") + "    tolerance: 2\n", 8, "field tolerance: expected "),
    "duplicate id": (GOOD + GOOD[GOOD.index("  - id") :], 8, "field id: bill_amount is already used in "),
    "key twice": (GOOD + "    entity: bill\n", 8, "entity is written twice; keep one"),
    "no list": ("rules: {a: 1}\n", 1, "field rules: expected a list"),
    "no mapping": ("- a\n", 1, "expected a mapping with the key rules"),
    "item": ("rules:\n  - text\n", 2, "expected a mapping of field names to values"),
    "other top": (GOOD + "tags: []\n", 8, "field tags: is unknown; only rules may stand at the top"),
    "yaml": ("rules:\n  - id: [a\n", 3, "not valid YAML ("),
    "loop": ("rules: &r\n  - *r\n", 1, "an alias contains itself; write the value out"),
    "pattern": (
        GOOD.replace("in_range", "matches").replace("{field: amount, min: 0}", "{field: currency, pattern: '['}"),
        5,
        "field arguments.pattern: expected a regular expression (",
    ),
    "no list in contract": (
        GOOD.replace("in_range", "one_of").replace("{field: amount, min: 0}", "{field: currency}"),
        5,
        "field arguments.codes: is missing; the contract has no closed list for currency",
    ),
}


@pytest.mark.parametrize(("text", "line", "sentence"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_named_with_file_and_line(tmp_path, text, line, sentence):
    with pytest.raises(DefinitionError) as caught:
        rules_from(tmp_path, text)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'x.yml'} line {line}: {sentence}")
    assert "\n" not in message


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(DefinitionError, match=r"no rules found in .*; expected YAML files such as"):
        load_rules([tmp_path])
    with pytest.raises(DefinitionError, match=r"none.yml: cannot be read \(No such file or directory\); expected a YAML file in UTF-8"):
        load_yaml(tmp_path / "none.yml")
    (tmp_path / "latin.yml").write_bytes(b"a: \xe9\n")
    with pytest.raises(DefinitionError, match=r"cannot be read \(not UTF-8\)"):
        load_yaml(tmp_path / "latin.yml")


def test_a_later_file_of_the_same_name_replaces_the_earlier(tmp_path):
    default, own = tmp_path / "default", tmp_path / "own"
    default.mkdir()
    own.mkdir()
    (default / "bill.yml").write_text(GOOD)
    (default / "other.yml").write_text(GOOD.replace("bill_amount", "other"))
    (own / "bill.yml").write_text(GOOD.replace("min: 0", "min: 5"))
    rules = load_rules([default, own])
    assert [(rule.id, rule.arguments["min"]) for rule in rules.rules] == [("bill_amount", 5), ("other", 0)]
    assert load_rules([default / "other.yml", own / "bill.yml"]) == rules


def test_the_fingerprint_follows_content_not_layout(tmp_path):
    first = rules_from(tmp_path, GOOD + GOOD[GOOD.index("  - id") :].replace("bill_amount", "second"))
    (tmp_path / "x.yml").write_text("# moved\n" + GOOD.replace("bill_amount", "second"))
    split = rules_from(tmp_path, GOOD.replace("{field: amount, min: 0}", "{min: 0, field: amount}"), name="y.yml")
    assert split.fingerprint == first.fingerprint
    assert len(first.fingerprint) == 64
    assert rules_from(tmp_path, GOOD.replace("min: 0", "min: 1"), name="y.yml").fingerprint != first.fingerprint


def rule(identity, severity, tolerance=None, entity="bill"):
    arguments = {"field": "amount"}
    return Rule(
        id=identity, entity=entity, function="positive", arguments=arguments, severity=severity, tolerance=tolerance, description="d"
    )


def test_stop_rules_compare_shares_with_their_tolerance():
    rules = RuleSet((rule("a", "stop", 0.1), rule("b", "stop", 0.0), rule("c", "reject"), rule("d", "stop", 0.0, entity="bill_item")))
    broken = stop_rules_broken(rules, "bill", {"a": 10, "c": 100, "d": 5}, 100)
    assert broken == []
    broken = stop_rules_broken(rules, "bill", {"a": 11, "b": 1}, 100)
    assert [b.rule.id for b in broken] == ["a", "b"]
    assert broken[0].sentence == "rule a is broken by 11 of 100 bill rows (11.0%, tolerated 10.0%): d"
    assert stop_rules_broken(rules, "bill", {}, 0) == []


class Point(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["a", "b"]
    at: dict[str, list[int]] = {}


def test_a_whole_file_as_one_definition_and_lines_of_nested_values(tmp_path):
    file = tmp_path / "p.yml"
    file.write_text("kind: a\nat:\n  x:\n    - 1\n    - 2\n")
    (defined,) = parse_definitions(Point, file)
    assert defined.value == Point(kind="a", at={"x": [1, 2]})
    assert [defined.document.line(place) for place in [(), ("kind",), ("at", "x"), ("at", "x", 1), ("at", "gone")]] == [1, 1, 3, 5, 2]
    assert str(defined.error("no", at=("at",))) == f"{file} line 2: no"
    file.write_text("kind: a\nat:\n  x:\n    - 1\n    - two\n")
    with pytest.raises(DefinitionError, match=r"p.yml line 5: field at.x.1: expected a valid integer"):
        parse_definitions(Point, file)
