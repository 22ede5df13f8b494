"""What all definitions share: their fingerprint, the order in which they read one another, an id that is taken."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from gridlens.definitions import Defined, Document, fingerprint_of, reading_levels, refuse_repeated
from gridlens.errors import DefinitionError


def defined(line: int) -> Defined[str]:
    return Defined("x", Document(Path("own.yml"), None, {(): 1, ("tags", line): line}), ("tags", line))


def test_a_fingerprint_is_of_the_text_that_was_always_taken() -> None:
    """Rows carry fingerprints: another way to make them would compute everything again."""
    expected = hashlib.sha256('{"a": null, "b": [1, "电", {"c": 0.5, "d": true}]}'.encode()).hexdigest()
    assert fingerprint_of({"b": [1, "电", {"d": True, "c": 0.5}], "a": None}) == expected


def test_a_level_reads_those_before_it() -> None:
    reads = {"c": ["a", "b"], "a": [], "d": ["c", "a"], "b": [], "e": ["a"]}
    levels = reading_levels(reads, {}, what="tags", field="inputs")
    assert [sorted(level) for level in levels] == [["a", "b"], ["c", "e"], ["d"]]


def test_a_circle_is_told_from_its_first_id_in_the_order_of_reading() -> None:
    origins = {name: defined(line) for line, name in enumerate("abcd", start=4)}
    for first in "bcd":
        reads = dict(sorted({"a": "b", "b": "d", "d": "c", "c": "b"}.items(), key=lambda item: item[0] != first))
        with pytest.raises(DefinitionError) as caught:
            reading_levels(reads, origins, what="tags", field="inputs")
        sentence = "field inputs: tags read one another in a circle: b -> d -> c -> b; break it at one of them"
        assert str(caught.value) == f"own.yml line 5: {sentence}"


def test_an_id_that_is_taken_is_told_with_both_places() -> None:
    refuse_repeated("late", defined(9), None)
    with pytest.raises(DefinitionError, match=r"^own\.yml line 9: field id: late is already used in own\.yml line 4; choose another$"):
        refuse_repeated("late", defined(9), defined(4))
