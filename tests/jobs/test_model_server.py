"""A tracking server on PostgreSQL: two trainings at once, both found, loaded, and the way back; gone, it is one sentence."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import postgres
import pytest
from gridlens.doctor import examine
from gridlens.errors import PlatformError
from gridlens.settings import load_settings
from gridlens.tracking import Store

pytestmark = [pytest.mark.prove, pytest.mark.timeout(900)]


@contextmanager
def tracking_server(folder: Path) -> Iterator[tuple[str, postgres.Server]]:
    """``mlflow server`` on a free port of loopback, its database PostgreSQL, artifacts by way of the server; its address."""
    with postgres.server() as database, (folder / "server.log").open("wb") as log:
        uri = f"postgresql+psycopg://reader:{postgres.PASSWORD}@127.0.0.1:{database.port}/postgres"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "2"]
        process = subprocess.Popen(
            [*command, "--backend-store-uri", uri, "--artifacts-destination", str(folder / "artifacts")],
            cwd=folder,
            env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/health", process, folder / "server.log")
            yield f"http://127.0.0.1:{port}", database
        finally:
            os.killpg(process.pid, 15)
            process.wait(timeout=60)


def wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")[-3000:]
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise AssertionError(log.read_text(encoding="utf-8", errors="replace")[-3000:])


def test_two_trainings_at_once_on_a_server_with_postgresql(tmp_path: Path) -> None:
    with tracking_server(tmp_path) as (address, database):
        environment = {**os.environ, "GRIDLENS_MLFLOW_TRACKING_URI": address}
        script = str(Path(__file__).with_name("model_training.py"))
        trainings = [
            subprocess.Popen(
                [sys.executable, script, str(tmp_path), value], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            for value in ("0.25", "0.75")
        ]
        told = [training.communicate(timeout=300) for training in trainings]
        assert [training.returncode for training in trainings] == [0, 0], [err[-3000:] for _, err in told]
        made = [json.loads(out.splitlines()[-1]) for out, _ in told]
        assert sorted(entry["version"] for entry in made) == [1, 2]

        settings = load_settings("local", overrides={"root_dir": str(tmp_path / "mine"), "mlflow_tracking_uri": address}, environ={})
        store = Store.open(settings)
        assert {entry.run_id for entry in store.versions("arrears")} == {entry["run"] for entry in made}
        assert sorted(entry.metrics["auc"] for entry in store.versions("arrears")) == [0.25, 0.75]
        rows = pd.DataFrame({"kwh": [1.0, None]})
        for entry in store.versions("arrears"):
            assert list(store.load("arrears", entry.version).model.predict(rows)) == [entry.metrics["auc"]] * 2
        champion = store.version("arrears")
        assert store.rollback("arrears").version == 3 - champion.version
        assert any("insert into runs" in query.lower() for query in database.queries()), "PostgreSQL is what keeps the runs"
        assert not (tmp_path / "mine" / "mlartifacts").exists()
        assert [check.detail for check in examine(settings) if check.name == "MLflow store"] == [f"{address} answers"]
    for ask in (lambda: store.versions("arrears"), lambda: Store.open(settings)):
        with pytest.raises(PlatformError, match=f"the MLflow store {address} does not answer") as gone:
            ask()
        assert "\n" not in str(gone.value)
