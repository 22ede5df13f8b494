"""Tariff files: what ships, what a mistake says, and the rows of the silver table."""

import datetime as dt
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import yaml
from gridlens.billing.book import TariffBook, load_tariffs
from gridlens.billing.periods import QUARTERS, Period, day_codes, range_quarters
from gridlens.billing.prepayment import STATES, prepayment_state
from gridlens.billing.tariff_table import tariff_rows
from gridlens.billing.tariffs import Category, Prepayment, Voltage
from gridlens.contracts.codes import CUSTOMER_CATEGORIES, TARIFF_PERIODS, VOLTAGE_LEVELS
from gridlens.contracts.silver import TARIFF
from gridlens.errors import DefinitionError
from gridlens.features.periods import TariffLookup
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

CONF = Path(__file__).parents[3] / "conf/tariffs"
MONTHS = [dt.date(year, month, 1) for year in range(2023, 2028) for month in range(1, 13)]


@pytest.fixture(scope="module")
def book() -> TariffBook:
    return load_tariffs(CONF)


def test_codes_are_those_of_the_contracts() -> None:
    assert get_args(Period) == TARIFF_PERIODS
    assert get_args(Category) == tuple(CUSTOMER_CATEGORIES)
    assert get_args(Voltage) == tuple(VOLTAGE_LEVELS)


def test_every_category_has_a_tariff_with_prices_from_2023_to_2027(book: TariffBook) -> None:
    assert {defined.value.category for defined in book.tariffs.values()} == set(CUSTOMER_CATEGORIES)
    for tariff_id in book.tariffs:
        for month in MONTHS:
            rates = book.rates(tariff_id, month)
            assert (rates.period_prices[rates.periods] > 0).all()


def test_prices_fall_from_sharp_to_deep_valley(book: TariffBook) -> None:
    for tariff_id in book.tariffs:
        for month in MONTHS:
            prices = book.rates(tariff_id, month).period_prices
            assert (np.diff(prices[prices >= 0]) < 0).all()


def test_a_new_version_changes_the_periods_on_its_first_day(book: TariffBook) -> None:
    lookup = TariffLookup.of(tariff_rows(book).to_dict("records"))

    def noon(tariff: str, day: str) -> str | None:
        (pattern,) = lookup.patterns(np.array([lookup.ids[tariff]]), np.array([day], dtype="datetime64[D]"))
        return TARIFF_PERIODS[lookup.codes[pattern][12 * 4]] if pattern >= 0 else None

    assert noon("industrial_capacity", "2024-05-31") == "peak"
    assert noon("industrial_capacity", "2024-06-01") == "flat"
    assert noon("industrial_capacity", "2025-05-01") == "valley"
    assert noon("industrial_capacity", "2010-05-01") is None, "no tariff yet"
    assert noon("ev_station", "2025-04-01") == "deep_valley"


def test_a_series_of_prices_that_ends_leaves_the_periods_known(book: TariffBook, tmp_path: Path) -> None:
    shutil.copytree(CONF, tmp_path / "cut")
    series = tmp_path / "cut/purchase/agent_purchase.yml"
    told = series.read_text(encoding="utf-8").splitlines()
    kept = [line for line in told if not line.startswith("  ") or line.strip() < "2025-04"]
    series.write_text("\n".join(kept), encoding="utf-8")
    cut = tariff_rows(load_tariffs(tmp_path / "cut"))
    unpriced = cut[cut[[f"price_{period}" for period in TARIFF_PERIODS]].isna().all(axis=1)]
    assert "commercial_tou" in set(unpriced["tariff_id"])
    whole, short = (TariffLookup.of(rows.to_dict("records")) for rows in (tariff_rows(book), cut))
    days = np.array([month.replace(day=15) for month in MONTHS], dtype="datetime64[D]")
    for tariff_id in book.tariffs:
        found = [lookup.codes[lookup.patterns(np.full(len(days), lookup.ids[tariff_id]), days)] for lookup in (whole, short)]
        assert (found[0] == found[1]).all(), tariff_id


def test_a_price_is_purchase_times_ratio_plus_the_rest(book: TariffBook) -> None:
    """commercial_tou, July 2024: purchase 0.4624, ratios 1.72 and 1.2; losses, operation and transmission do not float."""
    purchase = book.purchase["agent_purchase"].value.months["2024-07"]
    rest = Decimal("0.0186") + Decimal("0.0342") + Decimal("0.1987")
    prices = book.rates("commercial_tou", dt.date(2024, 7, 1)).period_prices
    expected = [purchase * Decimal(ratio) + rest for ratio in ("2.064", "1.72", "1", "0.45")]
    assert prices[:4].tolist() == [int((price.quantize(Decimal("1e-6"))) * 10**8) for price in expected]
    assert prices[4] == -1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(1, QUARTERS), st.sampled_from(TARIFF_PERIODS)), min_size=1, unique_by=lambda cut: cut[0]))
def test_ranges_that_divide_a_day_give_every_quarter_its_period(cuts: list[tuple[int, str]]) -> None:
    cuts = sorted(cuts)
    begins = [0, *(end for end, _ in cuts[:-1])]
    ends = [*(end for end, _ in cuts[:-1]), QUARTERS]
    periods: dict = {}
    expected = np.empty(QUARTERS, dtype=object)
    for begin, end, (_, period) in zip(begins, ends, cuts, strict=True):
        periods.setdefault(period, []).append(f"{begin // 4:02d}:{begin % 4 * 15:02d}-{end // 4:02d}:{end % 4 * 15:02d}")
        expected[begin:end] = period
    assert np.array(TARIFF_PERIODS)[day_codes(periods)].tolist() == expected.tolist()


def test_a_range_may_run_over_midnight() -> None:
    assert range_quarters("23:00-01:00").tolist() == [92, 93, 94, 95, 0, 1, 2, 3]


def _at(place: list, value: object) -> Callable[[dict], None]:
    def change(data: dict) -> None:
        for step in place[:-1]:
            data = data[step]
        data[place[-1]] = value

    return change


V, S = ["versions", 0], ["versions", 0, "seasons", 0]
MISTAKES = {
    "overlap": (_at([*S, "periods", "peak"], ["09:00-14:00", "17:00-18:00", "19:00-21:00"]), "periods", "09:00 lies in flat|lies in peak"),
    "gap": (_at([*S, "periods", "peak"], ["10:00-14:00"]), "periods", "no period covers 17:00"),
    "not a range": (_at([*S, "periods", "peak"], ["ten to two"]), "periods", "expected a range such as 08:00-11:00"),
    "not a quarter": (_at([*S, "periods", "peak"], ["10:10-14:00"]), "periods", "in quarter hours"),
    "unknown period": (_at([*S, "periods", "noon"], ["10:00-14:00"]), "noon", "sharp, peak, flat, valley, deep_valley"),
    "month twice": (_at([*S, "months"], [1, 2]), "seasons", "every month from 1 to 12"),
    "month 13": (_at([*S, "months"], [13]), None, r"months\.0: expected .*12"),
    "unknown field": (_at([*V, "colour"], "red"), "colour", "is unknown"),
    "not the first": (_at([*V, "valid_from"], "2023-01-15"), "valid_from", "first day of a month"),
    "versions unsorted": (_at([*V, "valid_from"], "2026-01-01"), "versions", "rising valid_from"),
    "no source": (_at([*V, "sources"], {"periods": "illustrative"}), None, "sources lacks energy"),
    "two prices": (_at([*V, "catalogue"], {"flat": 0.5}), None, "either catalogue"),
    "no ratio": (_at([*V, "components", "ratios"], {"peak": 1.6}), None, "period valley of the seasons has no price"),
    "sharp twice": (_at([*V, "components", "ratios"], {"sharp": 2, "peak": 1.6, "valley": 0.4}), None, "the ratio of sharp in one way"),
    "unknown purchase": (_at([*V, "components", "purchase"], "nobody"), "purchase", "purchase nobody is not defined"),
    "purchase too late": (_at([*V, "valid_from"], "2022-12-01"), "purchase", "begins in 2023-01"),
    "discount on capacity": (
        _at([*V, "basic_charge", "discount"], {"kwh_per_kva": 260, "factor": 0.9}),
        "basic_charge",
        "a discount is for kind demand only",
    ),
    "standard": (_at([*V, "power_factor", "standard"], "0.95"), "standard", "0.90, 0.85, 0.80"),
    "balances": (_at([*V, "prepayment", "warn_balance"], -5), "prepayment", "warn_balance must lie above"),
    "category": (_at(["category"], "palace"), "category", "residential"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_names_file_and_line(mistake: str, tmp_path: Path) -> None:
    change, key, sentence = MISTAKES[mistake]
    shutil.copytree(CONF / "purchase", tmp_path / "purchase")
    data = yaml.safe_load((CONF / "industrial_capacity.yml").read_text(encoding="utf-8"))
    change(data)
    path = tmp_path / "broken.yml"
    path.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), encoding="utf-8")
    with pytest.raises(DefinitionError, match=sentence) as error:
        load_tariffs(tmp_path)
    place, _, _ = str(error.value).partition(": ")
    assert place.startswith(f"{path} line ")
    line = path.read_text(encoding="utf-8").splitlines()[int(place.rsplit(" ", 1)[1]) - 1]
    assert key is None or line.strip(" -").startswith(f"{key}:")


def test_the_same_id_twice_and_a_gap_in_the_months_are_refused(tmp_path: Path) -> None:
    shutil.copytree(CONF, tmp_path / "a")
    shutil.copy(tmp_path / "a/agricultural.yml", tmp_path / "a/zz.yml")
    with pytest.raises(DefinitionError, match=r"zz\.yml line \d+: tariff_id agricultural is already used in .*agricultural\.yml"):
        load_tariffs(tmp_path / "a")
    (tmp_path / "a/zz.yml").unlink()
    gap = "purchase_id: agent_purchase\nsource: illustrative\nmonths: {2023-01: 1, 2023-03: 1}\n"
    (tmp_path / "a/purchase/agent_purchase.yml").write_text(gap)
    with pytest.raises(DefinitionError, match=r"agent_purchase\.yml line 3: field months: 2023-03 does not follow"):
        load_tariffs(tmp_path / "a")
    with pytest.raises(DefinitionError, match="no tariff file"):
        load_tariffs(tmp_path / "nothing")


def test_comments_do_not_change_the_fingerprint_and_figures_do(book: TariffBook, tmp_path: Path) -> None:
    shutil.copytree(CONF, tmp_path / "a")
    farm = tmp_path / "a/agricultural.yml"
    farm.write_text("# another comment\n" + farm.read_text(encoding="utf-8"), encoding="utf-8")
    prices = tmp_path / "a/purchase/agent_purchase.yml"
    prices.write_text(prices.read_text(encoding="utf-8").replace("2023-01: 0.", "2023-01: 0.1"), encoding="utf-8")
    other = load_tariffs(tmp_path / "a")
    changed = {tariff_id for tariff_id in book.tariffs if other.fingerprints[tariff_id] != book.fingerprints[tariff_id]}
    assert changed == {"commercial_tou", "industrial_capacity", "industrial_demand", "ev_station"}


def test_the_row_in_force_gives_the_price_of_any_day(book: TariffBook) -> None:
    rows = tariff_rows(book)
    assert not rows.duplicated(["tariff_id", "valid_from", "month"]).any()
    for tariff_id in book.tariffs:
        for day in (dt.date(2023, 5, 31), dt.date(2023, 6, 1), dt.date(2024, 12, 31), dt.date(2026, 7, 15), dt.date(2027, 12, 1)):
            known = rows[(rows["tariff_id"] == tariff_id) & (rows["month"] == day.month) & (rows["valid_from"] <= day)]
            row = known.loc[known["valid_from"].idxmax()]
            rates = book.rates(tariff_id, day)
            assert [TARIFF_PERIODS.index(period) for period in row["periods"]] == rates.periods.tolist()
            listed = [-1 if row[f"price_{p}"] is None else int(row[f"price_{p}"] * 10**8) for p in TARIFF_PERIODS]
            assert listed == rates.period_prices.tolist()


def test_prepaid_balances() -> None:
    rule = Prepayment(warn_balance=Decimal("30.00"), disconnect_balance=Decimal("0.00"))
    states = prepayment_state(rule, np.array([3000, 2999, 1, 0, -1]))
    assert [STATES[state] for state in states] == ["connected", "warned", "warned", "disconnected", "disconnected"]


def test_the_rows_conform_to_the_contract(spark: SparkSession, book: TariffBook) -> None:
    rows = tariff_rows(book)
    frame = TARIFF.conform(spark.createDataFrame(rows.to_dict("records"), TARIFF.schema))
    assert frame.count() == len(rows)
    assert frame.where("size(periods) <> 96").count() == 0
