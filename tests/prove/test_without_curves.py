"""A company without interval readings: the whole run on registers and bills."""

from __future__ import annotations

from pathlib import Path

import pytest
from delta_files import rows
from gridlens.cli import main

pytestmark = [pytest.mark.prove, pytest.mark.spark]


def test_the_whole_run_without_curves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "gridlens"
    run = ["run", "--accounts", "40", "--months", "4", "--curve-days", "0", "--end-date", "2026-03-31", "--root-dir", str(root)]
    assert main(run) == 0
    assert not (root / "warehouse" / "silver" / "interval_day").exists()
    features = rows(root / "warehouse" / "gold" / "account_feature_v1")
    assert {str(row["as_of"]) for row in features} == {"2026-03-31"}
    assert sum(row["energy_kwh_90d"] is not None for row in features) > 30
    assert all(row["mean_kw"] is None for row in features)
    tags = rows(root / "warehouse" / "gold" / "tag_current_v1")
    assert len(tags) == len(features) >= 40
    assert main(run) == 0
    assert "nothing new at the sources; all that was computed stands" in capsys.readouterr().out
