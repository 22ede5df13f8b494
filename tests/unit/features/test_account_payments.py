"""How an account pays, on cases with a name and against plain Python."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from account_payment_oracle import AS_OF, ZONE, back, bill, in_question, oracle, pay, random_ledger, reverse, settled_on
from gridlens.contracts.account_money import COUNTER_CHANNELS, DIGITAL_CHANNELS, PAYMENT_FEATURES
from gridlens.contracts.codes import PAYMENT_CHANNELS
from gridlens.contracts.silver import SILVER
from gridlens.features.account_payments import bill_settlement, payment_features, payment_ledger
from pyspark.sql import DataFrame, SparkSession

UNTIL = dt.datetime(2026, 3, 31, 16, tzinfo=dt.UTC)
BILL = "bill_id string, account_id string, period_start date, period_end date, issued_on date, due_on date, amount decimal(18,2)"
PAYMENT = (
    "payment_id string, account_id string, bill_id string, paid_at timestamp, amount decimal(18,2), channel string, reversal_of string"
)
NAMES = [f.name for f in PAYMENT_FEATURES]
NEVER_NULL = [f.name for f in PAYMENT_FEATURES if f.null is None]


def asked(spark: SparkSession, bills: list[tuple], questioned: Mapping[str, dt.date]) -> DataFrame:
    """The bills of these ids, and one that is not there."""
    rows = [(b[1], b[0], questioned[b[0]]) for b in bills if b[0] in questioned]
    return spark.createDataFrame([*rows, ("asked only", "no bill", AS_OF)], "account_id string, bill_id string, asked_on date")


def computed(
    spark: SparkSession, bills: list[tuple], payments: list[tuple], prepaid: list[str], questioned: Mapping[str, dt.date]
) -> dict[str, dict[str, Any]]:
    """Features by account; fails where an account has two rows."""
    ledger = payment_ledger(
        spark.createDataFrame(bills, BILL),
        spark.createDataFrame(payments, PAYMENT),
        as_of=AS_OF,
        until=UNTIL,
        zone=ZONE,
        prepaid=spark.createDataFrame([(account,) for account in prepaid], "account_id string"),
        questioned=asked(spark, bills, questioned),
    )
    rows = payment_features(ledger, as_of=AS_OF).collect()
    found = {row["account_id"]: row.asDict() for row in rows}
    assert len(found) == len(rows)
    return found


def settlement_cases() -> tuple[list[tuple], list[tuple]]:
    """Accounts named for how they settle one bill of 100, due 30 days ago (unless said otherwise)."""

    def one(account: str) -> tuple:
        return bill(account, 30)

    bounced, mistaken, corrected = pay(one("bounced"), 40), pay(one("reversed by mistake"), 40), pay(one("corrected"), 40, 150)
    payments = [
        pay(one("on the due date"), 30, clock="23:59"),
        pay(one("a minute late"), 29, clock="00:00"),
        pay(one("a cent short"), 35, 99.99),
        pay(one("in two parts"), 35, 60),
        pay(one("in two parts"), 25, 40),
        pay(one("twice"), 35),
        pay(one("twice"), 10),
        pay(one("before issue"), 60),
        *(bounced, reverse(bounced, 38), pay(one("bounced"), 20)),
        *(mistaken, reverse(mistaken, 39)),
        *(corrected, reverse(corrected, 38, 50)),
        pay(bill("due today", 0), -1),
        pay(one("paid tomorrow"), -1, clock="00:00"),
    ]
    accounts = [*dict.fromkeys(p[1] for p in payments if p[1] != "due today"), "never"]
    return [*map(one, accounts), bill("due today", 0), bill("due tomorrow", -1), bill("nothing to pay", 30, 0)], payments


@pytest.fixture(scope="module")
def found(spark: SparkSession) -> dict[str, dict[str, Any]]:
    """The named cases, in one job."""
    bills, payments = settlement_cases()
    bills += [
        *[bill("edges", days, 100) for days in (0, 89, 90, 364, 365, 729, 730)],
        *[bill("owes", days, amount, name=str(n)) for n, (days, amount) in enumerate([(100, 90), (5, 60.5), (-9, 40), (700, 30)])],
        bill("owes", 50, -70, name="credit"),
        *[bill("in quarantine", due, 100) for due in (10, 40, 100, 400)],
        bill("card", 31, 80, name="in quarantine"),
        bill("card", 30, 80),
        *[bill("slower", due) for due in (5, 35, 65, 95)],
        bill("not issued", -20, issued=-1),
    ]
    owed = next(b for b in bills if b[0] == "owes/1")
    undone = pay("mixed", 45, 500, "other")
    payments += [
        pay(owed, 8, 10.25),
        *[
            pay("mixed", n, 10, channel, name="m")
            for n, channel in enumerate(["wechat", "bank", "bank", "app", "wechat", "self_service"], 1)
        ],
        *(undone, reverse(undone, 44)),
        *[pay(bill("slower", due), due + 20 - taken) for due, taken in ((5, 25), (35, 18), (65, 12), (95, 3))],
        pay("mixed", 400, 10, "alipay"),
        *[pay("card", days, amount, "direct_debit") for days, amount in ((1, 50), (90, 100), (31, 150), (364, 30), (365, 9999))],
        pay("one top-up", 364, 20, clock="00:30"),
        pay("a year ago", 365, 20, clock="23:30"),
        pay("pays tomorrow", -1, clock="00:00"),
    ]
    asked_on = {"in quarantine/40": 40, "in quarantine/400": 500, "in quarantine/100": 80, "twice/30": 50, "nothing to pay/30": 50}
    questioned = {name: back(days) for name, days in {**asked_on, "card/in quarantine": 50, "not issued/-20": 0}.items()}
    return computed(spark, bills, payments, ["card", "card", "no entry"], questioned)


def test_the_result_is_the_contract(found: dict) -> None:
    assert list(found["edges"]) == ["account_id", *NAMES]
    assert all(row[name] is not None for row in found.values() for name in NEVER_NULL)
    types = {"int": int, "double": float, "string": str}
    assert all(isinstance(row[f.name], types[f.type]) for row in found.values() for f in PAYMENT_FEATURES if row[f.name] is not None)


def test_the_inputs_are_columns_of_silver() -> None:
    for table, ddl in (("bill", BILL), ("payment", PAYMENT)):
        assert {column.split()[0]: column.split()[1] for column in ddl.split(", ")}.items() <= {
            f.name: f.type for f in SILVER[table].fields
        }.items()
    assert {*DIGITAL_CHANNELS, *COUNTER_CHANNELS, "direct_debit"} <= set(PAYMENT_CHANNELS)


@pytest.mark.parametrize(
    ("account", "late", "arrears", "days_to_pay", "days_late"),
    [
        ("on the due date", 0, 0, 20, None),
        ("a minute late", 1, 0, 21, 1),
        ("a cent short", 1, 0.01, None, 30),
        ("in two parts", 1, 0, 25, 5),
        ("twice", 0, 0, 15, None),
        ("before issue", 0, 0, 0, None),
        ("bounced", 1, 0, 30, 10),
        ("reversed by mistake", 1, 100, None, 30),
        ("corrected", 0, 0, 10, None),
        ("never", 1, 100, None, 30),
        ("due today", 1, 100, None, 0),
        ("paid tomorrow", 1, 100, None, 30),
        ("nothing to pay", 0, 0, None, None),
    ],
)
def test_a_bill_is_settled_on_the_local_day_since_which_it_is_covered(
    found: dict, account: str, late: int, arrears: float, days_to_pay: float | None, days_late: float | None
) -> None:
    row = found[account]
    assert (row["bills_due_365d"], row["late_bills_365d"], row["late_share_365d"]) == (1, late, float(late))
    assert (row["arrears_amount"], row["open_bills"]) == (arrears, int(arrears > 0))
    assert (row["days_to_pay_mean_365d"], row["days_late_mean_365d"], row["days_late_max_365d"]) == (days_to_pay, days_late, days_late or 0)


def test_a_bill_that_is_not_yet_due_is_open_but_neither_due_nor_in_arrears(found: dict) -> None:
    row = found["due tomorrow"]
    assert (row["open_bills"], row["bills_due_365d"], row["late_share_365d"], row["arrears_amount"]) == (1, 0, None, 0.0)


def test_the_last_bill_is_followed_up_to_as_of_and_the_day_is_that_of_bills_paid_in_time(found: dict) -> None:
    def lately(account: str) -> tuple:
        return tuple(found[account][f"days_to_pay_{name}"] for name in ("last", "in_time_90d"))

    assert lately("on the due date") == (20, 20.0)
    assert lately("a minute late") == (21, None)
    assert lately("paid tomorrow") == (50, None), "open: fifty days so far"
    assert lately("due today") == (20, None), "open on the due date is late by 0 days"
    assert lately("slower") == (25, (18 + 12) / 2), "late last, and 95 days ago is too long"
    assert lately("due tomorrow") == lately("nothing to pay") == lately("card") == (None, None)


def test_bills_count_as_paid_in_parts_or_in_part(found: dict) -> None:
    parts = {account for account, row in found.items() if row["part_paid_bills_365d"]}
    assert parts == {"a cent short", "in two parts", "twice", "owes"}


def test_windows_of_due_dates_end_with_as_of(found: dict) -> None:
    row = found["edges"]
    assert (row["bills_due_365d"], row["late_bills_365d"], row["late_bills_90d"], row["late_share_prior_365d"]) == (4, 4, 2, 1.0)
    assert found["never"]["late_share_prior_365d"] is None
    assert (row["days_late_max_365d"], row["days_late_mean_365d"]) == (364, (0 + 89 + 90 + 364) / 4)


def test_arrears_are_what_is_unpaid_of_bills_past_due_however_old(found: dict) -> None:
    """A credit note does not lower them; the month's bill is of 30 billed days and counts the credit."""
    row = found["owes"]
    arrears = 90 + 60.5 - 10.25 + 30
    assert (row["arrears_amount"], row["open_bills"], row["days_outstanding"]) == (arrears, 4, 700)
    assert row["arrears_months"] == pytest.approx(arrears / ((90 + 60.5 - 70) / 90 * 365 / 12))
    assert (found["on the due date"]["arrears_months"], found["on the due date"]["days_outstanding"]) == (0.0, 0)
    assert found["nothing to pay"]["arrears_months"] is None


def test_a_bill_of_which_a_payment_stands_in_quarantine_is_in_question(found: dict) -> None:
    """One payment after the due date says that its bill was late; of the others nothing is known. The bill due 10 days ago is open."""
    row = found["in quarantine"]
    assert (row["bills_in_question"], row["open_bills"], row["bills_due_365d"], row["arrears_amount"]) == (3, 1, 2, 100.0)
    assert (row["late_bills_365d"], row["days_late_max_365d"], row["days_outstanding"]) == (2, 20, 10)
    assert (row["late_share_prior_365d"], row["days_to_pay_mean_365d"]) == (None, 40.0)
    assert {account for account, row in found.items() if row["bills_in_question"]} == {"in quarantine"}, "the others are covered"


def test_ways_of_paying_are_those_of_good_payments_of_the_year(found: dict) -> None:
    row = found["mixed"]
    assert (row["payments_365d"], row["reversals_365d"], row["payment_channels_365d"]) == (6, 1, 4)
    assert row["payment_channel"] == "bank", "as often as wechat, and before it"
    assert row["digital_payment_share_365d"] == pytest.approx(3 / 6)
    assert (row["counter_payment_share_365d"], row["direct_debit_share_365d"]) == (pytest.approx(1 / 6), 0.0)
    assert row["days_since_payment"] == 1
    bounced = found["reversed by mistake"]
    assert (bounced["payments_365d"], bounced["reversals_365d"], bounced["days_since_payment"]) == (0, 1, None)
    assert (bounced["payment_channel"], bounced["digital_payment_share_365d"]) == (None, None)


def test_prepaid_accounts_top_up_and_their_bills_are_settled_on_issue(found: dict) -> None:
    row = found["card"]
    assert (row["bills_due_365d"], row["late_bills_365d"], row["open_bills"], row["days_to_pay_mean_365d"]) == (2, 0, 0, None)
    assert (row["top_ups_90d"], row["top_up_mean_365d"], row["top_up_interval_days_365d"]) == (2, 330 / 4, 363 / 3)
    assert (row["direct_debit_share_365d"], row["arrears_months"], row["part_paid_bills_365d"]) == (1.0, 0.0, 0)
    one, before = found["one top-up"], found["a year ago"]
    assert (one["top_up_mean_365d"], one["top_up_interval_days_365d"], one["days_since_payment"]) == (20.0, None, 364)
    assert (before["top_up_mean_365d"], before["payments_365d"], before["days_since_payment"]) == (None, 0, 365)


def test_accounts_without_a_bill_or_payment_up_to_as_of_are_absent(found: dict) -> None:
    assert not {"not issued", "pays tomorrow", "no entry"} & set(found)


@pytest.fixture
def far_session(spark: SparkSession) -> Iterator[SparkSession]:
    """A session of another zone than the company's."""
    before = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    yield spark
    spark.conf.set("spark.sql.session.timeZone", before or "UTC")


def test_random_ledgers_agree_with_plain_python_and_later_entries_change_nothing(far_session: SparkSession) -> None:
    """In a session of another zone, with entries of tomorrow planted."""
    bills, payments, prepaid, questioned = random_ledger(np.random.default_rng(20260331))
    expected = oracle(bills, payments, prepaid, questioned)
    planted_bills = [bill(account, -1, 99_999, name="tomorrow", issued=-1) for account in expected]
    planted = [pay(account, -1, 99_999, "other", clock="00:00", name="tomorrow") for account in expected]
    planted += [pay(b, -1, 99_999, "other", clock="00:00", name="tomorrow") for b in bills]
    planted += [reverse(p, -1) for p in payments if p[6] is None]
    found = computed(far_session, [*bills, *planted_bills], [*payments, *planted], prepaid, questioned)
    assert found.keys() == expected.keys()
    for account, row in expected.items():
        for name in NAMES:
            value = pytest.approx(row[name], rel=1e-9, abs=1e-9) if isinstance(row[name], float) else row[name]
            assert found[account][name] == value, (account, name)


def test_settlement_of_random_bills_agrees_with_plain_python(spark: SparkSession) -> None:
    bills, payments, prepaid, questioned = random_ledger(np.random.default_rng(7))
    card = spark.createDataFrame([(account,) for account in prepaid], "account_id string")
    frames = spark.createDataFrame(bills, BILL), spark.createDataFrame(payments, PAYMENT)
    doubts = asked(spark, bills, questioned)
    ledger = payment_ledger(*frames, as_of=AS_OF, until=UNTIL, zone=ZONE, prepaid=card, questioned=doubts)
    rows = bill_settlement(ledger).collect()
    expected = {b[0]: (b[-1] > 0 and b[1] not in prepaid, settled_on(b, payments)) for b in bills if b[4] <= AS_OF}
    unclear = {b[0]: questioned[b[0]] for b in bills if b[4] <= AS_OF and in_question(b, payments, b[1] in prepaid, questioned)}
    assert len(unclear) > 20
    assert {row["bill_id"]: row["asked_on"] for row in rows if row["in_question"]} == unclear
    assert len(rows) == len(expected) > len({b[0] for b in bills}) / 2
    for row in [row for row in rows if not row["in_question"]]:
        to_pay, settled = expected[row["bill_id"]]
        assert (row["to_pay"], row["settled_on"]) == (to_pay, settled if to_pay else row["issued_on"]), row["bill_id"]


def test_the_random_ledgers_give_every_feature_a_value_somewhere() -> None:
    rows = oracle(*random_ledger(np.random.default_rng(20260331))).values()
    assert [name for name in NAMES if not any(row[name] for row in rows)] == []
