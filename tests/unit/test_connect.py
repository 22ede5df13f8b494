"""A few transforms and the warehouse on Spark Connect; ``make prove`` runs all of them there."""

from __future__ import annotations

from pathlib import Path

import pytest
from connect_support import on_connect

FEW = (
    "test_warehouse.py::test_the_session_is_the_one_asked_for",
    "test_warehouse.py::test_keyed_writes_end_in_what_a_dictionary_holds",
    "fold/test_block_fold.py::test_a_later_piece_corrects_and_a_null_erases_nothing",
    "features/test_load_shape_frames.py::test_without_estimates_gaps_stay_gaps",
)


@pytest.mark.spark
def test_a_few_transforms_run_on_spark_connect(tmp_path: Path) -> None:
    passed = on_connect(FEW, tmp_path, timeout=400)
    assert passed == len(FEW)
