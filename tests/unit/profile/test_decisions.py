"""Stewards' decisions: read with file and line, refused where they contradict one another."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from gridlens.errors import DefinitionError
from gridlens.profile.decisions import Decisions, load_decisions

DAY = dt.date(2026, 3, 31)


def written(folder: Path, *lines: str) -> list[Path]:
    """One file with a decision in each line: first, second, verdict, day."""
    entries = []
    for line in lines:
        first, second, verdict, day = line.split()
        entries.append(f"  - parties: [{first}, {second}]\n    verdict: {verdict}\n    reason: seen\n    decided_on: {day}\n")
    path = folder / "own.yml"
    path.write_text("decisions:\n" + "".join(entries) if entries else "decisions: []\n", encoding="utf-8")
    return [path]


def test_what_was_decided_later_is_not_known_yet(tmp_path: Path) -> None:
    files = written(tmp_path, "A B same 2026-03-31", "C D different 2026-04-01")
    assert load_decisions(files, known_on=DAY) == Decisions((("A", "B"),), ())
    assert load_decisions(files, known_on=dt.date(2026, 4, 1)).different == (("C", "D"),)
    assert load_decisions([], known_on=DAY) == Decisions()


def test_the_latest_decision_about_a_pair_counts(tmp_path: Path) -> None:
    files = written(tmp_path, "A B different 2026-03-02", "B A same 2026-03-01")
    assert load_decisions(files, known_on=DAY) == Decisions((), (("A", "B"),))
    assert load_decisions(files, known_on=dt.date(2026, 3, 1)) == Decisions((("B", "A"),), ())


def test_who_leaves_takes_along_whom_decisions_tie_to_him() -> None:
    decisions = Decisions((("B", "C"), ("D", "C"), ("X", "Y")), (("A", "B"),))
    assert decisions.leaving("B") == {"B", "C", "D"}
    assert decisions.leaving("A") == {"A"}


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (("A A same 2026-03-01",), r"own\.yml line 2: field parties: both are A"),
        (("A B perhaps 2026-03-01",), r"own\.yml line 3: field verdict: expected one of same, different"),
        (("A B same 2026-03-01", "B A different 2026-03-01"), r"own\.yml line 7: the same pair is same on the same day in .*line 2"),
        (("A B same 2026-03-01", "B C same 2026-03-01", "A C different 2026-03-02"), r"own\.yml line 10: A and C are different here"),
    ],
    ids=["itself", "verdict", "both ways", "by a detour"],
)
def test_mistakes_name_file_and_line(tmp_path: Path, lines: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(DefinitionError, match=sentence):
        load_decisions(written(tmp_path, *lines), known_on=DAY)
