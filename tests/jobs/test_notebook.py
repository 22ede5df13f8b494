"""The notebook runs end to end as plain Python, and holds nothing that only one platform understands."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import yaml
from audience_world import write_conf
from gridlens.contracts.account_feature import ACCOUNT_FEATURE, TOLD_BY
from gridlens.contracts.gold import LOAD_SHAPE_MONTH
from gridlens.contracts.silver import ACCOUNT_TABLE, METERING_POINT
from gridlens.settings import load_settings
from gridlens.warehouse import Warehouse
from matplotlib.figure import Figure
from notebook_shim import run_notebook
from pyspark.sql import SparkSession

PROJECT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.py"))
FEW = {"customer", "supply_point", "meter_interval"}
FIRST = next(path for path in NOTEBOOKS if path.name.startswith("01_"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_a_portable_databricks_source(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith("# Databricks notebook source\n")
    cells = text.split("\n# COMMAND ----------\n")
    assert len(cells) > 3
    assert not re.search(r"^\s*%|%run|dbutils\.fs|sys\.path", text, re.MULTILINE)
    for cell in cells:
        ast.parse(cell)
        lines = [line for line in cell.strip().splitlines() if not line.startswith("# Databricks")]
        assert all(line.startswith("# MAGIC") for line in lines) or not any(line.startswith("# MAGIC") for line in lines), cell
    widgets = set(re.findall(r'widgets\.text\("(\w+)"', text))
    assert set(re.findall(r'widgets\.get\("(\w+)"', text)) <= widgets


def with_few_definitions(folder: Path) -> Path:
    """A configuration folder with the few sources that the pictures need, and few tags and audiences: each further one takes seconds."""
    folder.mkdir()
    write_conf(folder)
    for kind, under in (("segments", "segmentations"), ("associations", "baskets")):
        (folder / kind).mkdir()
        for file in (PROJECT / "conf" / kind).glob("*.yml"):
            (folder / kind / file.name).write_text(f"{under}: []\n", encoding="utf-8")
    whole = yaml.safe_load((PROJECT / "conf" / "sources" / "province.yml").read_text("utf-8"))["sources"]
    (folder / "sources").mkdir()
    text = yaml.safe_dump({"sources": [source for source in whole if source["entity"] in FEW]}, allow_unicode=True)
    (folder / "sources" / "few.yml").write_text(text, encoding="utf-8")
    return folder


def profiles_of(warehouse: Warehouse) -> pd.DataFrame:
    """The notebook's last table by pandas, from the latest version of every point and account."""
    month = warehouse.read(LOAD_SHAPE_MONTH).where("channel = '1.8.0' AND local_month = DATE'2026-03-01' AND mean_kw > 0").toPandas()
    latest = [
        warehouse.read(table).toPandas().sort_values(["valid_from", "known_from", "_content_hash"]).groupby(key).last().reset_index()
        for table, key in ((METERING_POINT, "metering_point_id"), (ACCOUNT_TABLE, "account_id"))
    ]
    kinds = latest[0][["metering_point_id", "account_id"]].merge(latest[1][["account_id", "category"]], on="account_id")
    used = month[month.profile_working_kw.notna()].merge(kinds, on="metering_point_id")
    rows = []
    for category, group in used.groupby("category"):
        row: dict[str, object] = {"category": category, "points": len(group)}
        for days in ("working", "nonworking"):
            pairs = zip(group[f"profile_{days}_kw"], group.mean_kw, strict=True)
            curves = [np.full(24, np.nan) if curve is None else np.array(curve, float) / mean for curve, mean in pairs]
            row |= {f"{days}_{hour:02d}": value for hour, value in enumerate(np.nanmean(curves, axis=0))}
        rows.append(row)
    return pd.DataFrame(rows)


def assert_nothing_is_said_of_what_was_never_loaded(warehouse: Warehouse) -> None:
    """These sources have no bills, payments or contacts: nobody is in arrears, nobody is silent, nothing is known."""
    features = warehouse.read(ACCOUNT_FEATURE).toPandas()
    assert (features.days_known_90d > 0).any()
    assert len(TOLD_BY) > 80
    assert {name for name in TOLD_BY if features[name].notna().any()} == set()


@pytest.mark.spark
def test_from_the_meter_to_a_picture(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mpl.use("Agg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRIDLENS_CONF", str(with_few_definitions(tmp_path / "conf")))
    given = {"root": str(tmp_path / "here"), "accounts": "30", "months": "2", "curve_days": "10", "as_of": "2026-03-31"}
    shown = run_notebook(FIRST, spark, sources="few.yml", **given)
    accounts, broken, shapes, profiles, figure = shown
    assert set(accounts.entity) == FEW
    assert (accounts.row_count == accounts.accepted + accounts.superseded + accounts.duplicate + accounts.quarantined).all()
    assert isinstance(broken, pd.DataFrame)
    assert 0 < shapes.count() <= 20
    warehouse = Warehouse(spark, load_settings("local", overrides={"root_dir": str(tmp_path / "here")}))
    pd.testing.assert_frame_equal(profiles, profiles_of(warehouse), rtol=1e-9, check_dtype=False)
    assert_nothing_is_said_of_what_was_never_loaded(warehouse)
    assert isinstance(figure, Figure)
    drawn = [line.get_ydata() for line in figure.axes[0].lines]
    assert len(drawn) == len(profiles)
    assert np.isfinite(np.array(drawn)).all()
    assert {path.name for path in tmp_path.iterdir()} == {"here", "conf"}
