"""A company without interval readings: the whole run on registers and bills."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
import yaml
from delta_files import rows
from gridlens.cli import main
from gridlens.pipelines.features import run_features
from gridlens.pipelines.ingest import run_ingest
from gridlens.pipelines.moments import knowledge_of_day
from gridlens.pipelines.options import FeatureOptions, IngestOptions, SampleOptions
from gridlens.pipelines.sample import run_sample
from gridlens.settings import Settings, load_settings
from pyspark.sql import SparkSession

CONF = Path(__file__).resolve().parents[2] / "conf"

pytestmark = [pytest.mark.prove, pytest.mark.spark]


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What the summary says of each job that has something to say of what it found."""
    lines = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines() if re.match(r"\w+ +(yes|no) +\S", line)]
    return {job: found for job, _, found in lines}


def test_the_whole_run_without_curves_and_on_bills_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "gridlens"
    run = ["run", "--accounts", "40", "--months", "4", "--curve-days", "0", "--end-date", "2026-03-31", "--root-dir", str(root)]
    assert main(run) == 0
    found = said(capsys)
    assert "264 of 264" in found["tags"]
    assert "edges" in found["graph"]
    assert "margin" in found["value"]
    assert "events" in found["trajectory"]
    assert "audiences of" in found["audiences"]
    assert not (root / "warehouse" / "silver" / "interval_day").exists()
    features = rows(root / "warehouse" / "gold" / "account_feature_v1")
    assert {str(row["as_of"]) for row in features} == {"2026-03-31"}
    assert sum(row["energy_kwh_90d"] is not None for row in features) > 30
    assert all(row["load_factor"] is None for row in features)
    assert len(rows(root / "warehouse" / "gold" / "tag_current_v1")) == len(features) >= 40
    assert main(run) == 0
    assert "nothing new at the sources; all that was computed stands" in capsys.readouterr().err

    declared = yaml.safe_load((CONF / "sources" / "province.yml").read_text(encoding="utf-8"))["sources"]
    money = [source for source in declared if source["name"] in ("province_customers", "province_bills", "province_payments")]
    (tmp_path / "bills.yml").write_text(yaml.safe_dump({"sources": money}), encoding="utf-8")
    alone = tmp_path / "bills"
    assert main(["run", "--sources", str(tmp_path / "bills.yml"), "--root", str(root / "sample"), "--root-dir", str(alone)]) == 0
    found = said(capsys)
    assert "264 of 264" in found["tags"]
    assert "metering_point, of which nothing was loaded yet" in found["churn"]
    features = rows(alone / "warehouse" / "gold" / "account_feature_v1")
    bills = rows(alone / "warehouse" / "silver" / "bill")
    assert {str(row["as_of"]) for row in features} == {str(max(row["issued_on"] for row in bills))}
    assert sum(row["bill_count_365d"] > 0 for row in features) > 30


def test_a_changed_calendar_or_another_day_is_something_new(spark: SparkSession, tmp_path: Path) -> None:
    settings = load_settings("local", overrides={"root_dir": str(tmp_path / "gridlens")})
    run_sample(spark, settings, SampleOptions(accounts=40, months=4, curve_days=0, end_date=dt.date(2026, 3, 31)))
    run_ingest(spark, settings, IngestOptions(), say=lambda _: None)
    known = knowledge_of_day(dt.date(2026, 3, 31), settings)

    def new(day: int, used: Settings = settings) -> bool:
        options = FeatureOptions(as_of=dt.date(2026, 3, day), known_at=known)
        return not run_features(spark, used, options, say=lambda _: None).nothing_new

    assert [new(31), new(31), new(30), new(30)] == [True, False, True, False]
    assert new(30, settings.model_copy(update={"calendar": "US"}))
