"""A real Spark cluster on loopback: the pip pyspark's standalone master and workers, stopped whatever happens."""

from __future__ import annotations

import json
import os
import re
import signal
import site
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyspark

BIN = Path(pyspark.__file__).parent / "bin"
START_SECONDS = 60


@dataclass(frozen=True)
class Cluster:
    """A running master: its URL, the address of its JSON page, and the Python that jobs run with."""

    url: str
    page: str
    python: Path
    folder: Path

    def state(self) -> dict:
        """What the master says of workers and applications."""
        with urllib.request.urlopen(f"{self.page}/json/", timeout=10) as answer:
            return json.load(answer)

    def submit(self, script: Path, *arguments: str, archive: Path, jars: list[Path], conf: dict[str, str], timeout: int = 500) -> str:
        """Runs a script by spark-submit and gives what it printed; AssertionError with the log's end where it fails."""
        options = [f"--conf={key}={value}" for key, value in conf.items()]
        paths = ["--py-files", str(archive), "--jars", ",".join(map(str, jars))]
        command = [str(BIN / "spark-submit"), "--master", self.url, *paths, *options, str(script), *arguments]
        log = self.folder / f"{script.stem}.log"
        with log.open("w", encoding="utf-8") as errors:
            process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=_environment(self.python),
                cwd=self.folder,
                start_new_session=True,
            )
            try:
                told, _ = process.communicate(timeout=timeout)
            finally:
                stop(process)
        assert process.returncode == 0, f"{script.name} ended with {process.returncode}: {log.read_text('utf-8')[-3000:]}"
        return told


@contextmanager
def standalone(folder: Path, *, workers: int = 2, memory: str = "1g") -> Iterator[Cluster]:
    """A master and ``workers`` workers of one core each on free ports of 127.0.0.1; all of them end with the block."""
    folder.mkdir(parents=True, exist_ok=True)
    python = _python_without_gridlens(folder)
    processes: list[subprocess.Popen] = []
    try:
        log = folder / "master.log"
        processes.append(_start("master.Master", log, "--host", "127.0.0.1", "--port", "0", "--webui-port", "0", python=python))
        url = _logged(log, r"Starting Spark master at (spark://\S+)", processes[0])
        page = _logged(log, r"MasterWebUI.*started at (http://\S+)", processes[0]).rstrip("/")
        cluster = Cluster(url, page, python, folder)
        for number in range(workers):
            place = ["--work-dir", str(folder / f"worker{number}")]
            ports = ["--host", "127.0.0.1", "--port", "0", "--webui-port", "0"]
            size = ["--cores", "1", "--memory", memory]
            processes.append(_start("worker.Worker", folder / f"worker{number}.log", *ports, *place, *size, url, python=python))
        _wait_for_workers(cluster, workers)
        yield cluster
    finally:
        for process in reversed(processes):
            stop(process)


def stop(process: subprocess.Popen) -> None:
    """Ends a process and its whole group (executors are children of their worker)."""
    for signal_number, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal_number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            if signal_number is signal.SIGKILL:
                return


def left_running(folder: Path) -> list[str]:
    """Processes that still work below ``folder``: master, workers, executors and drivers all do."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if Path(os.readlink(entry / "cwd")).is_relative_to(folder):
                found.append((entry / "cmdline").read_text("utf-8", errors="replace").replace("\0", " "))
    return found


def _python_without_gridlens(folder: Path) -> Path:
    """This Python with its packages but without ``.pth`` files, so that gridlens comes from the archive or not at all."""
    python = folder / "python"
    packages = ":".join(site.getsitepackages())
    python.write_text(f'#!/bin/sh\nPYTHONPATH="${{PYTHONPATH:+$PYTHONPATH:}}{packages}" exec {sys.executable} -S "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    return python


def _environment(python: Path) -> dict[str, str]:
    left_out = ("PYSPARK_", "SPARK_", "GRIDLENS_", "PYTHONPATH")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(left_out)}
    return {**kept, "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": str(python), "SPARK_NO_DAEMONIZE": "1"}


def _start(role: str, log: Path, *arguments: str, python: Path) -> subprocess.Popen:
    command = [str(BIN / "spark-class"), f"org.apache.spark.deploy.{role}", *arguments]
    with log.open("w", encoding="utf-8") as target:
        return subprocess.Popen(
            command,
            stdout=target,
            stderr=subprocess.STDOUT,
            env={**_environment(python), "SPARK_DAEMON_MEMORY": "256m"},
            cwd=log.parent,
            start_new_session=True,
        )


def _logged(log: Path, pattern: str, process: subprocess.Popen) -> str:
    """The group of ``pattern`` as soon as the log holds it."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(pattern, log.read_text("utf-8", errors="replace"))
        if found:
            return found.group(1)
        time.sleep(0.1)
    raise AssertionError(f"no {pattern} in {log}: {log.read_text('utf-8')[-2000:]}")


def _wait_for_workers(cluster: Cluster, workers: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if sum(worker["state"] == "ALIVE" for worker in cluster.state()["workers"]) == workers:
            return
        time.sleep(0.2)
    raise AssertionError(f"not {workers} workers after {START_SECONDS} s: {cluster.state()['workers']}")
