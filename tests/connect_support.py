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

    A classic and a Connect session cannot share a process. AssertionError with the report where one fails, or is skipped
    for another reason than that the public data is not there.
    """
    report = folder / "connect.xml"
    options = ["-q", "-p", "no:cacheprovider", "--tb=short", f"--junitxml={report}", "-m", "spark and not prove"]
    command = [sys.executable, "-m", "pytest", *options, *(str(TESTS / "unit" / name) for name in names)]
    environment = {**os.environ, "GRIDLENS_TEST_REMOTE": "local[2]"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=TESTS.parent, env=environment, timeout=timeout, check=False)
    assert report.exists(), done.stderr[-2000:]
    (suite,) = ET.parse(report).getroot().iter("testsuite")
    cases = list(suite.iter("testcase"))
    without_data = [case for case in cases for skip in case.iter("skipped") if "public data is not there" in skip.get("message", "")]
    failed = [case.get("name") for case in cases if len(case) and case not in without_data]
    assert not failed, f"{failed}: {done.stdout[-6000:]}"
    return len(cases) - len(without_data)
