"""Tags whose current values were lost are computed again, though the run log says that everything stands."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from audience_world import ACCOUNTS, AS_OF, KNOWN_AT, feature_rows, write_conf
from delta_files import rows
from delta_writer import put
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.tag import TAG_CATALOGUE, TAG_CURRENT, TAG_VALUE
from gridlens.pipelines.options import TagOptions
from gridlens.pipelines.tags import run_tags
from gridlens.settings import load_settings
from pyspark.sql import SparkSession


@pytest.mark.prove
@pytest.mark.spark
def test_lost_values_are_made_up_for(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    write_conf(tmp_path / "conf")
    settings = load_settings("local", tmp_path / "conf", {"root_dir": str(tmp_path / "gridlens")})
    told = [{**row, "is_open": n % 3 > 0, "arrears_amount": float(n % 2)} for n, row in enumerate(feature_rows(AS_OF, KNOWN_AT))]
    put(settings, ACCOUNT_FEATURE, told)
    gold = Path(settings.warehouse) / "gold"

    def run() -> tuple[int, bool]:
        done = run_tags(spark, settings, TagOptions(), say=lambda text: None)
        return done.computed, done.nothing_new

    def written() -> dict[str, list[str]]:
        return {t.name: sorted(repr(sorted(row.items())) for row in rows(gold / t.name)) for t in (TAG_CURRENT, TAG_VALUE, TAG_CATALOGUE)}

    assert run() == (3, False)
    before = written()
    assert len(before[TAG_CURRENT.name]) == ACCOUNTS
    holding = sum(row["is_open"] for row in told) + sum(row["arrears_amount"] > 0 for row in told)
    assert len(before[TAG_VALUE.name]) >= holding
    assert run() == (0, True)

    shutil.rmtree(gold / TAG_CURRENT.name)
    assert run() == (3, False)
    assert written() == before
    assert run() == (0, True)
