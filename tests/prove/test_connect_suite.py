"""Every test of transforms, on Spark Connect."""

from __future__ import annotations

from pathlib import Path

import pytest
from connect_support import on_connect

FRAMES = (
    "test_warehouse.py",
    "test_expressions.py",
    "test_calendars.py",
    "test_export.py",
    "billing",
    "features/test_load_shape_frames.py",
    "fold",
    "ingest",
    "pipelines",
    "quality",
    "samples",
)


@pytest.mark.prove
@pytest.mark.spark
@pytest.mark.timeout(3600)
def test_the_transforms_run_on_spark_connect(tmp_path: Path) -> None:
    assert on_connect(FRAMES, tmp_path, timeout=3500) > 100
