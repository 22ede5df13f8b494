"""The segments job on a warehouse of planted customers: found, named, kept over months, recognised after a new fit."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from delta_writer import put
from gridlens.cli import main
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.segment import LARGE_CUSTOMER, SEGMENT, SEGMENT_PROFILE, SEGMENTATION, SMALL_CUSTOMER
from gridlens.settings import Settings
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession
from sklearn.metrics import adjusted_rand_score

FIRST, SECOND, THIRD = dt.date(2026, 1, 31), dt.date(2026, 2, 28), dt.date(2026, 3, 31)
KINDS, EACH = 3, 20
DEFINITION = """\
segmentations:
  - id: shape
    name_zh: 形态
    name_en: Shape
    description: Shapes of days, for the test
    population: is_open
    components: 3
    k: [2, 3]
    seed: 7
    features:
      - {id: day, profile: profile_working_kw, scale: none}
    phrases:
      - {expression: deep_night_ratio, high: {zh: 夜间, en: night}, low: {zh: 非夜间, en: no nights}}
      - {expression: evening_ratio, high: {zh: 傍晚, en: evening}, low: {zh: 非傍晚, en: no evenings}}
"""

pytestmark = pytest.mark.spark


def planted(as_of: dt.date, moved: int = 0) -> list[dict[str, Any]]:
    """Three kinds of days, 20 accounts each, the first ``moved`` of the first kind as the second; one without a curve, one closed."""
    random = np.random.default_rng(as_of.toordinal())
    hours = np.arange(24)
    rows = []
    for i in range(KINDS * EACH + 2):
        kind = i % KINDS
        kind = 1 if kind == 0 and i < moved * KINDS else kind
        peak = (2, 12, 20)[kind]
        profile = (1 + 4 * np.exp(-(((hours - peak) / 3) ** 2))) * np.exp(random.normal(0, 0.05, 24)) * (i + 1)
        rows.append(
            {
                "account_id": f"{i:04d}",
                "as_of": as_of,
                "known_at": dt.datetime.combine(as_of, dt.time(16), dt.UTC) + dt.timedelta(days=1),
                "is_open": i != KINDS * EACH + 1,
                "profile_working_kw": None if i == KINDS * EACH else profile.tolist(),
                "deep_night_ratio": float(profile[:5].mean() / profile.mean()),
                "evening_ratio": float(profile[18:22].mean() / profile.mean()),
                "category": "large_industrial" if kind == 1 else "commercial",
                "voltage_level": "10kV" if kind == 1 else "0.38kV",
                "contract_capacity_kva": 100.0 * (i + 1) if kind == 1 else 50.0,
                "bill_count_365d": 12,
                "bill_amount_365d": 1000.0 * i,
            }
        )
    return rows


def rows_of(spark: SparkSession, settings: Settings, table: Any, as_of: dt.date) -> list[dict[str, Any]]:
    rows = Warehouse(spark, settings).read(table).where(f"as_of = DATE'{as_of}'").drop("known_at")
    return [row.asDict(recursive=True) for row in rows.collect()]


def segments(spark: SparkSession, settings: Settings, as_of: dt.date) -> dict[str, str | None]:
    return {row["account_id"]: row["segment_id"] for row in rows_of(spark, settings, SEGMENT, as_of)}


def test_segments_over_three_months(spark: SparkSession, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conf = tmp_path / "conf"
    (conf / "segments").mkdir(parents=True)
    for name in ("daily_rhythm.yml", "load_shape.yml", "service_behaviour.yml"):  # the packaged ones give way
        (conf / "segments" / name).write_text("segmentations: []\n", encoding="utf-8")
    (conf / "segments" / "shape.yml").write_text(DEFINITION, encoding="utf-8")
    root = ["--root-dir", settings.root_dir, "--conf", str(conf)]

    assert main(["segments", "run", *root]) == 3
    assert "gridlens features" in capsys.readouterr().err
    for as_of, moved in ((FIRST, 0), (SECOND, 1), (THIRD, 1)):
        put(settings, ACCOUNT_FEATURE, planted(as_of, moved))

    assert main(["segments", "run", "--as-of", str(FIRST), *root]) == 0
    first = segments(spark, settings, FIRST)
    truth = [int(a) % KINDS for a, s in sorted(first.items()) if s]
    assert adjusted_rand_score(truth, [s for _, s in sorted(first.items()) if s]) == 1
    assert {s for s in first.values() if s} == {"shape-01", "shape-02", "shape-03"}
    out = {row["account_id"]: row["left_out"] for row in rows_of(spark, settings, SEGMENT, FIRST) if row["left_out"]}
    assert out == {"0060": "missing: day", "0061": "population"}
    (made,) = rows_of(spark, settings, SEGMENTATION, FIRST)
    assert (made["k"], made["accounts"], made["clustered"], made["why_fitted"]) == (3, 62, 60, "first run")
    assert made["stability"] == 1
    assert json.loads(made["left_out"]) == {"missing: day": 1, "population": 1}
    assert len(json.loads(made["candidates"])) == 6
    profiles = {row["segment_id"]: row for row in rows_of(spark, settings, SEGMENT_PROFILE, FIRST)}
    assert len({row["name_en"] for row in profiles.values()}) == 3
    assert profiles[first["0000"]]["name_en"].startswith("night"), "the first kind peaks at two o'clock"
    for identity, row in profiles.items():
        assert row["accounts"] == EACH
        assert first[row["typical_account"]] == identity

    capsys.readouterr()
    assert main(["segments", "run", "--as-of", str(FIRST), "--json", *root]) == 0
    assert json.loads(capsys.readouterr().out)["nothing_new"] is True

    assert main(["segments", "run", "--as-of", str(SECOND), *root]) == 0
    second = segments(spark, settings, SECOND)
    changed = {a for a in first if first[a] != second[a]}
    assert changed == {"0000"}, "the centres stayed, one account moved"
    (kept,) = rows_of(spark, settings, SEGMENTATION, SECOND)
    assert (kept["why_fitted"], kept["fitted_as_of"]) == (None, FIRST)
    both = [a for a in sorted(first) if first[a]]
    assert kept["agreement"] == pytest.approx(adjusted_rand_score([first[a] for a in both], [second[a] for a in both]))

    assert main(["segments", "run", "--refit", *root]) == 0
    assert segments(spark, settings, THIRD) == second, "fitted anew, the same customers keep their segments' ids"
    again = {row["segment_id"]: row for row in rows_of(spark, settings, SEGMENT_PROFILE, THIRD)}
    assert {(i, row["name_zh"], row["continuity"]) for i, row in again.items()} == {
        (i, row["name_zh"], "matched") for i, row in profiles.items()
    }
    assert main(["segments", "run", "--as-of", str(FIRST), *root]) == 2
    assert "cannot be put before it" in capsys.readouterr().err

    assert len(rows_of(spark, settings, LARGE_CUSTOMER, THIRD)) == EACH + 1
    assert main(["segments", "large", "--limit", "3", "--json", *root]) == 0
    assert [row["rank"] for row in json.loads(capsys.readouterr().out)] == [1, 2, 3]
    assert main(["segments", "small", "--by", "need,industry", "--json", *root]) == 0
    counted = json.loads(capsys.readouterr().out)
    assert sum(row["accounts"] for row in counted) == len(rows_of(spark, settings, SMALL_CUSTOMER, THIRD)) > 0
    assert main(["segments", "show", "shape", "--json", *root]) == 0
    assert [row["accounts"] for row in json.loads(capsys.readouterr().out)["segments"]] == [21, 20, 19]
    assert main(["segments", "show", "shpe", *root]) == 2
    assert "did you mean shape?" in capsys.readouterr().err
