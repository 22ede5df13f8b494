"""Tags on two days of one month: who is new gets all of them, what an analyst added survives a run without it, and each is explained
by what was read when it was computed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from audience_world import TAG, account, feature_rows, write_conf
from delta_files import rows
from delta_writer import put
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.silver import METERING_POINT
from gridlens.contracts.tag import TAG_CURRENT, TAG_VALUE
from gridlens.pipelines.declared import tag_library
from gridlens.pipelines.explain import explain_tag
from gridlens.pipelines.options import TagOptions
from gridlens.pipelines.tags import run_tags
from gridlens.settings import Settings, load_settings
from gridlens.tags.changes import values_as_known
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession

FIRST, KNOWN_FIRST = dt.date(2026, 4, 1), dt.datetime(2026, 4, 2, 16, tzinfo=dt.UTC)
LATER, KNOWN_LATER = dt.date(2026, 4, 3), dt.datetime(2026, 4, 4, 16, tzinfo=dt.UTC)
NEW, GREW = account(39), account(15)
MONTHLY = TAG.replace("refresh: daily", "refresh: monthly").replace("ttl_days: 3", "ttl_days: 40")

pytestmark = pytest.mark.spark


def write_tags(folder: Path, *more: str) -> None:
    """A monthly tag, a daily one that reads it, and ``more``."""
    folder.mkdir()
    write_conf(folder)
    own = folder / "tags" / "own.yml"
    text = own.read_text(encoding="utf-8")
    text += MONTHLY.format(id="large_user", expression="energy_kwh_90d >= 20", input="energy_kwh_90d")
    text += TAG.replace("kind: rule", "kind: derived").format(
        id="large_debtor", expression="in_arrears and large_user", input="in_arrears, large_user"
    )
    own.write_text(text + "".join(more), encoding="utf-8")


@pytest.fixture(scope="module")
def folder(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tags of 1 April, of 3 April without the analyst's own, and of 3 April with it again.

    On 3 April account 15 uses enough for a large user, and account 39 is new.
    """
    folder = tmp_path_factory.mktemp("month")
    write_tags(folder / "theirs", MONTHLY.format(id="their_own", expression="energy_kwh_90d >= 10", input="energy_kwh_90d"))
    write_tags(folder / "nightly")
    first = [{**row, "arrears_amount": 1.0} for row in feature_rows(FIRST, KNOWN_FIRST) if row["account_id"] != NEW]
    later = [{**row, "arrears_amount": 1.0} for row in feature_rows(LATER, KNOWN_LATER)]
    grown = [{**row, "energy_kwh_90d": 25.0} if row["account_id"] == GREW else row for row in later]
    put(settings_of(folder, "theirs"), ACCOUNT_FEATURE, [*first, *grown])
    run_tags(spark, settings_of(folder, "theirs"), TagOptions(as_of=FIRST), say=lambda text: None)
    run_tags(spark, settings_of(folder, "nightly"), TagOptions(as_of=LATER), say=lambda text: None)
    return folder


def settings_of(folder: Path, conf: str) -> Settings:
    return load_settings("local", folder / conf, {"root_dir": str(folder / "gridlens")})


def current(folder: Path) -> dict[str, dict[str, Any]]:
    return {row["account_id"]: row for row in rows(Path(settings_of(folder, "theirs").warehouse) / "gold" / TAG_CURRENT.name)}


def test_an_account_that_is_new_within_the_month_has_its_monthly_tags(spark: SparkSession, folder: Path) -> None:
    assert [current(folder)[NEW][tag] for tag in ("large_user", "large_debtor", "in_arrears")] == [True, True, True]
    assert [current(folder)[GREW][tag] for tag in ("large_user", "large_debtor")] == [False, False], "monthly: until the first run in May"
    history = Warehouse(spark, settings_of(folder, "nightly")).read(TAG_VALUE)
    told = {
        (row["account_id"], row["tag_id"]): row["value_boolean"]
        for row in values_as_known(history, as_of=LATER, known_at=KNOWN_LATER).collect()
    }
    for name, row in current(folder).items():
        for tag in tag_library(settings_of(folder, "nightly")).tags:
            assert told.get((name, tag.id), False) == row[tag.id], (name, tag.id)


def test_an_analysts_own_monthly_tag_survives_a_run_that_does_not_know_it(spark: SparkSession, folder: Path) -> None:
    assert {name for name, row in current(folder).items() if row["their_own"]} == {account(n) for n in range(10, 39)}
    back = run_tags(spark, settings_of(folder, "theirs"), TagOptions(changed=True), say=lambda text: None)
    assert back.computed == 0
    assert {name for name, row in current(folder).items() if row["their_own"]} == {account(n) for n in range(10, 39)}


def test_a_monthly_tag_is_explained_by_what_it_read(spark: SparkSession, folder: Path) -> None:
    settings = settings_of(folder, "nightly")
    versions = {"valid_from": dt.date(2020, 1, 1), "known_from": dt.datetime(2020, 1, 2, tzinfo=dt.UTC)}
    put(settings, METERING_POINT, [{"metering_point_id": "M1", "account_id": GREW, **versions}])
    told = explain_tag(spark, settings, GREW, "large_debtor")
    assert (told.value, told.as_of, told.computed, told.expired) == (False, LATER, LATER, False)
    read = {(one.of, one.name): (one.as_of, one.value) for one in told.inputs}
    assert read["large_debtor", "large_user"] == (LATER, False)
    assert read["large_user", "energy_kwh_90d"] == (FIRST, 15.0), "not the 25 of today, with which it would hold"
    assert {one.as_of for one in told.behind if "energy_kwh_90d" in one.inputs} <= {FIRST}
    new = {(one.of, one.name): (one.value) for one in explain_tag(spark, settings, NEW, "large_debtor").inputs}
    assert new["large_user", "energy_kwh_90d"] == 39.0
