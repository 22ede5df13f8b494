"""Which version judges a search: that of its own examples where it may, else the champion where it fits, else none."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from gridlens.anomaly.definition import Usage, UsageDefinition
from gridlens.errors import RegistryError, SourceError
from gridlens.pipelines import anomaly_model
from gridlens.pipelines.anomaly_log import PASSED
from gridlens.pipelines.anomaly_model import Judging, Lesson, judging, serves
from gridlens.runs import Run
from gridlens.settings import load_settings
from gridlens.tracking import CHALLENGER, CHAMPION, Loaded, Store, Version
from gridlens.tracking.names import AS_OF, DATA, DECISION, DEFINITION, KNOWN_AT, REASON

USAGE = Usage(UsageDefinition(name_zh="用电异常", name_en="Abnormal usage"), cast(Any, None), None)
NOW = dt.datetime(2026, 4, 1, 16, tzinfo=dt.UTC)
LESSON = Lesson(USAGE, dt.date(2026, 3, 31), NOW, cast(Any, None), "digest", ("loss", "steady"), {})
READ = {"half": "double", "loss": "double", "steady": "double"}


def version(number: int, decision: str, *, data: str = "another", passed: bool = False, **tags: str) -> Version:
    told = {
        DECISION: decision,
        DATA: data,
        DEFINITION: USAGE.fingerprint_of_learnt,
        REASON: f"Reason {number}.",
        PASSED: str(passed).lower(),
        AS_OF: "2026-02-28",
        KNOWN_AT: str(NOW - dt.timedelta(days=31)),
    }
    aliases = (CHAMPION,) if decision == CHAMPION else ()
    return Version("abnormal_usage", "n", number, "r", NOW, aliases, told | tags)


@dataclass
class Kept:
    """A store that holds these versions, newest first; those in ``lost`` cannot be loaded."""

    kept: tuple[Version, ...]
    lost: tuple[int, ...] = ()
    read: tuple[str, ...] = tuple(READ)

    def versions(self, _: str) -> list[Version]:
        return list(self.kept)

    def version(self, _: str, which: str) -> Version:
        found = next((version for version in self.kept if which in version.aliases), None)
        if found is None:
            raise RegistryError(f"there is no {which}")
        return found

    def load(self, _: str, number: int) -> Loaded:
        if number in self.lost:
            raise RegistryError(f"version {number} was altered")
        return Loaded(next(v for v in self.kept if v.version == number), "spark", f"pipeline {number}", dict.fromkeys(self.read, "double"))


def judged_by(monkeypatch: pytest.MonkeyPatch, store: Kept, learnt: Version | None = None) -> Judging:
    """What judges; ``learnt`` is what the examples give, None: nothing may be learnt."""

    def learn(*_: Any) -> Judging:
        assert learnt, "the same examples gave a version before"
        return Judging(learnt, cast(Any, "fresh"))

    monkeypatch.setattr(anomaly_model, "_learnt", learn)
    return judging(cast(Store, store), load_settings("local"), LESSON, Run("anomalies", {}), say=lambda _: None)


def test_the_same_examples_give_no_second_version(monkeypatch: pytest.MonkeyPatch) -> None:
    found = judged_by(monkeypatch, Kept((version(2, CHAMPION, data="digest"), version(1, CHAMPION))))
    assert (found.version.version, found.pipeline) == (2, "pipeline 2")


def test_an_undecided_or_altered_version_of_the_same_examples_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = version(3, CHAMPION, data="digest")
    assert judged_by(monkeypatch, Kept((version(2, "", data="digest"),)), fresh).pipeline == "fresh"
    assert judged_by(monkeypatch, Kept((version(2, CHAMPION, data="digest"),), lost=(2,)), fresh).pipeline == "fresh"


@pytest.mark.parametrize("decision", [CHALLENGER, "rolled_back"])
def test_what_does_not_serve_leaves_the_search_to_the_champion(monkeypatch: pytest.MonkeyPatch, decision: str) -> None:
    refused = version(2, decision, data="digest")
    assert judged_by(monkeypatch, Kept((refused, version(1, CHAMPION)))).version.version == 1


@pytest.mark.parametrize(
    ("store", "why"),
    [
        (Kept(()), "there is no champion to judge instead"),
        (Kept((version(1, CHAMPION, **{DEFINITION: "other"}),)), "champion 1 is of another definition"),
        (Kept((version(1, CHAMPION, **{AS_OF: "2026-04-30"}),)), "champion 1 was learnt from later facts"),
        (Kept((version(1, CHAMPION),), read=("half", "loss")), "champion 1 reads other evidence"),
        (Kept((version(1, CHAMPION),), lost=(1,)), "version 1 was altered"),
    ],
    ids=["none", "another definition", "later facts", "other evidence", "altered"],
)
def test_without_a_champion_that_fits_nothing_judges(monkeypatch: pytest.MonkeyPatch, store: Kept, why: str) -> None:
    with pytest.raises(SourceError) as refused:
        judged_by(monkeypatch, store, version(2, CHALLENGER, data="digest"))
    assert str(refused.value).startswith(f"version 2 of abnormal_usage does not serve (Reason 2.), and {why}: ")
    assert "gridlens promote abnormal_usage --version 2 --reason WHY" in str(refused.value)


def test_who_passed_serves_its_own_search_unless_it_was_rolled_back() -> None:
    assert serves(version(1, CHAMPION))
    assert serves(replace(version(1, CHAMPION), aliases=())), "the next search's version has the alias by now"
    assert serves(version(1, CHALLENGER, passed=True)), "of an older moment than the champion"
    assert not serves(version(1, CHALLENGER))
    assert not serves(version(1, "rolled_back", passed=True))
