"""Account features and tags of a small province: nothing of the future enters, what was computed once is computed again."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from delta_files import commits, rows
from delta_writer import put
from gridlens.cli import main
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.bronze import BRONZE
from gridlens.contracts.gold import GOLD, LOAD_SHAPE_DAY, LOAD_SHAPE_MONTH
from gridlens.contracts.silver import CALENDAR, INTERVAL_DAY, INTERVAL_DAY_SUPERSEDED, INTERVAL_ESTIMATE, SILVER, TARIFF
from gridlens.contracts.tag import TAG_CATALOGUE, TAG_CURRENT, TAG_VALUE
from gridlens.errors import SettingsError
from gridlens.pipelines import tags
from gridlens.pipelines.declared import tag_library
from gridlens.pipelines.feature_moments import with_features
from gridlens.pipelines.features import run_features
from gridlens.pipelines.ingest import run_ingest
from gridlens.pipelines.moments import knowledge_of_day
from gridlens.pipelines.options import FeatureOptions, IngestOptions, SampleOptions, TagOptions
from gridlens.pipelines.sample import run_sample
from gridlens.pipelines.tags import run_tags
from gridlens.settings import Settings, load_settings
from gridlens.tables import Table
from gridlens.warehouse import Warehouse
from notebook_shim import run_notebook
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

LAST = dt.date(2026, 3, 31)
THEN = dt.date(2026, 2, 20)
SAMPLE = SampleOptions(accounts=40, months=4, curve_days=60, end_date=LAST)
TAG_NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "02_tag_library.py"
UNREADABLE = "--"
DERIVED = {"interval_estimate", "calendar", "tariff", "quarantine"}

pytestmark = pytest.mark.spark


def quiet(_: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture(scope="module")
def province(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A province that is loaded whole: what happened and became known after THEN is in its tables."""
    settings = load_settings("local", overrides={"root_dir": str(tmp_path_factory.mktemp("province"))})
    run_sample(spark, settings, SAMPLE)
    spoil_a_payment(Path(settings.root_dir) / "sample" / "payment")
    run_ingest(spark, settings, IngestOptions(), say=quiet)
    return settings


def spoil_a_payment(folder: Path) -> None:
    """Makes the amount of the only payment of a bill of December unreadable."""
    file = sorted(folder.glob("*.csv"))[0]
    lines = [line.split(",") for line in file.read_text("utf-8").splitlines()]
    times = Counter(cells[2] for cells in lines)
    next(cells for cells in lines if cells[2].endswith("202512") and times[cells[2]] == 1)[4] = UNREADABLE
    file.write_text("".join(",".join(cells) + "\n" for cells in lines), encoding="utf-8")


def whose_payment_is_in_quarantine(settings: Settings) -> str:
    lines = [
        line for file in (Path(settings.root_dir) / "sample" / "payment").glob("*.csv") for line in file.read_text("utf-8").splitlines()
    ]
    (account,) = {line.split(",")[1] for line in lines if line.split(",")[4] == UNREADABLE}
    return account


def features_of(settings: Settings, as_of: dt.date) -> dict[str, dict]:
    """The rows of one day by account, read without Spark."""
    table = Path(settings.warehouse) / "gold" / ACCOUNT_FEATURE.name
    return {row["account_id"]: row for row in rows(table) if row["as_of"] == str(as_of)}


def shape_commits(settings: Settings) -> list[int]:
    """How often each table of load shapes was written."""
    tables = (INTERVAL_ESTIMATE, LOAD_SHAPE_DAY, LOAD_SHAPE_MONTH, CALENDAR, TARIFF)
    return [len(commits(Path(settings.warehouse) / table.layer / table.name)) for table in tables]


def forgotten(whole: Settings, folder: Path) -> Settings:
    """A warehouse that holds what was known on THEN and nothing else."""
    settings = load_settings("local", overrides={"root_dir": str(folder)})
    known_at = knowledge_of_day(THEN, settings).replace(tzinfo=None)  # Parquet of Spark has moments without a zone, in UTC

    def known(table: Table) -> list[dict[str, Any]]:
        return [
            row for row in rows(Path(whole.warehouse) / table.layer / table.name) if row["known_from"] and row["known_from"] <= known_at
        ]

    for name, table in SILVER.items():
        if name not in DERIVED and table not in (INTERVAL_DAY, INTERVAL_DAY_SUPERSEDED) and (found := known(table)):
            put(settings, table, found)
    versions = sorted([*known(INTERVAL_DAY_SUPERSEDED), *known(INTERVAL_DAY)], key=lambda row: row["known_from"])
    blocks = {tuple(row[key] for key in INTERVAL_DAY.keys): row for row in versions}  # of each the last version that was known
    put(settings, INTERVAL_DAY, [{name: row[name] for name in INTERVAL_DAY.columns} for row in blocks.values()])
    put(settings, BRONZE["payment"], known(BRONZE["payment"]))  # what was rejected stands there only
    return settings


def birth_corrected(spark: SparkSession, settings: Settings) -> str:
    """The account of a person whose year of birth was found out to be another one after THEN."""
    warehouse, table = Warehouse(spark, settings), SILVER["customer_identity"]
    identities = warehouse.read(table)
    once = identities.groupBy("account_id").agg(
        F.count("*").alias("n"), F.max("valid_from").alias("since"), F.max("birth_year").alias("born")
    )
    found = once.where((F.col("n") == 1) & (F.col("since") <= F.lit(THEN)) & (F.col("born") > 1980)).orderBy("account_id").first()
    assert found is not None
    new = {
        "birth_year": F.lit(1940),
        "known_from": F.lit(dt.datetime(2026, 3, 10, tzinfo=dt.UTC)),
        "_content_hash": F.lit(1).cast("bigint"),
    }
    warehouse.append(table, identities.where(F.col("account_id") == found["account_id"]).withColumns(new))
    return str(found["account_id"])


def test_features_computed_later_equal_those_computed_then(spark: SparkSession, province: Settings, tmp_path: Path) -> None:
    corrected = birth_corrected(spark, province)
    then = forgotten(province, tmp_path / "then")
    for name in ("bill", "payment", "service_event", "interaction", "register_reading", "interval_day"):
        whole, part = (len(rows(Path(settings.warehouse) / "silver" / name)) for settings in (province, then))
        assert whole > part > 0, f"nothing of {name} became known later"

    run_features(spark, then, FeatureOptions(as_of=THEN), say=quiet)
    run_features(spark, province, FeatureOptions(as_of=LAST), say=quiet)
    shapes = shape_commits(province)
    with_features(Warehouse(spark, province), province, [(THEN, knowledge_of_day(THEN, province))], say=quiet)
    expected, again = features_of(then, THEN), features_of(province, THEN)
    assert len(expected) >= SAMPLE.accounts
    assert again == expected
    last = features_of(province, LAST)
    assert last[corrected]["age_band"] == "60_and_over" != again[corrected]["age_band"]
    asked = whose_payment_is_in_quarantine(province)
    assert {account for account, row in again.items() if row["bills_in_question"]} == {asked}
    assert (last[asked]["bills_in_question"], last[asked]["arrears_amount"]) == (1, 0.0), "its other bills are paid"
    assert {account for account, row in last.items() if row["bill_count_365d"] > expected.get(account, row)["bill_count_365d"]}

    assert run_features(spark, province, FeatureOptions(as_of=LAST), say=quiet).nothing_new
    assert shape_commits(province) == shapes, "what models learn from leaves the load shapes of the present alone"


@pytest.mark.prove
def test_the_features_job_of_an_earlier_day_comes_to_the_same(spark: SparkSession, province: Settings) -> None:
    learnt = features_of(province, THEN)
    assert learnt, "the test before computes them"
    assert not run_features(spark, province, FeatureOptions(as_of=THEN), say=quiet).nothing_new
    assert features_of(province, THEN) == learnt
    assert run_features(spark, province, FeatureOptions(as_of=THEN), say=quiet).nothing_new


def test_every_part_says_something(province: Settings) -> None:
    found = list(features_of(province, LAST).values())
    assert found, "the test before computes them"
    telling = (
        "energy_kwh_30d",
        "mean_kw",
        "bill_amount_365d",
        "payments_365d",
        "contacts_365d",
        "purchases_total",
        "logins_90d",
        "peer_count",
        "age_band",
        "surveyed_fuel",
    )
    for name in telling:
        assert len({row[name] for row in found}) > 2, name
    nullable = {f.name for f in GOLD[ACCOUNT_FEATURE.name].fields if f.nullable}
    assert not {name for row in found for name, value in row.items() if value is None and name not in nullable}


def values_by_account(settings: Settings) -> dict[str, dict]:
    """The current values by account, read without Spark."""
    return {row["account_id"]: row for row in rows(Path(settings.warehouse) / "gold" / TAG_CURRENT.name)}


def folded(settings: Settings, as_of: dt.date) -> dict[tuple[str, str], object]:
    """What the changes up to ``as_of`` say, by account and tag, folded in plain Python."""
    changes = [row for row in rows(Path(settings.warehouse) / "gold" / TAG_VALUE.name) if row["valid_from"] <= as_of]
    latest: dict[tuple[str, str], object] = {}
    for row in sorted(changes, key=lambda row: (row["valid_from"], row["known_from"])):
        latest[row["account_id"], row["tag_id"]] = row["value_text"] if row["value_boolean"] is None else row["value_boolean"]
    return latest


def assert_changes_tell_the_current_values(settings: Settings, as_of: dt.date) -> None:
    library = tag_library(settings)
    told = folded(settings, as_of)
    for account, row in values_by_account(settings).items():
        for tag in library.tags:
            before_any = False if tag.value_type == "boolean" else None
            assert told.get((account, tag.id), before_any) == row[tag.id], (account, tag.id)


def test_tags_of_two_days_are_kept_as_changes(spark: SparkSession, province: Settings) -> None:
    library = tag_library(province)
    first = run_tags(spark, province, TagOptions(as_of=THEN), say=quiet)
    assert (first.computed, first.defined, first.nothing_new) == (len(library.tags), len(library.tags), False)
    assert len(values_by_account(province)) == first.accounts
    assert_changes_tell_the_current_values(province, THEN)
    assert run_tags(spark, province, TagOptions(as_of=THEN), say=quiet).nothing_new

    second = run_tags(spark, province, TagOptions(), say=quiet)
    assert second.as_of == LAST
    assert 0 < second.changes < first.changes / 2, "only what changed is written"
    assert_changes_tell_the_current_values(province, LAST)

    catalogue = rows(Path(province.warehouse) / "gold" / TAG_CATALOGUE.name)
    days = {day: {row["tag_id"]: row for row in catalogue if row["as_of"] == day} for day in (THEN, LAST)}
    assert set(days[THEN]) == {tag.id for tag in library.tags}
    assert all(row["psi"] is None and row["changed"] is None for row in days[THEN].values())
    assert all(row["psi"] >= 0 for row in days[LAST].values())
    assert sum(row["changed"] for row in days[LAST].values()) == second.changes
    for row in days[LAST].values():
        counted = Counter(
            str(r[row["tag_id"]]).lower() if row["value_type"] == "boolean" else r[row["tag_id"]]
            for r in values_by_account(province).values()
            if r[row["tag_id"]] is not None
        )
        assert json.loads(row["distribution"]) == dict(counted), row["tag_id"]

    with pytest.raises(SettingsError, match="an earlier day cannot be put before it"):
        run_tags(spark, province, TagOptions(as_of=THEN), say=quiet)


CUSTOM = """
tags:
  - id: our_big_users
    name_zh: 我们的大客户
    name_en: Our big users
    category: value
    kind: rule
    expression: energy_kwh_90d > {limit}
    inputs: [energy_kwh_90d]
    owner: analyst
    version: 1
    ttl_days: 3
    sensitivity: internal
    refresh: daily
    reason: An analyst's own limit, to be tried out on the province
    description: Uses more than the analyst's limit in 90 days
  - id: our_big_homes
    name_zh: 我们的大家庭
    name_en: Our big homes
    category: value
    kind: derived
    expression: our_big_users and customer_category = 'residential'
    inputs: [our_big_users, customer_category]
    owner: analyst
    version: 1
    ttl_days: 3
    sensitivity: internal
    refresh: daily
    reason: Homes among the big users, for the analyst's own question
    description: A household among the analyst's big users
"""


@pytest.mark.prove
def test_an_analysts_own_tags_need_a_file_and_a_command(
    spark: SparkSession, province: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tags").mkdir()
    own = tmp_path / "tags" / "own.yml"
    place = ["--conf", str(tmp_path), "--root-dir", province.root_dir]

    def run(limit: int) -> dict:
        own.write_text(CUSTOM.replace("{limit}", str(limit)), encoding="utf-8")
        assert main(["tags", "run", "--changed", "--json", *place]) == 0
        return json.loads(capsys.readouterr().out)

    settings = load_settings("local", tmp_path, {"root_dir": province.root_dir})
    energy = {account: row["energy_kwh_90d"] for account, row in features_of(province, LAST).items()}
    added = run(600)
    assert added["computed"] == 2
    assert added["changes"] > 0
    assert {a for a, row in values_by_account(settings).items() if row["our_big_users"]} == {a for a, e in energy.items() if e and e > 600}
    assert_changes_tell_the_current_values(settings, LAST)

    # A run that dies between the changes and the current values is made up for, even by another definition.
    own.write_text(CUSTOM.replace("{limit}", "900"), encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(tags, "catalogue_rows", lambda *_, **__: 1 / 0)
        assert main(["tags", "run", "--changed", *place]) == 1
    capsys.readouterr()
    assert run(900)["computed"] == 2
    assert {a for a, row in values_by_account(settings).items() if row["our_big_users"]} == {a for a, e in energy.items() if e and e > 900}
    assert_changes_tell_the_current_values(settings, LAST)
    assert run(900)["nothing_new"]

    account = max((e, a) for a, e in energy.items() if e)[1]
    assert main(["tags", "explain", account, "our_big_homes", "--json", *place]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {(i["of"], i["name"]) for i in told["inputs"]} >= {("our_big_homes", "our_big_users"), ("our_big_users", "energy_kwh_90d")}
    registers = next(b for b in told["behind"] if b["table"] == "silver.register_reading")
    assert 85 < registers["rows"] <= 95
    assert all(row["_locator"] for row in registers["newest"])
    assert main(["tags", "explain", account, "our_big_homes", *place]) == 0
    assert "900" in capsys.readouterr().out

    assert main(["tags", "explain", account, "our_big_home", *place]) == 2
    assert "did you mean our_big_homes?" in capsys.readouterr().err
    own.write_text(CUSTOM.replace("energy_kwh_90d > {limit}", "energy_kwh_9d > 1"), encoding="utf-8")
    assert main(["tags", "check", *place]) == 2
    assert "own.yml line" in (said := capsys.readouterr().err)
    assert "energy_kwh_90d" in said


def test_the_notebook_of_the_tag_library(spark: SparkSession, province: Settings, tmp_path: Path) -> None:
    shown = run_notebook(TAG_NOTEBOOK, spark, root=province.root_dir, own=str(tmp_path / "own"), limit="500")
    kinds, library, runs, catalogue, inputs, *behind = shown
    assert kinds.to_numpy().sum() == len(library) > 150
    assert runs.computed.tolist()[1] == 0, "nothing changed since all were computed"
    assert catalogue.where("tag_id = 'my_big_users' AND holds > 0").count() == 1
    assert set(inputs.name) == {"is_open", "energy_kwh_90d"}
    assert all(frame._locator.notna().all() for frame in behind if len(frame))
