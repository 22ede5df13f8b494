"""Every unit test that uses a session, on Spark Connect."""

from __future__ import annotations

from pathlib import Path

import pytest
from connect_support import TESTS, on_connect

ELSEWHERE = {"test_connect.py"}
"""What starts Connect itself."""


@pytest.mark.prove
@pytest.mark.spark
@pytest.mark.timeout(3600)
def test_what_uses_a_session_runs_on_spark_connect(tmp_path: Path) -> None:
    names = sorted(path.name for path in (TESTS / "unit").iterdir() if path.suffix in ("", ".py") and path.name not in ELSEWHERE)
    assert on_connect([name for name in names if not name.startswith("_")], tmp_path, timeout=3500) > 250
