"""The explanation of a tag on the console."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from gridlens.reports.explanation import print_explanation
from gridlens.tags.explanation import Explanation

DAY, KNOWN = dt.date(2026, 3, 31), dt.datetime(2026, 4, 1, tzinfo=dt.UTC)
TOLD = Explanation("A1", "large_user", "大户", "energy_kwh_90d > 900", "", 1, True, DAY, KNOWN, None, DAY, False, (), ())


def test_a_definition_that_has_changed_since_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    print_explanation(TOLD)
    assert "has changed" not in capsys.readouterr().out
    print_explanation(replace(TOLD, outdated=True))
    said = " ".join(capsys.readouterr().out.split())
    assert "The definition has changed since the value was computed" in said
    assert "run `gridlens tags run --changed`" in said
