"""The bounds of the checks in context are data: those that come with gridlens, one's own, and mistakes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from gridlens.conffiles import packaged
from gridlens.errors import DefinitionError
from gridlens.quality.context_definition import load_context
from gridlens.quality.opinions import FLATLINE, OpinionSettings, examine

PACKAGED = packaged() / "checks" / "context.yml"


def changed(folder: Path, old: str, new: str) -> Path:
    text = PACKAGED.read_text(encoding="utf-8")
    assert old in text
    (folder / "context.yml").write_text(text.replace(old, new), encoding="utf-8")
    return folder / "context.yml"


def test_the_packaged_bounds_are_the_defaults_of_the_kernels() -> None:
    assert asdict(load_context(PACKAGED).bounds) == asdict(OpinionSettings())


def test_own_bounds_object_otherwise_and_have_another_fingerprint(tmp_path: Path) -> None:
    own = load_context(changed(tmp_path, "flatline_days: 7", "flatline_days: 3"))
    days = np.array([1.0, 2.0, 2.0, 2.0, 3.0]).reshape(1, 5, 1)
    nothing = np.full((1, 5), np.nan)
    found = [
        examine(days, np.zeros((1, 5), dtype=int), nothing, nothing, minutes=1440, settings=checks.bounds)[0]
        for checks in (load_context(PACKAGED), own)
    ]
    assert [(opinion == FLATLINE).sum() for opinion in found] == [0, 3]
    assert own.fingerprint != load_context(PACKAGED).fingerprint


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("flatline_days: 7", "flatline_days: 40", "line 8: field flatline_days: expected less than or equal to 31"),
        ("zero_hours: 48", "zero_hours: 48\nzero_hour: 48", "line [0-9]+: field zero_hour: is unknown"),
        ("scale_to_register: true", "", "scale_to_register"),
    ],
)
def test_a_mistake_names_file_line_and_field(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    with pytest.raises(DefinitionError, match=r"context\.yml.*" + sentence):
        load_context(changed(tmp_path, old, new))
