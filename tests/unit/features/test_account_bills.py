"""What an account's bills say, on cases with a name and against pandas."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from gridlens.contracts.account_money import BILL_FEATURES
from gridlens.contracts.silver import SILVER
from gridlens.features.account_bills import bill_features
from pyspark.sql import SparkSession

AS_OF = dt.date(2026, 3, 31)
DAY = dt.timedelta(days=1)
BILL = "bill_id string, account_id string, period_end date, issued_on date, quantity_kwh decimal(18,3), amount decimal(18,2)"
ITEM = "bill_id string, kind string, quantity decimal(18,3), charge decimal(18,2)"
PERIODS = ("energy_sharp", "energy_peak", "energy_flat", "energy_valley", "energy_deep_valley")
TIERS = ("energy_tier_1", "energy_tier_2", "energy_tier_3")
NAMES = [f.name for f in BILL_FEATURES]
NEVER_NULL = [f.name for f in BILL_FEATURES if f.null is None]


def bill(account: str, end: dt.date, amount: float, kwh: float = 100, *, issued: dt.date | None = None, suffix: str = "") -> tuple:
    return f"{account} {end}{suffix}", account, end, issued or end, Decimal(str(kwh)), Decimal(str(amount))


def back(days: int) -> dt.date:
    return AS_OF - days * DAY


def monthly(account: str, first: int, amounts: list[float], kwh: float = 100) -> list[tuple]:
    """Bills every 30 days, the latest of them ``first`` days before AS_OF; ``amounts`` from the latest backwards."""
    return [bill(account, back(first + 30 * k), amount, kwh) for k, amount in enumerate(amounts)]


def item(of: tuple, kind: str, quantity: float | None, charge: float) -> tuple:
    return of[0], kind, None if quantity is None else Decimal(str(quantity)), Decimal(str(charge))


def computed(spark: SparkSession, bills: list[tuple], items: list[tuple]) -> dict[str, dict[str, Any]]:
    """Features by account; fails where an account has two rows."""
    rows = bill_features(spark.createDataFrame(bills, BILL), spark.createDataFrame(items, ITEM), as_of=AS_OF).collect()
    found = {row["account_id"]: row.asDict() for row in rows}
    assert len(found) == len(rows)
    return found


@pytest.fixture(scope="module")
def found(spark: SparkSession) -> dict[str, dict[str, Any]]:
    """The named cases, in one job."""
    rich = bill("rich", back(10), 1000, 800)
    richer = bill("rich", back(40), 500, 0)
    old = bill("rich", back(400), 70, 100)
    bills = [
        *[bill("edges", day, amount) for day, amount in ((AS_OF, 1), (back(364), 2), (back(365), 4), (back(729), 8), (back(730), 16))],
        *monthly("nine before", 0, [110.0] * 12, kwh=110),
        *monthly("nine before", 365, [100.0] * 8),
        bill("nine before", back(729), 100),
        bill("nine before", back(730), 5000),
        *monthly("eight before", 0, [110.0] * 12),
        *monthly("eight before", 365, [100.0] * 8),
        *monthly("credits before", 0, [110.0] * 12),
        *monthly("credits before", 365, [-100.0] * 9),
        bill("left two years ago", back(800), 55, issued=back(790)),
        *monthly("jump", 5, [300.0, 100.0, 100.0, 130.0, 70.0, 100.0]),
        bill("jump", back(5), 999, suffix=" (corrected before)", issued=back(6)),
        *monthly("jump", 5 + 366, [7777.0]),
        *monthly("three bills", 5, [100.0, 100.0, 100.0]),
        *monthly("two bills", 5, [100.0, 200.0]),
        *monthly("net credit", 5, [-10.0, -20.0, 0.0, -5.0, -5.0, -5.0]),
        rich,
        richer,
        old,
        bill("not issued", back(3), 10, issued=AS_OF + DAY),
        bill("not ended", AS_OF + DAY, 10, issued=AS_OF),
    ]
    items = [
        item(rich, "energy_sharp", 100, 90),
        item(rich, "energy_peak", 200, 160),
        item(rich, "energy_flat", 300, 150),
        item(rich, "energy_valley", 150, 45),
        item(rich, "energy_deep_valley", 50, 5),
        item(rich, "demand_charge", 40, 400),
        item(rich, "power_factor_adjustment", None, 30),
        item(rich, "export_credit", 20, -8.5),
        item(richer, "energy_tier_1", 60, 30),
        item(richer, "energy_tier_2", 30, 20),
        item(richer, "energy_tier_3", 10, 9),
        item(richer, "capacity_charge", 10, 200),
        item(richer, "power_factor_adjustment", None, -15),
        item(richer, "adjustment", None, 12),
        item(richer, "adjustment", None, -3),
        item(old, "energy_peak", 5000, 5000),
        item(old, "adjustment", None, 1),
        ("no such bill", "energy_peak", Decimal(1), Decimal(1)),
    ]
    return computed(spark, bills, items)


def test_the_result_is_the_contract(found: dict) -> None:
    assert list(found["edges"]) == ["account_id", *NAMES]
    assert all(row[name] is not None for row in found.values() for name in NEVER_NULL)
    types = {"int": int, "double": float}
    assert all(isinstance(row[f.name], types[f.type]) for row in found.values() for f in BILL_FEATURES if row[f.name] is not None)


def test_the_inputs_are_columns_of_silver() -> None:
    for table, ddl in (("bill", BILL), ("bill_item", ITEM)):
        assert {column.split()[0]: column.split()[1] for column in ddl.split(", ")}.items() <= {
            f.name: f.type for f in SILVER[table].fields
        }.items()


def test_a_year_ends_with_as_of_and_has_365_days(found: dict) -> None:
    assert (found["edges"]["bill_count_365d"], found["edges"]["bill_amount_365d"]) == (2, 3.0)


def test_growth_needs_nine_bills_of_a_positive_total_in_the_year_before(found: dict) -> None:
    grown = found["nine before"]
    assert grown["bill_amount_growth_365d"] == pytest.approx(1320 / 900 - 1)
    assert grown["bill_kwh_growth_365d"] == pytest.approx(1320 / 900 - 1)
    assert grown["average_price_growth_365d"] == pytest.approx(0.0)
    fewer, credits = found["eight before"], found["credits before"]
    assert [fewer[name] for name in NAMES if "growth" in name] == [None] * 3
    assert (credits["bill_amount_growth_365d"], credits["average_price_growth_365d"]) == (None, None)
    assert credits["bill_kwh_growth_365d"] == pytest.approx(1200 / 900 - 1)


def test_an_account_without_a_bill_in_the_year_keeps_its_last_one(found: dict) -> None:
    row = found["left two years ago"]
    assert (row["last_bill_amount"], row["last_bill_days_ago"]) == (55.0, 790)
    assert {row[name] for name in NEVER_NULL} == {0}
    assert {row[name] for name in NAMES if name not in (*NEVER_NULL, "last_bill_amount", "last_bill_days_ago")} == {None}


def test_the_last_bill_stands_against_the_others_of_365_days(found: dict) -> None:
    """Of two bills for the same period the one issued later is the last; the other counts among those before."""
    assert found["jump"]["last_bill_amount"] == 300.0
    assert found["jump"]["last_bill_ratio"] == pytest.approx(300 / np.mean([100, 100, 130, 70, 100, 999]))
    assert found["three bills"]["last_bill_ratio"] is None


def test_variation_needs_three_bills_and_the_highest_ratio_six(found: dict) -> None:
    amounts = [300, 100, 100, 130, 70, 100, 999]
    assert found["jump"]["bill_variation_365d"] == pytest.approx(np.std(amounts) / np.mean(amounts))
    assert found["jump"]["highest_bill_ratio_365d"] == pytest.approx(999 / 100)
    assert (found["three bills"]["bill_variation_365d"], found["three bills"]["highest_bill_ratio_365d"]) == (0.0, None)
    assert found["two bills"]["bill_variation_365d"] is None


def test_an_account_that_is_credited_has_no_ratios(found: dict) -> None:
    row = found["net credit"]
    nothing = ("bill_variation_365d", "last_bill_ratio", "highest_bill_ratio_365d", "demand_charge_share_365d")
    assert {row[name] for name in nothing} == {None}
    assert (row["bill_amount_365d"], row["bill_amount_mean_365d"]) == (-45.0, -7.5)


def test_items_are_read_by_kind_and_only_those_of_the_year(found: dict) -> None:
    row = found["rich"]
    assert row["billed_peak_share_365d"] == pytest.approx(300 / 800)
    assert row["billed_valley_share_365d"] == pytest.approx(200 / 800)
    assert (row["tier_2_share_365d"], row["tier_3_share_365d"]) == (pytest.approx(0.3), pytest.approx(0.1))
    assert row["demand_charge_share_365d"] == pytest.approx(600 / 1500)
    assert row["power_factor_charge_share_365d"] == pytest.approx(15 / 1500)
    assert (row["power_factor_penalties_365d"], row["adjustments_365d"], row["zero_bills_365d"]) == (1, 2, 1)
    assert (row["export_credit_365d"], row["average_price_365d"]) == (8.5, pytest.approx(1500 / 800))


def test_a_bill_without_items_has_no_energy_by_period_or_tier_and_no_demand_charge(found: dict) -> None:
    row = found["three bills"]
    shares = ("billed_peak_share_365d", "billed_valley_share_365d", "tier_2_share_365d", "tier_3_share_365d")
    assert [row[name] for name in shares] == [None] * 4
    assert (row["demand_charge_share_365d"], row["power_factor_charge_share_365d"]) == (0.0, 0.0)
    assert math.copysign(1, row["export_credit_365d"]) == 1


def test_an_account_that_has_future_bills_only_is_absent(found: dict) -> None:
    assert not {"not issued", "not ended"} & set(found)


def random_bills(rng: np.random.Generator) -> tuple[list[tuple], list[tuple]]:
    """Accounts with none to forty bills over four years, and up to eight items on each."""
    bills, items = [], []
    for number in range(25):
        for k in range(rng.integers(1, 40)):
            end = back(int(rng.integers(0, 1200)))
            issued = min(AS_OF, end + int(rng.integers(0, 9)) * DAY)
            amount, kwh = round(float(rng.normal(150, 120)), 2), float(rng.choice([0, 50.125, 300.5, 1000]))
            bills.append(bill(f"account {number}", end, amount, kwh, issued=issued, suffix=f" {k:02}"))
            for kind in rng.choice([*PERIODS, *TIERS, "capacity_charge", "power_factor_adjustment", "export_credit", "adjustment"], 8):
                priced = kind not in ("power_factor_adjustment", "adjustment")
                items.append(item(bills[-1], str(kind), float(rng.integers(0, 500)) if priced else None, round(float(rng.normal(5, 9)), 2)))
    return bills, items


def oracle(bills: list[tuple], items: list[tuple]) -> dict[str, dict[str, float | None]]:
    """The features in pandas, account by account."""
    columns = ["bill_id", "account_id", "end", "issued", "kwh", "amount"]
    b = pd.DataFrame(bills, columns=columns).astype({"kwh": float, "amount": float}).sort_values(["end", "issued", "bill_id"])
    i = pd.DataFrame(items, columns=["bill_id", "kind", "quantity", "charge"]).astype({"quantity": float, "charge": float})
    return {str(account): of_account(own, i[i.bill_id.isin(own.bill_id)]) for account, own in b.groupby("account_id")}


def over(part: float, whole: float, enough: bool = True) -> float | None:
    return part / whole if enough and whole > 0 else None


def of_account(b: pd.DataFrame, i: pd.DataFrame) -> dict[str, float | None]:
    age = b.end.map(lambda end: (AS_OF - end).days)
    y, p, last = b[age < 365], b[(age >= 365) & (age < 730)], b.iloc[-1]
    before = b.iloc[:-1][b.iloc[:-1].end.map(lambda end: (last.end - end).days <= 365)]
    i = i[i.bill_id.isin(y.bill_id)]

    def quantity(*kinds: str) -> float:
        return i[i.kind.isin(kinds)].quantity.sum()

    def charge(*kinds: str) -> float:
        return i[i.kind.isin(kinds)].charge.sum()

    nine = len(p) >= 9
    price = over(y.amount.sum(), y.kwh.sum())
    growth = {"amount": over(y.amount.sum(), p.amount.sum(), nine), "kwh": over(y.kwh.sum(), p.kwh.sum(), nine)}
    price_prior = over(p.amount.sum(), p.kwh.sum(), nine)
    growth["price"] = None if price is None or price_prior is None else over(price, price_prior)
    grown = {name: None if value is None else value - 1 for name, value in growth.items()}
    penalties = i[i.kind == "power_factor_adjustment"].groupby("bill_id").charge.sum().round(2)
    return {
        "bill_count_365d": len(y),
        "bill_amount_365d": y.amount.sum(),
        "bill_kwh_365d": y.kwh.sum(),
        "power_factor_penalties_365d": int((penalties > 0).sum()),
        "export_credit_365d": -charge("export_credit"),
        "adjustments_365d": int((i.kind == "adjustment").sum()),
        "zero_bills_365d": int((y.kwh == 0).sum()),
        "last_bill_amount": last.amount,
        "last_bill_days_ago": (AS_OF - last.issued).days,
        "last_bill_ratio": over(last.amount, before.amount.mean(), len(before) >= 3),
        "bill_amount_mean_365d": y.amount.mean() if len(y) else None,
        "bill_amount_growth_365d": grown["amount"],
        "bill_kwh_growth_365d": grown["kwh"],
        "average_price_growth_365d": grown["price"],
        "bill_variation_365d": over(y.amount.std(ddof=0), y.amount.mean(), len(y) >= 3),
        "highest_bill_ratio_365d": over(y.amount.max(), y.amount.median(), len(y) >= 6),
        "average_price_365d": price,
        "billed_peak_share_365d": over(quantity(*PERIODS[:2]), quantity(*PERIODS)),
        "billed_valley_share_365d": over(quantity(*PERIODS[3:]), quantity(*PERIODS)),
        "tier_2_share_365d": over(quantity(TIERS[1]), quantity(*TIERS)),
        "tier_3_share_365d": over(quantity(TIERS[2]), quantity(*TIERS)),
        "demand_charge_share_365d": over(charge("capacity_charge", "demand_charge"), y.amount.sum()),
        "power_factor_charge_share_365d": over(charge("power_factor_adjustment"), y.amount.sum()),
    }


def test_random_bills_agree_with_pandas_and_later_bills_change_nothing(spark: SparkSession) -> None:
    bills, items = random_bills(np.random.default_rng(20260331))
    expected = oracle(bills, items)
    planted = []
    for account in expected:
        planted.append(bill(account, AS_OF + DAY, 99_999, issued=AS_OF, suffix=" ends tomorrow"))
        planted.append(bill(account, back(1), 99_999, issued=AS_OF + DAY, suffix=" issued tomorrow"))
    later = [item(b, kind, 99_999, 99_999) for b in planted for kind in ("energy_peak", "energy_tier_3", "adjustment")]
    assert_close(computed(spark, [*bills, *planted], [*items, *later]), expected)


def assert_close(found: dict[str, dict[str, Any]], expected: dict[str, dict[str, Any]]) -> None:
    assert found.keys() == expected.keys()
    for account, row in expected.items():
        for name in NAMES:
            value = row[name]
            assert found[account][name] == (None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9)), (account, name)


def test_the_random_bills_give_every_feature_a_value_somewhere() -> None:
    rows = oracle(*random_bills(np.random.default_rng(20260331))).values()
    assert [name for name in NAMES if all(row[name] is None for row in rows)] == []
