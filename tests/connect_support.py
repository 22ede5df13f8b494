"""Runs tests of this project again, in a process of its own, on Spark Connect."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

TESTS = Path(__file__).resolve().parent


def on_connect(names: Sequence[str], folder: Path, *, timeout: int) -> int:
    """Runs ``names`` (below tests/unit) on ``remote("local[2]")``; gives how many passed.

    A classic and a Connect session cannot share a process. AssertionError with the report where one fails or is skipped.
    """
    report = folder / "connect.xml"
    options = ["-q", "-p", "no:cacheprovider", "--tb=short", f"--junitxml={report}", "-m", "spark or not spark"]
    command = [sys.executable, "-m", "pytest", *options, *(str(TESTS / "unit" / name) for name in names)]
    environment = {**os.environ, "GRIDLENS_TEST_REMOTE": "local[2]"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=TESTS.parent, env=environment, timeout=timeout, check=False)
    assert report.exists(), done.stderr[-2000:]
    (suite,) = ET.parse(report).getroot().iter("testsuite")
    counts = {name: int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")}
    failed = [case.get("name") for case in suite.iter("testcase") if len(case)]
    assert counts["failures"] == counts["errors"] == counts["skipped"] == 0, f"{failed}: {done.stdout[-6000:]}"
    return counts["tests"]
