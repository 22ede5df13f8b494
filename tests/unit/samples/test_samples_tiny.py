"""A province so small that nothing happens in it still has every file that its definition names."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import yaml
from gridlens.samples.province import write_province
from pyspark.sql import SparkSession

DEFINITION = Path(__file__).resolve().parents[3] / "conf" / "sources" / "province.yml"


@pytest.mark.spark
def test_every_source_of_the_definition_has_a_file(spark: SparkSession, tmp_path: Path) -> None:
    write_province(spark, tmp_path / "tiny", accounts=3, months=2, curve_days=1, end_date=dt.date(2026, 3, 31), seed=1)
    sources = yaml.safe_load(DEFINITION.read_text("utf-8"))["sources"]
    assert len(sources) > 10
    found = {source["path"]: sorted((tmp_path / "tiny").glob(source["path"])) for source in sources}
    assert [path for path, files in found.items() if not files] == []
    (outages,) = found["outage_event/*.csv"]
    assert len(outages.read_text("utf-8").splitlines()) == 1, "a header alone"
