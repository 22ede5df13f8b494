"""The chain and its models: what is trained, and what is said where data or a registered version do not allow it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import MagicMock

import pytest
from gridlens.errors import RegistryError, SettingsError, SourceError
from gridlens.models.library import Model
from gridlens.pipelines import credit, learn, outlook
from gridlens.pipelines.churn import departures
from gridlens.pipelines.declared import model_library
from gridlens.pipelines.moments import knowledge_of_day
from gridlens.pipelines.tag_state import Moment
from gridlens.settings import Settings
from gridlens.tracking import Version
from gridlens.tracking.names import AS_OF, DECISION, DEFINITION, KNOWN_AT
from pyspark.sql import SparkSession

TODAY = dt.date(2026, 3, 31)
NO_SPARK = cast(SparkSession, None)


class Registered:
    """A store that holds the given versions of every model."""

    def __init__(self, *versions: Version) -> None:
        self.found = list(versions)

    def versions(self, _: str) -> list[Version]:
        return self.found


def version(model: Model, settings: Settings, day: dt.date, *, alias: str) -> Version:
    """A version of the model as it is defined now, made as of a day."""
    tags = {AS_OF: str(day), KNOWN_AT: str(knowledge_of_day(day, settings)), DEFINITION: model.fingerprint, DECISION: alias}
    return Version(model.id, f"gridlens_{model.id}", 1, "r", dt.datetime(2026, 1, 1, tzinfo=dt.UTC), (alias,), tags)


def raising(error: Exception) -> Callable[..., Any]:
    def job(*_: Any, **__: Any) -> Any:
        raise error

    return job


@pytest.fixture
def model(settings: Settings) -> Model:
    return next(one for one in model_library(settings) if one.id == "arrears")


@pytest.fixture
def moment(settings: Settings) -> Moment:
    return Moment(TODAY, knowledge_of_day(TODAY, settings), "features")


@pytest.fixture
def holding(monkeypatch: pytest.MonkeyPatch, model: Model) -> Callable[..., None]:
    """Gives the chain a company of enough accounts, one model, and a store with the given versions."""

    def hold(*versions: Version) -> None:
        monkeypatch.setattr(learn.Store, "open", lambda _: Registered(*versions))
        monkeypatch.setattr(learn, "_too_few", lambda *_: None)
        monkeypatch.setattr(learn, "_drifted", lambda *_: False)
        monkeypatch.setattr(learn, "model_library", lambda _: (model,))
        monkeypatch.setattr(learn, "inheritable_thread_target", lambda _: lambda job: job)

    return hold


def learned(settings: Settings, moment: Moment) -> learn.Learned:
    (done,) = learn.learn(NO_SPARK, settings, moment, say=lambda _: None)
    return done


@pytest.mark.parametrize("refusal", [SourceError("too few positives"), RegistryError("the store refuses")])
def test_rows_that_cannot_teach_a_model_are_said_and_do_not_stop_the_chain(
    holding: Callable[..., None], settings: Settings, moment: Moment, monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    holding()
    monkeypatch.setattr(learn, "run_train", raising(refusal))
    done = learned(settings, moment)
    assert (done.trained, done.scored, done.why_not) == (None, None, f"not trained: {refusal}")


def test_a_champion_that_cannot_score_is_said_and_does_not_stop_the_chain(
    holding: Callable[..., None], settings: Settings, moment: Moment, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    holding(version(model, settings, TODAY, alias="champion"))
    monkeypatch.setattr(learn, "run_score", raising(RegistryError("version 1 of arrears was altered")))
    done = learned(settings, moment)
    assert (done.scored, done.why_not) == (None, "not scored: version 1 of arrears was altered")


@pytest.mark.parametrize(
    ("made", "alias", "due"),
    [
        (TODAY, "challenger", False),
        (dt.date(2026, 3, 2), "challenger", False),  # its outcomes end with those of the same month
        (dt.date(2026, 2, 28), "challenger", True),
        (dt.date(2026, 2, 28), "champion", False),
    ],
    ids=["the same day", "no newer outcomes", "newer outcomes", "a champion"],
)
def test_without_a_champion_a_model_is_trained_again_once_newer_outcomes_are_known(
    holding: Callable[..., None],
    settings: Settings,
    moment: Moment,
    model: Model,
    monkeypatch: pytest.MonkeyPatch,
    made: dt.date,
    alias: str,
    due: bool,
) -> None:
    holding(version(model, settings, made, alias=alias))
    monkeypatch.setattr(learn, "run_train", raising(SourceError("asked")))
    monkeypatch.setattr(learn, "run_score", raising(SourceError("scored")))
    why_not = learned(settings, moment).why_not
    sentences = {True: "not trained: asked", False: "not scored: scored" if alias == "champion" else "no champion: it is trained again"}
    assert why_not is not None
    assert why_not.startswith(sentences[due])


def test_rows_that_cannot_teach_the_scorecard_are_said_and_do_not_stop_the_chain(
    holding: Callable[..., None], settings: Settings, moment: Moment, monkeypatch: pytest.MonkeyPatch
) -> None:
    holding()
    monkeypatch.setattr(learn, "run_credit_train", raising(SourceError("3 grades of falling bad rate, not 5")))
    done = learn.grade_credit(NO_SPARK, settings, moment, say=lambda _: None)
    assert (done.trained, done.graded, done.why_not) == (None, None, "not trained: 3 grades of falling bad rate, not 5")


def test_a_scorecard_that_cannot_grade_is_said_beside_why_it_was_not_fitted(
    holding: Callable[..., None], settings: Settings, moment: Moment, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    holding(version(model, settings, TODAY, alias="champion"))
    monkeypatch.setattr(learn, "run_credit_train", raising(SourceError("too few bad ones")))
    monkeypatch.setattr(learn, "run_credit", raising(RegistryError("version 1 of credit_grade cannot grade")))
    done = learn.grade_credit(NO_SPARK, settings, moment, say=lambda _: None)
    assert done.why_not == "not trained: too few bad ones; not graded: version 1 of credit_grade cannot grade"


def test_a_scorecard_that_reads_a_column_which_is_gone_says_which(
    settings: Settings, moment: Moment, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credit, "of_moment", lambda *_: None)
    features = MagicMock(columns=["late_share_365d"])
    features.read.return_value = features.where.return_value = features
    given: list[Any] = [MagicMock(), SimpleNamespace(columns=["late_share_365d", "gone"])]  # the plan, the fitted scorecard
    champion, at = version(model, settings, TODAY, alias="champion"), (moment.as_of, moment.known_at)
    with pytest.raises(RegistryError, match=r"^version 1 of arrears cannot grade without the features gone: compute them, or train anew$"):
        credit._grade(features, *given, champion, at, MagicMock(), MagicMock(), print)


def test_a_company_without_a_model_of_leaving_has_the_rest_of_the_outlook(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError) as told:
        departures(())
    monkeypatch.setattr(outlook, "run_churn_hazard", raising(told.value))
    for name in ("run_collection", "run_substitution", "run_value", "run_offers"):
        monkeypatch.setattr(outlook, name, raising(SourceError("no scores")))
    done = list(outlook.outlook(NO_SPARK, settings, TODAY, knowledge_of_day(TODAY, settings), say=lambda _: None))
    assert [one.job for one in done] == ["collection", "churn", "substitution", "value", "offers"]
    assert done[1].found == f"not done: {told.value}"
