"""A small province, read back with pandas: the files hold together, and are the same however they are made."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import gridlens
import gridlens.conf
import numpy as np
import pandas as pd
import pytest
import yaml
from gridlens.errors import SettingsError
from gridlens.samples import province
from gridlens.samples.province import Summary, write_province
from pyspark.sql import SparkSession

LIBRARY = Path(gridlens.__file__).parent
SOURCES = Path(gridlens.conf.__file__).parent / "sources"
ACCOUNTS = 60


@pytest.fixture(scope="module")
def made(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Summary:
    return write_province(spark, tmp_path_factory.mktemp("province") / "files", accounts=ACCOUNTS)


def lines(folder: Path, kind: str, prefix: str = "") -> list[list[str]]:
    """Data lines of a kind's files, each as its cells (as they stand)."""
    rows = []
    for path in sorted((folder / kind).glob(f"{prefix}*")):
        raw = path.read_bytes()
        text = gzip.decompress(raw).decode("gb18030") if path.suffix == ".gz" else raw.decode("utf-8")
        rows += [line.split(",") for line in text.splitlines()[1:]]
    return rows


def table(folder: Path, kind: str, prefix: str = "") -> pd.DataFrame:
    """Lines of the right number of cells as text columns, header from the first file."""
    first = sorted((folder / kind).glob(f"{prefix}*"))[0]
    raw = first.read_bytes()
    header = (gzip.decompress(raw).decode("gb18030") if first.suffix == ".gz" else raw.decode("utf-8")).splitlines()[0].split(",")
    good = [cells for cells in lines(folder, kind, prefix) if len(cells) == len(header)]
    return pd.DataFrame(good, columns=header)


@pytest.fixture(scope="module")
def folder(made: Summary) -> Path:
    return made.folder


@pytest.fixture(scope="module")
def dirt(folder: Path) -> pd.DataFrame:
    return table(folder, "truth", "dirt-")


@pytest.fixture(scope="module")
def curves(folder: Path, dirt: pd.DataFrame) -> pd.DataFrame:
    """Curves untouched by dirt, as kWh of the day before the multiplier."""
    rows = table(folder, "curves", "curves-")
    keys = set(zip(*[dirt[dirt["table"] == "curves"][c] for c in ("key", "channel", "date")], strict=True))
    clean = [key not in keys for key in zip(rows["计量点编号"], rows["通道"], rows["数据日期"], strict=True)]
    rows = rows[clean]
    power = rows[[f"P{i}" for i in range(1, 97)]].astype(float)
    return rows.assign(kwh=power.sum(axis=1) / 4)[["计量点编号", "通道", "数据日期", "kwh"]]


@pytest.fixture(scope="module")
def readings(folder: Path, dirt: pd.DataFrame) -> pd.DataFrame:
    """Scheduled and exchange readings untouched by dirt, with the day before each."""
    rows = table(folder, "registers", "registers-")
    keys = set(zip(*[dirt[dirt["table"] == "registers"][c] for c in ("key", "channel", "date")], strict=True))
    rows = rows[[key not in keys for key in zip(rows["计量点编号"], rows["通道"], rows["抄表日期"], strict=True)]]
    rows = rows.assign(total=pd.to_numeric(rows["示数总"], errors="coerce"), day=pd.to_datetime(rows["抄表日期"], errors="coerce"))
    return rows[rows["day"] < "2026-04-01"]


@pytest.fixture(scope="module")
def multipliers(folder: Path) -> pd.Series:
    points = table(folder, "supply_point").drop_duplicates("计量点编号").set_index("计量点编号")
    return points["CT变比"].astype(float) * points["PT变比"].astype(float)


def test_register_advance_equals_the_curve(curves: pd.DataFrame, readings: pd.DataFrame) -> None:
    advance = readings.sort_values("day").copy()
    group = advance.groupby(["计量点编号", "表计编号", "通道"])
    advance["kwh_register"] = group["total"].diff()
    advance = advance[group["day"].diff() == pd.Timedelta(days=1)]
    both = curves.merge(advance, left_on=["计量点编号", "通道", "数据日期"], right_on=["计量点编号", "通道", "抄表日期"])
    assert len(both) > 4500
    assert (both["kwh"] - both["kwh_register"]).abs().max() < 0.06  # five rates rounded down to 0.01 kWh, and 96 cells to 0.0001 kW


def test_transformers_measure_their_points_and_losses(folder: Path, curves: pd.DataFrame, multipliers: pd.Series) -> None:
    curves = curves.assign(kwh=curves["kwh"] * curves["计量点编号"].map(multipliers))
    points = table(folder, "supply_point").drop_duplicates("计量点编号").set_index("计量点编号")["台区编号"]
    loss = table(folder, "truth", "transformer-").set_index("transformer_id")
    honest = set(loss[loss["lost_kwh"].astype(float) == 0].index)
    curves["transformer"] = curves["计量点编号"].map(points)
    total = curves["计量点编号"].str.startswith("PT9")
    expected_points = curves[(curves["通道"] == "1.8.0") & ~total].groupby("transformer")["计量点编号"].nunique()
    compared = 0
    for (transformer, _), day in curves[curves["transformer"].isin(honest)].groupby(["transformer", "数据日期"]):
        used = day[(day["通道"] == "1.8.0") & ~total[day.index]]
        whole = day[total[day.index]]
        if len(whole) == 1 and len(used) == expected_points[transformer] and not (day["通道"] == "2.8.0").any():
            assert 1.02 <= whole["kwh"].iloc[0] / used["kwh"].sum() <= 1.05
            compared += 1
    assert compared > 20


def test_bills_are_the_sum_of_their_items_and_the_advance_of_the_register(
    folder: Path, dirt: pd.DataFrame, readings: pd.DataFrame, multipliers: pd.Series
) -> None:
    dirty = set(dirt[dirt["table"].isin(["bill", "bill_item"])]["key"])
    bills = table(folder, "bill", "bill-")
    bills = bills[~bills["bill_id"].isin(dirty) & (bills["bill_id"] != "")].set_index("bill_id")
    items = table(folder, "bill_item", "bill_item-")
    fen = (
        items[~items["bill_id"].isin(dirty)].assign(fen=lambda d: (d["charge"].astype(float) * 100).round()).groupby("bill_id")["fen"].sum()
    )
    expected = (bills["amount"].astype(float) * 100).round()
    assert len(expected) > 1200
    pd.testing.assert_series_equal(fen.reindex(expected.index), expected, check_names=False)
    used = readings[readings["通道"] == "1.8.0"].set_index(["计量点编号", "抄表日期"])
    scheduled = used[used["抄表类型"] == "正常抄表"]
    compared = 0
    for bill in bills.itertuples():
        point, before = f"PT{bill.account_id[2:]}", str(pd.Timestamp(bill.period_start).date() - pd.Timedelta(days=1))
        if (point, before) in scheduled.index and (point, bill.period_end) in scheduled.index:
            first, last = scheduled.loc[(point, before)], scheduled.loc[(point, bill.period_end)]
            if first["表计编号"] == last["表计编号"]:
                kwh = (last["total"] - first["total"]) * multipliers[point]
                assert float(bill.quantity_kwh) == pytest.approx(kwh, abs=0.001 * multipliers[point] + 1e-6)
                compared += 1
    assert compared > 1100


def test_dirt_is_what_truth_says(folder: Path, dirt: pd.DataFrame) -> None:
    count = dirt.groupby(["table", "dirt"]).size()
    for kind, cells in (("curves", 100), ("registers", 13), ("customer", 18), ("payment", 9), ("bill", 11), ("energy_survey", 7)):
        rows = lines(folder, kind, f"{kind}-")
        assert sum(len(row) != cells for row in rows) == count.get((kind, "wrong_columns"), 0), kind
        assert len(rows) - len({",".join(row) for row in rows}) == count.get((kind, "duplicate_row"), 0), kind
        assert len(lines(folder, kind, "resend")) == count.get((kind, "second_file"), 0), kind
        assert len(lines(folder, kind, "late")) == count.get((kind, "correction"), 0), kind
    curves = table(folder, "curves", "curves-")
    assert (curves["通道"] == "9.9.9").sum() == count.get(("curves", "unknown_code"), 0)
    assert curves["计量点编号"].eq("").sum() == count.get(("curves", "missing_key"), 0)
    assert curves["数据日期"].eq("2031-01-01").sum() == count.get(("curves", "future_date"), 0)
    cells = curves[[f"P{i}" for i in range(1, 97)]]
    bad = cells.isin(["--", "abc", "#N/A", "１２"])
    assert bad.to_numpy().sum() == count.get(("curves", "text_cell"), 0)
    assert (cells.eq("").any(axis=1)).sum() == count.get(("curves", "missing_cells"), 0)
    assert (cells.apply(lambda c: c.str.startswith("-") & (c != "--")).any(axis=1)).sum() == count.get(("curves", "negative"), 0)


def test_late_corrections_are_known_later_and_differ(folder: Path) -> None:
    first = table(folder, "curves", "curves-").set_index(["计量点编号", "通道", "数据日期"])
    late = table(folder, "curves", "late-").set_index(["计量点编号", "通道", "数据日期"])
    assert len(late)
    for key, row in late.iterrows():
        before = first.loc[[key]].iloc[0]
        assert row["接收时间"] > before["接收时间"]
        assert float(row["P50"]) == pytest.approx(2 * float(before["P50"]), abs=0.0002)


def test_nobody_is_meant(folder: Path) -> None:
    customers = table(folder, "customer")
    phones, people = customers["联系电话"][customers["联系电话"] != ""], customers[customers["客户性质"] == "个人"]
    assert phones.str.fullmatch(r"100\d{8}").all()
    assert customers["证件号码"][customers["证件号码"] != ""].str.startswith("000000").all()
    assert people["户名"][people["户名"] != ""].str[0].isin(list("样例拟虚仿假")).all()
    assert customers["用电地址"][customers["用电地址"] != ""].str.startswith("虚拟省样例市").all()


def events(folder: Path) -> Iterator[dict[str, str]]:
    for path in sorted((folder / "service_event").glob("*.jsonl")):
        yield from map(json.loads, path.read_text(encoding="utf-8").splitlines())


def test_service_contacts_are_json_with_varied_transcripts(folder: Path) -> None:
    rows = list(events(folder))
    assert len(rows) > 100
    assert len({row["transcript"] for row in rows}) > 0.4 * len({row["event_id"] for row in rows})
    assert {"outage_enquiry", "complaint", "enquiry"} <= {row["kind"] for row in rows}


@pytest.mark.parametrize(
    ("kind", "column", "received"),
    [
        ("payment", "paid_at", "received_at"),
        ("interaction", "occurred_at", "received_at"),
        ("bill", "issued_on", "received_at"),
        ("energy_survey", "surveyed_on", "received_at"),
    ],
)
def test_nothing_is_known_before_it_happens_or_after_the_end(folder: Path, kind: str, column: str, received: str) -> None:
    rows = table(folder, kind)
    happened = pd.to_datetime(rows[column], errors="coerce")
    known = pd.to_datetime(rows[received])
    assert (known >= happened)[happened.notna()].all()
    assert happened.max() < pd.Timestamp("2026-04-01")
    assert known.max() < pd.Timestamp("2026-04-07")


def test_tickets_show_their_end_only_once_they_are_closed(folder: Path) -> None:
    for row in events(folder):
        assert row["closed_at"] is None or row["closed_at"] < row["received_at"]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob("*/*"))}


def test_the_same_files_under_other_spark_settings(spark: SparkSession, made: Summary, tmp_path: Path) -> None:
    key = "spark.sql.execution.arrow.maxRecordsPerBatch"
    before = spark.conf.get(key)
    spark.conf.set(key, "1")
    try:
        write_province(spark, tmp_path / "again", accounts=ACCOUNTS)
    finally:
        spark.conf.set(key, before)
    assert contents(tmp_path / "again") == contents(made.folder)


def test_the_same_rows_on_another_number_of_partitions(
    spark: SparkSession, made: Summary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(province, "DISTRICTS_A_FILE", 1)
    write_province(spark, tmp_path / "split", accounts=ACCOUNTS)
    assert len(list((tmp_path / "split" / "curves").glob("curves-*"))) == 3
    for kind in made.files:
        for prefix in ("", "late", "resend"):
            one, other = lines(made.folder, kind, prefix), lines(tmp_path / "split", kind, prefix)
            if kind == "service_event":
                continue  # JSON lines have no header to leave out; compared below
            assert sorted(one) == sorted(other), (kind, prefix)
    assert sorted(map(str, events(tmp_path / "split"))) == sorted(map(str, events(made.folder)))


def test_a_second_run_does_nothing_and_says_so(spark: SparkSession, made: Summary) -> None:
    before = {path: path.stat().st_mtime_ns for path in made.folder.glob("*/*")}
    again = write_province(spark, made.folder, accounts=ACCOUNTS)
    assert made.written
    assert not again.written
    assert again.bytes == made.bytes
    assert {path: path.stat().st_mtime_ns for path in made.folder.glob("*/*")} == before


def test_a_killed_or_damaged_province_is_made_again(spark: SparkSession, tmp_path: Path) -> None:
    target = tmp_path / "p"
    options = {"accounts": 3, "months": 2, "curve_days": 2}
    write_province(spark, target, **options)  # type: ignore[arg-type]
    wanted = contents(target)
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    (target / "manifest.json").write_text(json.dumps({**manifest, "complete": False}), encoding="utf-8")
    (target / "_staging").mkdir()
    (target / "curves" / "curves-00000.csv").unlink()
    assert write_province(spark, target, **options).written  # type: ignore[arg-type]
    assert contents(target) == wanted
    (target / "registers" / "registers-00000.csv").write_text("cut", encoding="utf-8")
    assert write_province(spark, target, **options).written  # type: ignore[arg-type]
    assert contents(target) == wanted


def test_other_peoples_files_are_left_alone(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(SettingsError, match="no synthetic province has written"):
        write_province(spark, tmp_path, accounts=3)
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "mine"


def test_every_file_has_a_source_and_truth_has_none(folder: Path) -> None:
    sources = yaml.safe_load((SOURCES / "province.yml").read_text(encoding="utf-8"))["sources"]
    kinds = {source["path"].split("/")[0]: source for source in sources}
    assert set(kinds) == {path.name for path in folder.iterdir() if path.is_dir()} - {"truth"}
    for kind, source in kinds.items():
        if source["format"] == "csv":
            named = {spec if isinstance(spec, str) else spec.get("column") for spec in source["columns"].values()}
            assert named - {None} <= set(table(folder, kind).columns), kind
            assert source["known_from"]["column"] in table(folder, kind).columns
    for path in SOURCES.glob("*.yml"):
        assert "truth" not in path.read_text(encoding="utf-8")


def test_nothing_in_the_library_imports_the_samples() -> None:
    outside = [p for p in LIBRARY.rglob("*.py") if "samples" not in p.parts and p.name != "sample.py"]
    assert len(outside) > 20
    assert [p for p in outside if "gridlens.samples" in p.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize(
    ("option", "sentence"), [({"accounts": 0}, "accounts is 0"), ({"months": 1}, "months is 1"), ({"curve_days": 0}, "curve_days is 0")]
)
def test_options_out_of_range_are_refused(spark: SparkSession, tmp_path: Path, option: dict[str, int], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        write_province(spark, tmp_path / "x", **option)  # type: ignore[arg-type]


def test_hidden_causes_show_in_what_happened(folder: Path) -> None:
    bills = table(folder, "truth", "bill-").astype({"p_late": float, "late_days": int})
    risky, safe = bills[bills["p_late"] > 0.3], bills[bills["p_late"] < 0.05]
    assert (risky["late_days"] > 0).mean() > 5 * max((safe["late_days"] > 0).mean(), 0.005)
    assert np.isclose((bills["late_days"] > 0).mean(), bills["p_late"].mean(), atol=0.03)
