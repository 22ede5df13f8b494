"""A credit training that died after it had decided on its version: the next one finds the version and ends what was begun."""

from __future__ import annotations

import datetime as dt
import json
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import MagicMock

import pytest
from gridlens.pipelines import credit_train
from gridlens.pipelines.credit_cards import OF_SCORECARD, SPARK_FREE
from gridlens.pipelines.options import CreditOptions
from gridlens.pipelines.tag_state import Moment
from gridlens.settings import Settings, load_settings
from gridlens.tracking import CHALLENGER, CHAMPION, Store
from pyspark.sql import SparkSession
from pyspark.sql.types import DoubleType, StructField, StructType

CODE = Path(__file__).parents[1] / "tracking" / "code_model.py"
NO_SPARK = cast(SparkSession, None)
LIKENESS = "small" + SPARK_FREE


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings("local", overrides={"root_dir": str(tmp_path)})


@pytest.fixture
def store(settings: Settings, tmp_path: Path) -> Store:
    """A scorecard and its likeness, both registered, neither with an alias."""
    store = Store.open(settings)
    data = tmp_path / "parameters.json"
    data.write_text(json.dumps({"value": 0.5}), encoding="utf-8")
    for name, tags in (("small", {}), (LIKENESS, {OF_SCORECARD: 1})):
        with store.run(name) as run:
            run.log_fingerprints(definition="definition", data="rows")
            run.log_code_model(CODE, {"parameters": data}, StructType([StructField("kwh", DoubleType())]))
            run.register(tags=tags)
    return store


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The rows that the training comes to; the run log knows of none before."""
    data = SimpleNamespace(facts=SimpleNamespace(data="rows"), release=lambda: None)
    same = SimpleNamespace(id="small", fingerprint="definition")
    told = {
        "scorecard_plan": SimpleNamespace(definition=same, model=same),
        "Warehouse": MagicMock(),
        "required_features": Moment(dt.date(2026, 3, 31), dt.datetime(2026, 4, 1, tzinfo=dt.UTC), "features"),
        "facts_digest": "facts",
        "logged": nullcontext(),
        "has_lost": False,
        "_standing": None,
        "training_set": data,
        "_train": "fitted",
    }
    for name, value in told.items():
        monkeypatch.setattr(credit_train, name, lambda *_, _value=value, **__: _value)
    return data


def trained(settings: Settings, *, again: bool = False) -> Any:
    return credit_train.run_credit_train(NO_SPARK, settings, CreditOptions("small", again=again), say=lambda _: None)


@pytest.mark.parametrize("alias", [CHAMPION, CHALLENGER])
def test_the_same_rows_are_not_fitted_twice_and_the_likeness_gets_its_alias(
    store: Store, settings: Settings, rows: SimpleNamespace, alias: str
) -> None:
    decide_on = store.promote if alias == CHAMPION else store.challenge
    decide_on("small", 1, reason="the gate's")  # and here the run died
    found = trained(settings)
    assert (found.nothing_new, found.version, found.decision) == (True, 1, alias)
    assert (store.version(LIKENESS, alias).version, store.version(LIKENESS, alias).reason) == (1, "the gate's")


def test_other_rows_an_undecided_version_and_again_are_fitted(store: Store, settings: Settings, rows: SimpleNamespace) -> None:
    assert trained(settings) == "fitted", "nothing was decided"
    store.promote("small", 1, reason="r")
    assert trained(settings, again=True) == "fitted"
    rows.facts.data = "others"
    assert trained(settings) == "fitted"
