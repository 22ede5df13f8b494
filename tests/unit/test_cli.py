"""The command line: help that teaches, errors in one sentence, results as tables and as JSON."""

from __future__ import annotations

import datetime as dt
import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from gridlens.cli import app, main
from gridlens.contracts import all_tables
from gridlens.contracts.ops import BATCH_ACCOUNT, QUALITY_METRIC, RUN_LOG
from gridlens.contracts.silver import CUSTOMER_IDENTITY, QUARANTINE
from gridlens.errors import SettingsError
from gridlens.failures import sentence, summary
from gridlens.pipelines import look
from gridlens.settings import Settings, load_settings
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession

COMMANDS = ["doctor", "jars", "sample", "ingest", "features", "run", "sources list", "sources check", "runs", "tables", "show", "quality"]
COMMANDS += ["export", "maintain", "migrate", "tags run", "tags list", "tags check", "tags page", "tags explain"]
COMMANDS += ["associations run", "associations check", "associations list", "associations show"]
COMMANDS += ["trajectory run", "trajectory show", "trajectory paths", "trajectory stages"]
COMMANDS += ["profile"]
COMMANDS += [f"graph {name}" for name in ("run", "neighbours", "group", "alike", "influence")]
COMMANDS += [f"segments {name}" for name in ("run", "list", "show", "large", "small")]
COMMANDS += [f"anomalies {name}" for name in ("run", "list", "show")]
COMMANDS += [f"credit {name}" for name in ("train", "grade", "decide", "card")]
COMMANDS += ["train", "score", "models", "promote", "rollback", "explain", "drivers"]
COMMANDS += ["collection run", "collection list", "churn hazard"]
COMMANDS += [f"{group} {name}" for group in ("value", "offers") for name in ("run", "list", "show")]
COMMANDS += ["substitution run", "substitution list"]
COMMANDS += [f"audience {name}" for name in ("list", "check", "count", "build", "explain", "overlap")]
LISTING = [
    "models",
    "drivers",
    "collection list",
    "churn hazard",
    "value list",
    "value show",
    "offers list",
    "offers show",
    "substitution list",
    "explain",
    "anomalies list",
    "anomalies show",
    "audience count",
    "audience explain",
    "audience list",
    "audience overlap",
    "profile",
    "graph neighbours",
    "graph group",
    "graph alike",
    "graph influence",
    "segments list",
    "segments show",
    "segments large",
    "segments small",
    "trajectory show",
    "trajectory paths",
    "trajectory stages",
    "associations check",
    "associations list",
    "associations show",
    "tags list",
    "tags explain",
    "doctor",
    "sources list",
    "sources check",
    "runs",
    "tables",
    "show",
    "quality",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_teaches_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f"Example: gridlens {command}" in text
    assert "--json" in text or command not in LISTING
    assert "--root-dir" in text or command == "jars"


def test_every_command_is_in_the_list_above() -> None:
    group = typer.main.get_command(app)
    found = set(group.commands) - {
        "anomalies",
        "associations",
        "audience",
        "churn",
        "collection",
        "credit",
        "graph",
        "offers",
        "segments",
        "sources",
        "substitution",
        "tags",
        "trajectory",
        "value",
        "version",
    }  # type: ignore[attr-defined]
    assert found == {c for c in COMMANDS if " " not in c}


def test_help_needs_no_spark() -> None:
    code = "import sys; from gridlens.cli import main; assert main(['run', '--help']) == 0; assert 'pyspark' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["show", "interval_dya"], 2, "gridlens: table interval_dya is not declared; did you mean interval_day?"),
        (["show", "interval_day", "--columns", "zone,nope"], 2, "gridlens: option --columns: table interval_day has no column nope;"),
        (["show", "customer_identity", "--columns", "name"], 2, "gridlens: option --columns: name is personal; add --personal"),
        (["show", "customer_identity", "--where", "name = '张三'"], 2, "option --where: name is personal; ask for personal fields by"),
        (["export", "tag_current_v1", "--where", "vacant_dwelling", "--to", "x.csv"], 2, "option --where: vacant_dwelling is personal"),
        (["export", "tag_value_v1", "--where", "tag_id = 'vacant_dwelling'", "--to", "x.csv"], 2, "the tag vacant_dwelling is personal"),
        (["export", "tag_current_v1", "--where", "life_cycle_stage = 'dormant'", "--to", "x.csv"], 2, "life_cycle_stage is personal"),
        (["show", "weather", "--where", "reflect('a','b')"], 2, "calls the function reflect, which is not allowed"),
        (["show", "weather", "--where", "humidity_pct"], 2, "gives a number, expected a boolean"),
        (["sources", "list", "--conf", "/no/such"], 2, "gridlens: configuration folder /no/such does not exist"),
        (["sources", "list", "--profile", "clust"], 2, "gridlens: profile 'clust' is unknown"),
        (["run", "--sources", "nope.yml"], 2, "gridlens: configuration file sources/nope.yml was not found (there are: "),
    ],
)
def test_a_mistake_is_one_sentence_and_an_exit_code(
    arguments: list[str], code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--root-dir", str(tmp_path)]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.startswith("gridlens: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["run", "--bogus"], ["nope"], ["features", "--as-of", "yesterday"], ["show"]])
def test_wrong_usage_gives_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "shown"),
    [
        (RuntimeError("x\njava.io.IOException: No space left on device\n\tat a.b.C"), 6, "the disk is full: make room"),
        (RuntimeError("java.lang.OutOfMemoryError: Java heap space"), 6, "Java ran out of memory"),
        (PermissionError(13, "Permission denied", "/x"), 6, "must not be read or written by this user"),
        (RuntimeError("secret text of 13812345678 [DIVIDE_BY_ZERO] more"), 1, "failed unexpectedly (RuntimeError DIVIDE_BY_ZERO)"),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
    ids=["disk", "memory", "rights", "unknown", "interrupt"],
)
def test_failures_never_show_a_trace(
    error: BaseException,
    code: int,
    shown: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(settings: Settings) -> None:
        raise error

    monkeypatch.setattr("gridlens.pipelines.check.list_sources", fail)
    assert main(["sources", "list", "--root-dir", str(tmp_path)]) == code
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert shown in err
    assert "13812345678" not in err
    if code != 130:
        log = tmp_path / "logs" / "gridlens.log"
        assert str(log) in err
        text = log.read_text(encoding="utf-8")
        assert "Traceback" in text
        assert "13812345678" not in text


def test_a_cause_below_the_error_is_found() -> None:
    outer = RuntimeError("write failed")
    outer.__cause__ = OSError(28, "No space left on device")
    assert (sentence(outer) or "").startswith("the disk is full")
    assert summary(outer) == "RuntimeError"
    assert "gridlens migrate" in (sentence(ValueError("[DELTA_NOT_NULL_CONSTRAINT_VIOLATED] column: c")) or "")
    assert "gridlens migrate" in (sentence(ValueError("[DELTA_METADATA_MISMATCH] A schema mismatch detected when writing")) or "")
    assert sentence(ValueError("nothing known")) is None


UTC = dt.UTC


@pytest.fixture(scope="module")
def filled(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two versions of one customer, a quarantined row, an account, a metric and two runs; made once, only read."""
    warehouse = Warehouse(spark, load_settings("local", overrides={"root_dir": str(tmp_path_factory.mktemp("filled"))}))
    person = ("A1", "P1", "张三", "13812345678", "=1+1", None, 1980, dt.date(2026, 1, 1))
    rows = [(*person, dt.datetime(2026, 1, d, tzinfo=UTC), d, "b", f"f:{d}") for d in (2, 5)]
    warehouse.append(CUSTOMER_IDENTITY, spark.createDataFrame(rows, CUSTOMER_IDENTITY.schema).coalesce(1))
    defects = [{"rule": "negative", "severity": "reject", "detail": "x"}, {"rule": "future", "severity": "flag", "detail": "y"}]
    bad = [("s", "b", "f:9", "customer", "raw 13812345678", defects, "r1")]
    warehouse.append(QUARANTINE, spark.createDataFrame(bad, QUARANTINE.schema).coalesce(1))
    account = [("s", "b", "customer", 1, 3, 1, 1, 0, 1, 0, 0, "r1", "s1")]
    warehouse.append(BATCH_ACCOUNT, spark.createDataFrame(account, BATCH_ACCOUNT.schema).coalesce(1))
    metric = [("run1", "interval_day", "missing_share", 0.25)]
    warehouse.append(QUALITY_METRIC, spark.createDataFrame(metric, QUALITY_METRIC.schema).coalesce(1))
    begin = dt.datetime(2026, 4, 1, 6, tzinfo=UTC)
    tail = (None, None, None, '{"root": "x"}', "{}", '["bronze.customer"]', '{"silver.customer_identity": 2}', "0")
    runs = [
        (f"run{i}", "ingest", begin + dt.timedelta(hours=i), begin + dt.timedelta(hours=i, seconds=90), "succeeded", *tail) for i in (1, 2)
    ]
    warehouse.append(RUN_LOG, spark.createDataFrame(runs, RUN_LOG.schema).coalesce(1))
    return warehouse.settings


@pytest.mark.spark
def test_looking_at_a_warehouse(filled: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def call(*arguments: str) -> str:
        assert main([*arguments, "--root-dir", filled.root_dir]) == 0
        return capsys.readouterr().out

    rows = json.loads(call("show", "customer_identity", "--json"))
    assert [row["known_from"] for row in rows] == ["2026-01-02T00:00:00Z", "2026-01-05T00:00:00Z"]
    assert not {"name", "phone", "address", "birth_year"} & set(rows[0])
    assert json.loads(call("show", "customer_identity", "--where", "_content_hash > 2", "--columns", "phone", "--personal", "--json")) == [
        {"phone": "13812345678"}
    ]
    assert json.loads(call("show", "customer_identity", "--where", "name = \"1' or '1'='1\"", "--personal", "--json")) == []
    then = json.loads(call("show", "customer_identity", "--known-at", "2026-01-03T08:00:00+08:00", "--columns", "_locator", "--json"))
    assert then == [{"_locator": "f:2"}]
    listed = {row["table"]: row["rows"] for row in json.loads(call("tables", "--json"))}
    assert listed == {
        "silver.customer_identity": 2,
        "silver.quarantine": 1,
        "ops.batch_account": 1,
        "ops.quality_metric": 1,
        "ops.run_log": 2,
    }
    runs = json.loads(call("runs", "--json"))
    assert [(r["run_id"], r["started_at"], r["seconds"]) for r in runs] == [
        ("run2", "2026-04-01T08:00:00Z", 90.0),
        ("run1", "2026-04-01T07:00:00Z", 90.0),
    ]
    report = json.loads(call("quality", "--json"))
    assert report["run_id"] == "run1"
    assert report["metrics"] == [{"subject": "interval_day", "metric": "missing_share", "value": 0.25}]
    assert [(r["rule"], r["severity"], r["rows"]) for r in report["broken_rules"]] == [("future", "flag", 1), ("negative", "reject", 1)]
    assert report["accounts"][0]["row_count"] == 3
    assert "2026-04-01T08:00:00Z" in call("runs")
    summary_text = call("export", "customer_identity", "--to", str(tmp_path / "x.csv"))
    assert "name, phone, address, document_number, birth_year" in summary_text
    exported = (tmp_path / "x.csv").read_text(encoding="utf-8-sig")
    assert exported.count("\n") == 3
    assert "13812345678" not in exported


@pytest.mark.spark
def test_a_table_that_may_not_be_read_is_listed_as_such(
    filled: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(look, "all_tables", lambda: {"silver.customer_identity": CUSTOMER_IDENTITY, "silver.quarantine": QUARANTINE})
    monkeypatch.setattr(Warehouse, "denied", lambda _, table: table is CUSTOMER_IDENTITY)
    assert main(["tables", "--json", "--root-dir", filled.root_dir]) == 0
    rows = {row["table"]: (row["rows"], row["denied"]) for row in json.loads(capsys.readouterr().out)}
    assert rows == {"silver.customer_identity": (None, True), "silver.quarantine": (1, False)}
    assert main(["tables", "--root-dir", filled.root_dir]) == 0
    assert "may not be read" in capsys.readouterr().out


@pytest.mark.spark
def test_a_table_that_was_never_written_is_one_sentence(filled: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "bill", "--root-dir", filled.root_dir]) == 2
    assert "table silver.bill does not exist yet" in capsys.readouterr().err
    assert main(["show", "run_log", "--known-at", "2026-01-01", "--root-dir", filled.root_dir]) == 2
    assert "has no knowledge time" in capsys.readouterr().err


@pytest.mark.spark
@pytest.mark.parametrize("name", ["silver.interval_estimate", "gold.load_shape_day_v1", "gold.trajectory_v1"])
def test_what_was_known_is_not_asked_of_tables_that_keep_one_version(spark: SparkSession, filled: Settings, name: str) -> None:
    """A row that was known then and has been replaced since would be missing without a word."""
    with pytest.raises(SettingsError, match=f"table {name.partition('.')[2]} holds what is known now"):
        look._as_known(Warehouse(spark, filled), all_tables()[name], dt.datetime(2026, 1, 1, tzinfo=dt.UTC))


@pytest.mark.spark
def test_an_error_of_spark_shows_neither_data_nor_trace(
    filled: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(spark: SparkSession, settings: Settings, limit: int) -> None:
        spark.sql("SELECT CAST('13912345678x' AS INT)").collect()

    monkeypatch.setattr("gridlens.pipelines.look.list_runs", fail)
    logging.getLogger("SQLQueryContextLogger").disabled = False
    assert main(["runs", "--root-dir", filled.root_dir]) == 1
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith(("gridlens: ", "{", "Traceback", "\tat"))]
    assert len(lines) == 1
    assert "failed unexpectedly (NumberFormatException CAST_INVALID_INPUT)" in lines[0]
    assert "CAST_INVALID_INPUT" in (Path(filled.root_dir) / "logs" / "gridlens.log").read_text(encoding="utf-8")
