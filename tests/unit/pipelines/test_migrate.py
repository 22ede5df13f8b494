"""Schema changes: what adds is made and recorded, what would lose is refused before anything is changed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from gridlens.cli import main
from gridlens.contracts.ops import MIGRATION, RUN_LOG
from gridlens.errors import ContractError
from gridlens.pipelines import migrate
from gridlens.pipelines.migrate import Change, run_migrate
from gridlens.pipelines.options import MigrateOptions
from gridlens.runs import Run, logged
from gridlens.tables import Field, Sensitivity, Table
from gridlens.warehouse import Warehouse

pytestmark = pytest.mark.spark

OLD = Table(
    "thing",
    "silver",
    "A table of this test",
    (
        Field("thing_id", "string", "Key"),
        Field("kind", "string", "Kind, it's closed", allowed=("it's", "big")),
        Field("owner", "string", "Who has it", null="nobody"),
        Field("weight", "double", "Weight", unit="kg"),
    ),
    ("thing_id",),
    sort_by=("owner", "weight"),
    checks={"positive": "weight >= 0.5"},
)
FIRST, KIND, OWNER, WEIGHT = OLD.fields
NEW = replace(
    OLD,
    fields=(
        FIRST,
        Field("parts", "struct<name:string,size:int>", "What's in it", null="unknown"),
        Field("series", "array<double>", "Values", unit="kWh", null="unknown"),
        replace(KIND, allowed=("it's", "big", "small")),
        replace(OWNER, sensitivity=Sensitivity.PERSONAL),
        replace(WEIGHT, null="not weighed"),
        Field("colour", "string", "Colour", allowed=("red", "blue"), null="unknown"),
    ),
    checks={"positive": "weight IS NULL OR weight >= 0.5"},
)
OTHER = replace(OLD, name="other")


def quiet(_: str) -> None:
    return


def declare(monkeypatch: pytest.MonkeyPatch, *tables: Table) -> None:
    monkeypatch.setattr(migrate, "declared_tables", lambda _: {f"{t.layer}.{t.name}": t for t in (*tables, RUN_LOG, MIGRATION)})


def fill(warehouse: Warehouse, table: Table) -> Warehouse:
    rows = [("a", "it's", "me", 1.0), ("b", "big", None, 2.0)]
    warehouse.append(table, warehouse.spark.createDataFrame(rows, table.schema).coalesce(1))
    return warehouse


def version(warehouse: Warehouse, table: Table) -> int:
    row = warehouse.spark.sql(f"DESCRIBE HISTORY {warehouse.location(table)} LIMIT 1").first()
    assert row is not None
    return int(row["version"])


def run(warehouse: Warehouse, *, dry_run: bool = False) -> migrate.MigrateResult:
    fresh = Warehouse(warehouse.spark, warehouse.settings)
    return run_migrate(fresh.spark, fresh.settings, MigrateOptions(dry_run), say=quiet)


def test_columns_checks_and_statistics_follow_the_declaration(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(warehouse, OLD)
    declare(monkeypatch, NEW)
    wish = run(warehouse, dry_run=True)
    assert (wish.run_id, version(warehouse, OLD), warehouse.exists(MIGRATION)) == (None, 1, False)

    done = run(warehouse)
    assert done.changes == wish.changes
    assert [change.change.split(":")[0] for change in done.changes] == [
        "columns added",
        "column weight may be null",
        "check set",
        "file statistics set",
    ]
    table = warehouse.spark.table(warehouse.location(NEW))
    assert [(f.name, f.dataType.simpleString(), f.nullable) for f in table.schema] == [(f.name, f.type, f.nullable) for f in NEW.fields]
    assert [row["kind"] for row in table.orderBy("thing_id").collect()] == ["it's", "big"]
    assert table.where("colour IS NULL AND parts IS NULL").count() == 2
    comments = {row["col_name"]: row["comment"] for row in warehouse.spark.sql(f"DESCRIBE TABLE {warehouse.location(NEW)}").collect()}
    assert (comments["parts"], comments["series"]) == ("What's in it", "Values [kWh]")

    small = [("c", None, [1.0], "small", None, None, "red")]
    warehouse.append(NEW, warehouse.spark.createDataFrame(small, NEW.schema).coalesce(1))
    with pytest.raises(Exception, match="CHECK"):
        warehouse.append(NEW, warehouse.spark.createDataFrame([("d", None, None, "huge", None, None, None)], NEW.schema).coalesce(1))
    properties = {r["key"]: r["value"] for r in warehouse.spark.sql(f"SHOW TBLPROPERTIES {warehouse.location(NEW)}").collect()}
    assert properties["delta.dataSkippingStatsColumns"] == "thing_id,weight", (
        "values of a column that became personal enter the log no more"
    )

    recorded = warehouse.read(MIGRATION).collect()
    assert {(row["table_name"], row["change"]) for row in recorded} == {(c.table, c.change) for c in done.changes}
    again = run(warehouse)
    assert again.nothing_new
    outcomes = {row["run_id"]: row["outcome"] for row in warehouse.read(RUN_LOG).collect()}
    assert outcomes == {done.run_id: "succeeded", again.run_id: "nothing_new"}


def test_an_older_run_log_takes_runs_before_it_is_migrated(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    older = replace(RUN_LOG, fields=tuple(field for field in RUN_LOG.fields if field.name != "tables_in"))
    warehouse.create(older)
    declare(monkeypatch)
    with logged(warehouse, Run("features", {})):
        warehouse.read(RUN_LOG)
    done = run(warehouse)
    assert [change.change for change in done.changes] == ["columns added: tables_in string"]
    with logged(warehouse, Run("features", {})):
        warehouse.read(RUN_LOG)
    told = warehouse.read(RUN_LOG).orderBy("started_at").collect()
    assert [(row["job"], row["tables_in"]) for row in told] == [("features", None), ("migrate", "[]"), ("features", '["ops.run_log"]')]


def test_a_new_table_is_as_declared_from_the_start(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    for table in (NEW, OTHER):
        warehouse.create(table)
    declare(monkeypatch, NEW, OTHER)
    assert run(warehouse, dry_run=True).nothing_new


REFUSED = [
    (replace(OLD, fields=(FIRST, KIND, WEIGHT), sort_by=("weight",)), "table silver.thing has a column owner that is no longer declared"),
    (replace(OLD, fields=(FIRST, KIND, OWNER, replace(WEIGHT, type="int"))), "column weight of table silver.thing is double, expected int"),
    (replace(OLD, fields=(FIRST, KIND, replace(OWNER, null=None), WEIGHT)), "column owner of table silver.thing may be null"),
    (replace(OLD, fields=(*OLD.fields, Field("more", "int", "More"))), "lacks the column more, which may not be null"),
    (replace(OLD, checks={"heavy": "weight > 1.5"}), "table silver.thing has rows that break its check (weight > 1.5)"),
]


def test_what_would_lose_is_refused_before_anything_is_changed(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(warehouse, OLD)
    warehouse.create(OTHER)
    better = replace(OTHER, fields=(*OTHER.fields, Field("more", "int", "More", null="unknown")))
    for table, sentence in REFUSED:
        declare(monkeypatch, better, table)
        with pytest.raises(ContractError) as refused:
            run(warehouse)
        message = str(refused.value)
        assert message.startswith("the warehouse cannot be migrated, nothing was changed: ")
        assert sentence in message
        assert "\n" not in message
    assert (version(warehouse, OLD), version(warehouse, OTHER)) == (1, 0)
    assert not warehouse.exists(MIGRATION)
    assert {row["outcome"] for row in warehouse.read(RUN_LOG).collect()} == {"failed"}


def test_killed_at_any_statement_and_run_again_it_ends_the_same(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run dies before its second statement; so every run makes one statement until nothing is left."""
    fill(warehouse, OLD)
    declare(monkeypatch, NEW)
    changes: set[Change] = set(run(warehouse, dry_run=True).changes)
    apply = migrate._apply

    def one_statement(warehouse: Warehouse, steps: list[migrate._Step], say: migrate.Say) -> None:
        for step in steps:
            apply(warehouse, [replace(step, statements=step.statements[:1])], say)
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(migrate, "_apply", one_statement)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                run(warehouse)
    seen = warehouse.read(RUN_LOG).where("outcome = 'failed'").count()
    assert seen == 2
    with monkeypatch.context() as patch:

        def drop_then_die(warehouse: Warehouse, steps: list[migrate._Step], say: migrate.Say) -> None:
            for step in steps:
                if step.change.startswith("check"):
                    apply(warehouse, [replace(step, statements=step.statements[:1])], say)
                    raise KeyboardInterrupt

        patch.setattr(migrate, "_apply", drop_then_die)
        with pytest.raises(KeyboardInterrupt):
            run(warehouse)
    run(warehouse)
    assert run(warehouse, dry_run=True).nothing_new
    assert {Change(row["table_name"], row["change"]) for row in warehouse.read(MIGRATION).collect()} == changes


def test_the_command_shows_the_changes_or_the_reason(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(warehouse, OLD)
    declare(monkeypatch, replace(OLD, fields=(*OLD.fields, Field("more", "int", "More", null="unknown"))))
    root = ["--root-dir", warehouse.settings.root_dir]
    assert main(["migrate", "--json", *root]) == 0
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert changes[0] == {"table": "silver.thing", "change": "columns added: more int"}
    assert main(["migrate", *root]) == 0
    assert "nothing new" in capsys.readouterr().out
    declare(monkeypatch, OLD)
    assert main(["migrate", *root]) == 4
    assert "has a column more that is no longer declared" in capsys.readouterr().err
