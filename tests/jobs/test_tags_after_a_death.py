"""Tags whose run died before it wrote the current values, or whose features were replaced: as if nothing had happened in between."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from audience_world import TAG, account, feature_rows, write_conf
from delta_files import rows
from delta_writer import put
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.ops import RUN_LOG
from gridlens.contracts.silver import METERING_POINT
from gridlens.contracts.tag import TAG_CATALOGUE, TAG_CURRENT, TAG_VALUE
from gridlens.errors import SettingsError
from gridlens.pipelines.explain import explain_tag
from gridlens.pipelines.moments import moment_where
from gridlens.pipelines.options import TagOptions
from gridlens.pipelines.tags import TagsResult, run_tags
from gridlens.settings import Settings, load_settings
from gridlens.tables import Table
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession

MARCH, KNOWN_MARCH = dt.date(2026, 3, 31), dt.datetime(2026, 4, 1, 16, tzinfo=dt.UTC)
APRIL, KNOWN_APRIL = dt.date(2026, 4, 30), dt.datetime(2026, 5, 1, 16, tzinfo=dt.UTC)
GREW = account(15)
MONTHLY = TAG.replace("refresh: daily", "refresh: monthly").replace("ttl_days: 3", "ttl_days: 40")

pytestmark = pytest.mark.spark


class Killed(BaseException):
    """As a killed process: nothing that comes after it is done."""


def define(folder: Path, limit: int, *more: str) -> Settings:
    """A monthly tag with a limit, beside the daily ones, and ``more``; gives the settings of the folder."""
    conf = folder / "conf"
    if not conf.exists():
        conf.mkdir(parents=True)
        write_conf(conf)
    own = MONTHLY.format(id="large_user", expression=f"energy_kwh_90d >= {limit}", input="energy_kwh_90d")
    (conf / "tags" / "more.yml").write_text("tags:" + own + "".join(more), encoding="utf-8")
    return load_settings("local", conf, {"root_dir": str(folder / "gridlens")})


def features(as_of: dt.date, known_at: dt.datetime, **grown: float) -> list[dict[str, Any]]:
    """The forty accounts, account 15 with ``grown``."""
    return [{**row, **(grown if row["account_id"] == GREW else {})} for row in feature_rows(as_of, known_at)]


def put_features(settings: Settings, told: list[dict[str, Any]], number: int) -> None:
    """Features and the run that computed them."""
    put(settings, ACCOUNT_FEATURE, told)
    moment = {"as_of": told[0]["as_of"], "known_at": told[0]["known_at"]}
    ended = {"ended_at": dt.datetime(2026, 5, 2, number, tzinfo=dt.UTC)}
    put(settings, RUN_LOG, [{"run_id": f"features {number}", "job": "features", "outcome": "succeeded", **moment, **ended}])


def replace_features(spark: SparkSession, settings: Settings, told: list[dict[str, Any]], number: int) -> None:
    """A late bill: the features of a moment that is there already are computed again."""
    warehouse = Warehouse(spark, settings)
    moment = moment_where(told[0]["as_of"], told[0]["known_at"])
    warehouse.spark.sql(f"DELETE FROM {warehouse.location(ACCOUNT_FEATURE)} WHERE {moment}").collect()
    put_features(settings, told, number)


def run(spark: SparkSession, settings: Settings, as_of: dt.date | None = None, *, changed: bool = False) -> TagsResult:
    return run_tags(spark, settings, TagOptions(as_of=as_of, changed=changed), say=lambda text: None)


def run_and_die(
    spark: SparkSession, settings: Settings, monkeypatch: pytest.MonkeyPatch, as_of: dt.date | None = None, *, changed: bool = False
) -> None:
    """A run that is killed as it begins to write the current values."""
    replace = Warehouse.replace

    def killing(self: Warehouse, table: Table, *rest: Any, **more: Any) -> None:
        if table.name == TAG_CURRENT.name:
            raise Killed
        replace(self, table, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Warehouse, "replace", killing)
        patch.setattr("gridlens.runs._record", lambda *_, **__: None)
        with pytest.raises(Killed):
            run(spark, settings, as_of, changed=changed)


def written(settings: Settings) -> dict[str, list[str]]:
    gold = Path(settings.warehouse) / "gold"
    return {t.name: sorted(repr(sorted(row.items())) for row in rows(gold / t.name)) for t in (TAG_CURRENT, TAG_VALUE, TAG_CATALOGUE)}


def large_users(settings: Settings) -> set[str]:
    return {row["account_id"] for row in rows(Path(settings.warehouse) / "gold" / TAG_CURRENT.name) if row["large_user"]}


def standing(spark: SparkSession, folder: Path) -> Settings:
    """Tags of 31 March; features of 30 April, with which account 15 is a large user too."""
    settings = define(folder, 20)
    put_features(settings, features(MARCH, KNOWN_MARCH), 1)
    run(spark, settings, MARCH)
    put_features(settings, features(APRIL, KNOWN_APRIL, energy_kwh_90d=25.0), 2)
    return settings


def test_a_later_run_that_died_is_made_up_for(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    died, calm = standing(spark, tmp_path / "died"), standing(spark, tmp_path / "calm")
    run_and_die(spark, died, monkeypatch, APRIL)
    assert len(rows(Path(died.warehouse) / "gold" / TAG_CATALOGUE.name)) == 8, "the catalogue of April is there already"
    assert GREW not in large_users(died)
    assert run(spark, died, APRIL).computed == run(spark, calm, APRIL).computed == 4
    assert GREW in large_users(died)
    assert written(died) == written(calm)
    assert run(spark, died, APRIL).nothing_new


@pytest.mark.prove
def test_a_changed_definition_whose_run_died_is_made_up_for(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the moment of the current values, for a tag with another limit and one that is new."""
    new = TAG.format(id="small_user", expression="energy_kwh_90d < 5", input="energy_kwh_90d")
    for name in ("died", "calm"):
        put_features(define(tmp_path / name, 20), features(MARCH, KNOWN_MARCH), 1)
        run(spark, define(tmp_path / name, 20), MARCH)
    died, calm = (define(tmp_path / name, 30, new) for name in ("died", "calm"))
    run_and_die(spark, died, monkeypatch, changed=True)
    assert account(25) in large_users(died)
    assert run(spark, died, changed=True).computed == run(spark, calm, changed=True).computed == 2
    assert large_users(died) == {account(n) for n in range(30, 40)}
    assert written(died) == written(calm)
    assert run(spark, died, changed=True).nothing_new
    assert run(spark, died).nothing_new


@pytest.mark.prove
def test_values_whose_run_died_before_its_log_stand_and_are_told_of(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = standing(spark, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("gridlens.runs._record", lambda *_, **__: None)
        run(spark, settings, APRIL)
    before = written(settings)
    assert [run(spark, settings, APRIL).computed for _ in range(2)] == [0, 0]
    assert written(settings) == before
    log = sorted((row["ended_at"], row["outcome"]) for row in rows(Path(settings.warehouse) / "ops" / RUN_LOG.name) if row["job"] == "tags")
    assert [outcome for _, outcome in log] == ["succeeded", "succeeded", "nothing_new"], "audiences ask the log for the last success"


def test_monthly_tags_follow_new_features_of_their_very_moment(spark: SparkSession, tmp_path: Path) -> None:
    late, first = define(tmp_path / "late", 20), define(tmp_path / "first", 20)
    grown = features(MARCH, KNOWN_MARCH, energy_kwh_90d=25.0)
    put_features(late, features(MARCH, KNOWN_MARCH), 1)
    run(spark, late, MARCH)
    replace_features(spark, late, grown, 2)
    assert run(spark, late, changed=True).nothing_new, "no definition changed"
    assert GREW not in large_users(late)
    assert run(spark, late, MARCH).computed == 4
    put_features(first, grown, 1)
    run(spark, first, MARCH)
    assert GREW in large_users(late)
    assert written(late)[TAG_CURRENT.name] == written(first)[TAG_CURRENT.name]
    assert run(spark, late, MARCH).nothing_new


@pytest.mark.prove
def test_what_a_run_of_changed_definitions_left_follows_new_features_too(spark: SparkSession, tmp_path: Path) -> None:
    settings = define(tmp_path, 20)
    put_features(settings, features(MARCH, KNOWN_MARCH), 1)
    run(spark, settings, MARCH)
    replace_features(spark, settings, features(MARCH, KNOWN_MARCH, arrears_amount=1.0), 2)
    define(tmp_path, 18)
    assert run(spark, settings, changed=True).computed == 1
    assert run(spark, settings, MARCH).computed == 4, "the other three are still of the features before"
    owing = {row["account_id"] for row in rows(Path(settings.warehouse) / "gold" / TAG_CURRENT.name) if row["in_arrears"]}
    assert owing == {GREW}


@pytest.mark.prove
def test_monthly_tags_are_not_computed_for_a_later_day_of_their_month(spark: SparkSession, tmp_path: Path) -> None:
    settings = define(tmp_path, 20)
    day, known_at = dt.date(2026, 4, 29), dt.datetime(2026, 4, 30, 16, tzinfo=dt.UTC)
    put_features(settings, features(day, known_at), 1)
    assert run(spark, settings, day).computed == 4
    put_features(settings, features(APRIL, KNOWN_APRIL, energy_kwh_90d=25.0), 2)
    assert run(spark, settings, APRIL).computed == 3
    replace_features(spark, settings, features(APRIL, KNOWN_APRIL, energy_kwh_90d=35.0), 3)
    assert run(spark, settings, APRIL).computed == 3
    assert GREW not in large_users(settings)


def test_an_explanation_says_that_the_definition_has_changed(spark: SparkSession, tmp_path: Path) -> None:
    settings = define(tmp_path, 20)
    put_features(settings, features(MARCH, KNOWN_MARCH), 1)
    versions = {"valid_from": dt.date(2020, 1, 1), "known_from": dt.datetime(2020, 1, 2, tzinfo=dt.UTC)}
    put(settings, METERING_POINT, [{"metering_point_id": "M1", "account_id": account(25), **versions}])
    run(spark, settings, MARCH)
    told = explain_tag(spark, settings, account(25), "large_user")
    assert (told.value, told.outdated) == (True, False)

    new = TAG.format(id="small_user", expression="energy_kwh_90d < 5", input="energy_kwh_90d")
    define(tmp_path, 30, new)
    told = explain_tag(spark, settings, account(25), "large_user")
    assert (told.value, told.definition, told.outdated) == (True, "energy_kwh_90d >= 30", True)
    with pytest.raises(SettingsError, match="small_user was never computed: run `gridlens tags run --changed`"):
        explain_tag(spark, settings, account(25), "small_user")

    run(spark, settings, changed=True)
    assert [explain_tag(spark, settings, account(25), name).value for name in ("large_user", "small_user")] == [False, False]
    assert not explain_tag(spark, settings, account(25), "large_user").outdated
