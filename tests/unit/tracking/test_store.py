"""Runs in a store on this machine: what is logged is found, in any number of processes; secrets and customers are not in it."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from gridlens.doctor import examine
from gridlens.errors import PlatformError, RegistryError
from gridlens.settings import Settings, load_settings
from gridlens.tracking import Store, probe

AT_ONCE = """
import multiprocessing, sys
import mlflow
from gridlens.settings import load_settings
from gridlens.tracking import Store

def work(process, start):
    start.wait()
    store = Store.open(load_settings("local", overrides={"root_dir": sys.argv[1]}))
    for i in range(int(sys.argv[3])):
        with store.run("many", params={"process": process}) as run:
            run.log_metrics({"i": i})

forking = multiprocessing.get_context("fork")
start = forking.Barrier(int(sys.argv[2]))
started = [forking.Process(target=work, args=(i, start)) for i in range(int(sys.argv[2]))]
for process in started:
    process.start()
for process in started:
    process.join()
sys.exit(sum(process.exitcode != 0 for process in started))
"""
"""All processes open the fresh store at the same moment: mlflow is imported before they part."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """One store for the file: making one takes seconds."""
    return load_settings("local", overrides={"root_dir": str(tmp_path_factory.mktemp("store"))})


@pytest.fixture(scope="module")
def store(settings: Settings) -> Store:
    return Store.open(settings)


def artifact(settings: Settings, model: str, run_id: str, path: str) -> bytes:
    return (Path(settings.mlflow_artifacts) / model / run_id / "artifacts" / path).read_bytes()


def test_everything_that_is_logged_is_found(store: Store, settings: Settings) -> None:
    many = {f"weight_{i}": i / 7 for i in range(150)}
    with store.run(
        "arrears",
        params={"depth": 3, "grid": {"b": [1, 2], "a": "x"}, "none": None, "day": dt.date(2026, 3, 31)},
        tags={"kind": "test", "final": True},
    ) as run:
        run.log_params(many)
        run.log_metrics({"auc": 0.75, "lift": None, "nothing": float("nan")})
        run.log_metrics({"auc": 0.8}, step=1)
        run.log_fingerprints(definition="abc", data="def")
        run.log_text("# Card 信用\n", "card/model_card.md")
        run.log_json({"b": 1, "a": "欠费"}, "figures.json")
    found = store.client.get_run(run.run_id)
    assert found.info.status == "FINISHED"
    assert found.data.params["grid"] == '{"a": "x", "b": [1, 2]}'
    assert (found.data.params["depth"], found.data.params["weight_149"]) == ("3", str(149 / 7))
    assert (found.data.params["day"], found.data.tags["final"]) == ("2026-03-31", "true")
    assert len(found.data.params) == 153
    assert found.data.metrics == {"auc": 0.8}
    assert [point.value for point in store.client.get_metric_history(run.run_id, "auc")] == [0.75, 0.8]
    assert {"kind": "test", "gridlens_definition_fingerprint": "abc", "gridlens_data_fingerprint": "def"}.items() <= found.data.tags.items()
    assert artifact(settings, "arrears", run.run_id, "card/model_card.md").decode() == "# Card 信用\n"
    assert json.loads(artifact(settings, "arrears", run.run_id, "figures.json")) == {"a": "欠费", "b": 1}


def test_a_failed_run_says_so_without_the_text_of_the_failure(store: Store) -> None:
    with pytest.raises(ValueError, match="of customer"), store.run("arrears") as run:
        raise ValueError("the row of customer CANARY")
    found = store.client.get_run(run.run_id)
    assert (found.info.status, found.data.tags["gridlens_failure"]) == ("FAILED", "ValueError")
    with pytest.raises(KeyboardInterrupt), store.run("arrears") as run:
        raise KeyboardInterrupt
    assert store.client.get_run(run.run_id).info.status == "KILLED"


def test_secrets_and_telephones_are_not_logged(store: Store, settings: Settings) -> None:
    secrets = {"password": "hunter2-canary", "url": "jdbc:x://reader:hunter2-canary@db/x", "contact": "call 13912345678"}
    with store.run("arrears", params={**secrets, "nested": secrets}, tags={"api_key": "hunter2-canary"}) as run:
        pass
    data = store.client.get_run(run.run_id).data
    assert data.params["password"] == data.tags["api_key"] == "***"
    stored = Path(settings.mlflow_tracking_uri.removeprefix("sqlite:///")).read_bytes()
    assert b"hunter2-canary" not in stored
    assert b"13912345678" not in stored


def test_two_runs_at_once_do_not_mix(store: Store) -> None:
    with store.run("one") as first, store.run("two") as second:
        first.log_metrics({"x": 1})
        second.log_metrics({"x": 2})
    assert [store.client.get_run(run.run_id).data.metrics["x"] for run in (first, second)] == [1, 2]


def test_a_deleted_experiment_comes_back(store: Store) -> None:
    with store.run("deleted"):
        pass
    store.client.delete_experiment(store.client.get_experiment_by_name("gridlens/deleted").experiment_id)
    with store.run("deleted") as run:
        pass
    assert store.client.get_run(run.run_id).info.status == "FINISHED"


def runs_of_processes(root: Path, processes: int, runs: int) -> dict[tuple[str, float], int]:
    """Starts the processes at once on a fresh store; how often each (process, run) was found."""
    command = [sys.executable, "-c", AT_ONCE, str(root), str(processes), str(runs)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    store = Store.open(load_settings("local", overrides={"root_dir": str(root)}))
    experiment = store.client.get_experiment_by_name("gridlens/many").experiment_id
    found: dict[tuple[str, float], int] = {}
    for run in store.client.search_runs([experiment], max_results=1000):
        assert run.info.status == "FINISHED"
        key = (run.data.params["process"], run.data.metrics["i"])
        found[key] = found.get(key, 0) + 1
    return found


def test_processes_at_once_on_a_fresh_store(tmp_path: Path) -> None:
    assert runs_of_processes(tmp_path, 4, 2) == {(str(p), float(i)): 1 for p in range(4) for i in range(2)}


@pytest.mark.prove
def test_eight_processes_at_once_on_a_fresh_store(tmp_path: Path) -> None:
    assert runs_of_processes(tmp_path, 8, 8) == {(str(p), float(i)): 1 for p in range(8) for i in range(8)}


def test_a_half_made_store_of_a_killed_process_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db.new").write_bytes(b"SQLite format 3\x00 and then the process was killed")
    (tmp_path / "mlflow.db.lock").write_text("", encoding="ascii")
    with Store.open(load_settings("local", overrides={"root_dir": str(tmp_path)})).run("x") as run:
        run.log_metrics({"x": 1})
    assert not (tmp_path / "mlflow.db.new").exists()


def test_an_older_store_is_brought_up_to_date_and_keeps_its_runs(store: Store, settings: Settings, tmp_path: Path) -> None:
    """As after an update of mlflow: the lock names another version, the file is taken over by way of a copy."""
    with store.run("kept") as run:
        run.log_metrics({"x": 3})
    source = Path(settings.mlflow_tracking_uri.removeprefix("sqlite:///"))
    with sqlite3.connect(source) as old, sqlite3.connect(tmp_path / "mlflow.db") as copy:
        old.backup(copy)
    (tmp_path / "mlflow.db.lock").write_text("2.0.0", encoding="ascii")
    again = Store.open(load_settings("local", overrides={"root_dir": str(tmp_path)}))
    assert again.client.get_run(run.run_id).data.metrics == {"x": 3}
    assert (tmp_path / "mlflow.db.lock").read_text(encoding="ascii").startswith("3.")


def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"this is no database, however long it may be" * 50)
    with pytest.raises(PlatformError, match=r"mlflow\.db cannot be made ready \(file is not a database\): choose another") as told:
        Store.open(load_settings("local", overrides={"root_dir": str(tmp_path)}))
    assert "\n" not in str(told.value)


def test_a_server_out_of_reach_is_one_sentence(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    away = settings.model_copy(
        update={"mlflow_tracking_uri": "http://me:hunter2-canary@127.0.0.1:9", "mlflow_registry_uri": "http://127.0.0.1:9"}
    )
    for ask in (Store.open, probe):
        with pytest.raises(PlatformError) as told:
            ask(away)
        sentence = str(told.value)
        assert sentence.startswith("the MLflow store http://me:***@127.0.0.1:9 does not answer")
        assert "GRIDLENS_MLFLOW_TRACKING_URI" in sentence
        assert "\n" not in sentence
    (check,) = [check for check in examine(away) if check.name == "MLflow store"]
    assert not check.ok


def test_the_doctor_makes_no_store(tmp_path: Path) -> None:
    settings = load_settings("local", overrides={"root_dir": str(tmp_path / "none")})
    (check,) = [check for check in examine(settings) if check.name == "MLflow store"]
    assert check.ok
    assert not (tmp_path / "none").exists()


def test_waiting_is_bounded_and_pickles_are_off(store: Store) -> None:
    from mlflow import environment_variables as given

    longest = given.MLFLOW_HTTP_REQUEST_TIMEOUT.get() * (1 + given.MLFLOW_HTTP_REQUEST_MAX_RETRIES.get())
    assert longest <= 60
    assert given.MLFLOW_ALLOW_PICKLE_DESERIALIZATION.get() is False
    assert given.MLFLOW_DISABLE_TELEMETRY.get() is True


def test_what_the_store_lacks_is_a_registry_error(store: Store) -> None:
    with pytest.raises(RegistryError, match="lacks what was asked for"):
        store.client.get_run("0" * 32)


def test_opening_is_what_imports_mlflow() -> None:
    code = "import sys; import gridlens.tracking, gridlens.cli; print('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"
