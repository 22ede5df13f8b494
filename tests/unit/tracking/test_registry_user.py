"""A user of the registry who has no gridlens gets the same scores: in Python, and over HTTP."""

from __future__ import annotations

import json
import math
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
from typing import Any

import pytest
from pyspark.sql import functions as F
from small_pipeline import FEATURES, Logged, scores

MODEL = "models:/gridlens_arrears@champion"


def environment(logged: Logged) -> dict[str, str]:
    """The store, and nothing of the test's own session."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYSPARK_", "SPARK_", "GRIDLENS_", "MLFLOW_"))}
    told = {"PYSPARK_PYTHON": sys.executable, "MLFLOW_TRACKING_URI": logged.settings.mlflow_tracking_uri, "SPARK_LOCAL_IP": "127.0.0.1"}
    return {**kept, **told, "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1", "MLFLOW_DISABLE_TELEMETRY": "true"}


def frame(logged: Logged) -> dict[str, Any]:
    """The rows as JSON has them, unknown values as null; codes as texts, which pandas wants."""
    rows = logged.rows.orderBy("account_id").select("kwh", F.col("late_bills").cast("double"), "has_debit", F.col("tariff").cast("string"))
    return {"columns": FEATURES, "data": [list(row) for row in rows.collect()]}


def test_pyfunc_gives_sparks_probabilities_without_gridlens(logged: Logged, tmp_path: Path) -> None:
    unknown = {"columns": FEATURES, "data": [[None] * len(FEATURES)]}
    given = json.dumps([frame(logged), unknown])
    script = str(Path(__file__).with_name("registry_user.py"))
    done = subprocess.run(
        [sys.executable, script, MODEL],
        input=given,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(logged),
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("scores ")]
    found, (nothing_known,) = json.loads(line.removeprefix("scores "))
    assert found == pytest.approx(logged.scores, abs=1e-12)
    nulls = logged.rows.limit(1).select(
        "account_id", *(F.lit(None).cast(logged.rows.schema[name].dataType).alias(name) for name in FEATURES)
    )
    assert nothing_known == pytest.approx(scores(logged.pipeline, nulls)[0], abs=1e-12)


@contextmanager
def served(logged: Logged, folder: Path) -> Iterator[str]:
    """``mlflow models serve`` on a free port of loopback; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", MODEL, "--env-manager", "local"]
    with (folder / "served.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"],
            cwd=folder,
            env={**environment(logged), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/ping", process, folder / "served.log")
            yield f"http://127.0.0.1:{port}/invocations"
        finally:
            os.killpg(process.pid, 15)
            process.wait(timeout=60)


def wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the server answers."""
    for _ in range(600):
        if process.poll() is not None:
            raise AssertionError(log.read_text(encoding="utf-8", errors="replace")[-3000:])
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise AssertionError(f"no answer: {log.read_text(encoding='utf-8', errors='replace')[-3000:]}")


def post(address: str, body: Any) -> Any:
    request = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.loads(answer.read())


@pytest.mark.prove
def test_a_served_model_answers_with_sparks_probabilities(logged: Logged, tmp_path: Path) -> None:
    with served(logged, tmp_path) as address:
        answer = post(address, {"dataframe_split": frame(logged)})
        served_scores = [row["prediction"] if isinstance(row, dict) else row for row in answer["predictions"]]
        assert served_scores == pytest.approx(logged.scores, abs=1e-12)
        example = json.loads(next(Path(logged.settings.mlflow_artifacts).rglob("serving_input_example.json")).read_text(encoding="utf-8"))
        (alone,) = post(address, example)["predictions"]
        assert 0 < (alone["prediction"] if isinstance(alone, dict) else alone) < 1
        assert math.isfinite(served_scores[0])
