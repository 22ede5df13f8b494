"""What happened to accounts after a moment: cases with a name, and ledgers against pandas."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from gridlens.contracts.codes import INSPECTION_FINDINGS
from gridlens.models.labels import LABELS, Facts, Window
from gridlens.models.labels.arrears import BillUnpaid, bill_unpaid
from gridlens.models.labels.departure import AccountLeft, account_left
from gridlens.models.labels.inspection import InspectionFound, inspection_found
from gridlens.models.labels.purchase import ProductBought, product_bought
from pydantic import ValidationError
from pyspark.sql import DataFrame, SparkSession

T = dt.date(2026, 1, 31)
WINDOW = Window(T, gap_days=5, horizon_days=30, seen_until=dt.date(2026, 3, 31))
KNOWN = dt.datetime(2026, 4, 1, tzinfo=dt.UTC)

SETTLEMENT = (
    "account_id string, bill_id string, amount decimal(18,2), issued_on date, due_on date, to_pay boolean, settled_on date, "
    "in_question boolean, asked_on date"
)
PAYMENT = "account_id string, bill_id string, paid_on date, amount decimal(18,2)"
ACCOUNT = "account_id string, party_id string, opened_on date, closed_on date, valid_from date, known_from timestamp, _content_hash bigint"
POINT = "metering_point_id string, account_id string, has_pv boolean, valid_from date, known_from timestamp"
PURCHASE = "account_id string, product_id string, purchased_on date, ended_on date, amount decimal(18,2)"
PRODUCT = "product_id string, category string"
BILL = "account_id string, period_start date, period_end date, quantity_kwh decimal(18,3)"
INSPECTION = (
    "inspection_id string, metering_point_id string, inspected_on date, finding string, recovered_kwh decimal(18,3), known_from timestamp"
)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(f"2026-{text}")


def found(rows: DataFrame) -> dict[str, dict]:
    """Rows by account; fails where one has two."""
    got = [row.asDict() for row in rows.collect()]
    assert len({row["account_id"] for row in got}) == len(got)
    return {row.pop("account_id"): row for row in got}


def test_a_window_begins_after_the_gap() -> None:
    assert (WINDOW.begin, WINDOW.end) == (day("02-05"), day("03-07"))


def test_every_label_tells_what_it_declares(spark: SparkSession) -> None:
    schemas = {
        "settlement": SETTLEMENT,
        "payment": PAYMENT,
        "account": ACCOUNT,
        "metering_point": POINT,
        "purchase": PURCHASE,
        "product": PRODUCT,
        "bill": BILL,
        "inspection": INSPECTION,
    }
    for name, label in LABELS.items():
        facts = {fact: spark.createDataFrame([], schemas[fact]) for fact in label.facts}
        arguments = label.arguments(**({"categories": ("pv",)} if name == "product_bought" else {}))
        types = dict(label.rows(facts, WINDOW, arguments).dtypes)
        assert types == {"account_id": "string", "label": "int", **{f.name: f.type for f in label.outcomes}}, name


# --- unpaid bills


def owed(
    account: str,
    due: str,
    amount: float = 100,
    *,
    bill: str = "",
    settled: str | None = None,
    to_pay: bool = True,
    asked: str | None = None,
) -> tuple:
    due_on = day(due)
    on, since = (None if one is None else day(one) for one in (settled, asked))
    amount_due = Decimal(str(amount))
    return account, bill or account, amount_due, due_on - dt.timedelta(days=20), due_on, to_pay, on, since is not None, since


def test_a_bill_in_question_gives_no_label_unless_another_one_is_unpaid_for_certain(spark: SparkSession) -> None:
    bills = [
        owed("in question", "02-20", asked="03-02"),
        owed("asked after the deadline", "02-20", asked="03-03"),
        *(owed("and one paid", "02-20", bill="a", asked="02-19"), owed("and one paid", "02-25", bill="b", settled="02-25")),
        *(owed("and one unpaid", "02-20", 60, bill="c", asked="02-19"), owed("and one unpaid", "02-25", 40, bill="d")),
    ]
    rows = found(bill_unpaid(ledger(spark, bills, [paid("and one paid", "02-25", bill="b")]), WINDOW, BillUnpaid(days=10)))
    assert {account: row["label"] for account, row in rows.items()} == {"asked after the deadline": 1, "and one unpaid": 1}
    assert rows["and one unpaid"] == {"label": 1, "exposure": 40.0, "unpaid": 40.0, "days_to_pay": 54, "settled": False}


def paid(account: str, on: str, amount: float = 100, *, bill: str = "") -> tuple:
    return account, bill or account, day(on), Decimal(str(amount))


def ledger(spark: SparkSession, bills: list[tuple], payments: list[tuple]) -> Facts:
    return {"settlement": spark.createDataFrame(bills, SETTLEMENT), "payment": spark.createDataFrame(payments, PAYMENT)}


def test_a_bill_is_unpaid_where_it_is_not_covered_by_its_deadline(spark: SparkSession) -> None:
    bills = [
        owed("on the last day", "02-20", settled="03-02"),
        owed("a day late", "02-20", settled="03-03"),
        owed("never", "02-20"),
        owed("a cent short", "02-20"),
        owed("in two parts", "02-20", settled="02-28"),
        owed("bounced", "02-20", settled="03-20"),
        owed("bounced later", "02-20"),
        owed("due in the gap", "02-05"),
        owed("due on the first day", "02-06"),
        owed("due on the last day", "03-07"),
        owed("due too late", "03-08"),
        owed("prepaid", "02-20", to_pay=False),
        *(owed("two bills", "02-20", 60, bill="a", settled="02-21"), owed("two bills", "02-25", 40, bill="b")),
    ]
    payments = [
        paid("on the last day", "03-02"),
        paid("a day late", "03-03"),
        paid("a cent short", "02-21", 99.99),
        *(paid("in two parts", "02-01", 50), paid("in two parts", "02-28", 50)),
        *(paid("bounced", "02-20"), paid("bounced", "02-22", -100), paid("bounced", "03-20")),
        *(paid("bounced later", "02-20"), paid("bounced later", "03-22", -100)),
        *(paid("two bills", "02-21", 60, bill="a"), paid("two bills", "02-26", 15, bill="b")),
        ("never", None, day("02-21"), Decimal(500)),  # a top-up settles no bill
    ]
    rows = found(bill_unpaid(ledger(spark, bills, payments), WINDOW, BillUnpaid(days=10)))
    assert {account: row["label"] for account, row in rows.items()} == {
        "on the last day": 0,
        "a day late": 1,
        "never": 1,
        "a cent short": 1,
        "in two parts": 0,
        "bounced": 1,
        "bounced later": 0,
        "due on the first day": 1,
        "due on the last day": 1,
        "two bills": 1,
    }
    assert rows["two bills"] == {"label": 1, "exposure": 100.0, "unpaid": 25.0, "days_to_pay": 21, "settled": True}
    assert rows["never"] == {"label": 1, "exposure": 100.0, "unpaid": 100.0, "days_to_pay": 59, "settled": False}


@pytest.mark.parametrize("days", [0, 12])
def test_unpaid_bills_equal_pandas(spark: SparkSession, days: int) -> None:
    rng = np.random.default_rng(days)
    bills, payments = [], []
    for number in range(300):
        account, due = f"a{number % 80}", T + dt.timedelta(days=int(rng.integers(-5, 50)))
        amount = Decimal(int(rng.integers(1, 30_000))) / 100
        bills.append((account, f"b{number}", amount, due - dt.timedelta(days=20), due, bool(rng.random() < 0.9), None, False, None))
        for _ in range(rng.integers(0, 4)):
            part = (amount * Decimal(str(rng.choice([1, 0.5, -0.5, 0.25])))).quantize(Decimal("0.01"))
            payments.append((account, f"b{number}", due + dt.timedelta(days=int(rng.integers(-15, 30))), part))
    rows = found(bill_unpaid(ledger(spark, bills, payments), WINDOW, BillUnpaid(days=days)))

    b = pd.DataFrame(bills, columns=["account", "bill", "amount", "issued", "due", "to_pay", "settled", "unclear", "asked"])
    b = b[b.to_pay & (b.due > day("02-05")) & (b.due <= day("03-07"))]
    p = pd.DataFrame(payments, columns=["account", "bill", "on", "part"]).merge(b[["bill", "due"]], on="bill")
    in_time = p[[on <= due + dt.timedelta(days=days) for on, due in zip(p.on, p.due, strict=True)]]
    b["left"] = [max(a - in_time.part[in_time.bill == i].sum(), 0) for a, i in zip(b.amount, b.bill, strict=True)]
    expected = b.groupby("account").agg(exposure=("amount", "sum"), unpaid=("left", "sum"))
    assert {a: (r["label"], r["exposure"], r["unpaid"]) for a, r in rows.items()} == {
        a: (int(r.unpaid > 0), float(r.exposure), float(r.unpaid)) for a, r in expected.iterrows()
    }
    assert 0 < sum(r["label"] for r in rows.values()) < len(rows)


# --- departures


def version(account: str, since: str = "2024-05-01", *, party: str = "p", closed: str | None = None, opened: str = "2024-05-01") -> tuple:
    ends = None if closed is None else dt.date.fromisoformat(closed)
    return account, party, dt.date.fromisoformat(opened), ends, dt.date.fromisoformat(since), KNOWN, 0


def left(spark: SparkSession, arguments: AccountLeft | None = None, *, window: Window = WINDOW, **rows: list[tuple]) -> dict[str, dict]:
    schemas = {"account": ACCOUNT, "metering_point": POINT, "purchase": PURCHASE, "product": PRODUCT, "bill": BILL}
    facts = {name: spark.createDataFrame(rows.get(name, []), schema) for name, schema in schemas.items()}
    return found(account_left(facts, window, arguments or AccountLeft()))


def test_an_account_that_is_closed_or_changes_hands_is_lost(spark: SparkSession) -> None:
    accounts = [
        version("stays"),
        *(version("closes"), version("closes", "2026-02-20", closed="2026-02-20")),
        *(version("closes on the last day"), version("closes on the last day", "2026-03-07", closed="2026-03-07")),
        *(version("closes later"), version("closes later", "2026-03-08", closed="2026-03-08")),
        *(version("gone in the gap"), version("gone in the gap", "2026-02-05", closed="2026-02-05")),
        *(version("gone before"), version("gone before", "2025-02-05", closed="2025-02-05")),
        *(version("handed over"), version("handed over", "2026-02-10", party="q")),
        *(version("another telephone"), version("another telephone", "2026-02-10")),
        version("opened later", "2026-02-01", opened="2026-02-01"),
    ]
    rows = left(spark, account=accounts)
    assert {account: (row["cause"], row["left_on"]) for account, row in rows.items()} == {
        "stays": (None, None),
        "closes": ("closed", day("02-20")),
        "closes on the last day": ("closed", day("03-07")),
        "closes later": (None, None),
        "handed over": ("holder_changed", day("02-10")),
        "another telephone": (None, None),
    }
    assert {account: row["label"] for account, row in rows.items()} == {
        account: int(row["cause"] is not None) for account, row in rows.items()
    }
    assert left(spark, AccountLeft(causes=("closed",)), account=accounts)["handed over"]["label"] == 0


def test_a_plan_that_ends_is_lost_unless_another_runs(spark: SparkSession) -> None:
    def plan(account: str, bought: str, ended: str | None, product: str = "plan") -> tuple:
        return account, product, dt.date.fromisoformat(bought), None if ended is None else dt.date.fromisoformat(ended), Decimal(0)

    purchases = [
        plan("ends", "2025-06-01", "2026-02-20"),
        plan("ended before", "2025-06-01", "2026-01-20"),
        plan("ends in the gap", "2025-06-01", "2026-02-03"),
        plan("ends later", "2025-06-01", "2026-03-20"),
        plan("insurance ends", "2025-06-01", "2026-02-20", "other"),
        *(plan("changes", "2025-06-01", "2026-02-20"), plan("changes", "2026-02-20", None)),
        plan("tries", "2026-02-10", "2026-02-20"),
    ]
    names = sorted({row[0] for row in purchases})
    products = [("plan", "retail_plan"), ("other", "insurance")]
    rows = left(spark, account=[version(name) for name in names], purchase=purchases, product=products)
    assert {name for name, row in rows.items() if row["cause"] == "plan_ended"} == {"ends"}
    assert rows["ends"]["left_on"] == day("02-20")
    assert set(rows) == set(names)


def test_own_generation_begins_where_there_was_none(spark: SparkSession) -> None:
    def point(account: str, pv: bool | None, since: str) -> tuple:
        return account, account, pv, dt.date.fromisoformat(since), KNOWN

    points = [
        *(point("begins", False, "2024-05-01"), point("begins", True, "2026-02-20")),
        *(point("had it", True, "2024-05-01"), point("had it", True, "2026-02-20")),
        *(point("later", False, "2024-05-01"), point("later", True, "2026-03-20")),
        *(point("in the gap", False, "2024-05-01"), point("in the gap", True, "2026-02-02")),
        *(point("not recorded", None, "2024-05-01"), point("not recorded", True, "2026-02-20")),
        point("none", False, "2024-05-01"),
    ]
    rows = left(spark, account=[version(name) for name in {row[0] for row in points}], metering_point=points)
    assert {name: row["left_on"] for name, row in rows.items() if row["label"]} == {"begins": day("02-20")}


def test_an_account_fades_below_its_own_lowest_month(spark: SparkSession) -> None:
    months = pd.date_range("2025-03-01", "2026-02-01", freq="MS")

    def bills(account: str, *daily: float) -> list[tuple]:
        """A bill a month that ends with February 2026."""
        ends = [m + pd.offsets.MonthEnd() for m in months]
        chosen = list(zip(months, ends, strict=True))[-len(daily) :]
        rows = zip(chosen, daily, strict=True)
        return [(account, a.date(), b.date(), Decimal(str(round(d * b.day, 3)))) for (a, b), d in rows]

    read = [
        *bills("fades", *([10.0] * 11), 1.9),
        *bills("rests", *([10.0] * 11), 5.0),
        *bills("a fifth", *([10.0] * 11), 2.0),
        *bills("rested before", *([10.0] * 10), 1.0, 1.0),
        *bills("too short", *([10.0] * 5), 0.0),
        *bills("was empty", *([0.0] * 12)),
    ]
    names = sorted({row[0] for row in read})
    # The last bill begins on 1 February, five days before the window with a gap.
    assert {name for name, row in left(spark, account=[version(name) for name in names], bill=read).items() if row["label"]} == set()
    without_gap = Window(T, 0, 30, WINDOW.seen_until)
    rows = left(spark, account=[version(name) for name in names], bill=read, window=without_gap)
    assert {name: row["left_on"] for name, row in rows.items() if row["label"]} == {"fades": day("02-28")}
    assert set(rows) == set(names)


def test_who_has_faded_is_told_once_the_last_bills_of_the_window_are_known() -> None:
    last_bill_issued_and_loaded = WINDOW.end + dt.timedelta(days=20)
    assert WINDOW.end + dt.timedelta(days=AccountLeft().later_days) >= last_bill_issued_and_loaded
    assert AccountLeft(causes=("closed", "holder_changed")).later_days == 0, "other signs need no bill"


def test_the_first_sign_is_the_cause(spark: SparkSession) -> None:
    accounts = [
        version("a"),
        version("a", "2026-02-25", closed="2026-02-25"),
        version("b"),
        version("b", "2026-02-20", closed="2026-02-20"),
    ]
    purchases = [(name, "plan", day("01-01"), day("02-20"), Decimal(0)) for name in "ab"]
    given = {"account": accounts, "purchase": purchases, "product": [("plan", "retail_plan")]}
    assert {name: row["cause"] for name, row in left(spark, **given).items()} == {"a": "plan_ended", "b": "closed"}
    other = left(spark, AccountLeft(causes=("plan_ended", "closed")), **given)
    assert {name: row["cause"] for name, row in other.items()} == {"a": "plan_ended", "b": "plan_ended"}


# --- purchases and inspections


def test_purchases_equal_pandas(spark: SparkSession) -> None:
    rng = np.random.default_rng(5)
    products = [("p1", "pv"), ("p2", "pv"), ("p3", "storage"), ("p4", "insurance")]
    purchases = []
    for number in range(200):
        on = T + dt.timedelta(days=int(rng.integers(-60, 60)))
        ended = None if rng.random() < 0.5 else on + dt.timedelta(days=int(rng.integers(0, 50)))
        purchases.append((f"a{number % 60}", f"p{rng.integers(1, 6)}", on, ended, Decimal(int(rng.integers(1, 100)))))
    facts = {
        "account": spark.createDataFrame([version(f"a{n}") for n in range(70)], ACCOUNT),
        "purchase": spark.createDataFrame(purchases, PURCHASE),
        "product": spark.createDataFrame(products, PRODUCT),
    }
    rows = found(product_bought(facts, WINDOW, ProductBought(products=("p3",), categories=("pv",))))

    p = pd.DataFrame(purchases, columns=["account", "product", "on", "ended", "amount"])
    p = p[p["product"].isin(["p1", "p2", "p3"])]
    running = [on <= WINDOW.begin and (pd.isna(end) or end > WINDOW.begin) for on, end in zip(p.on, p.ended, strict=True)]
    inside = p[[WINDOW.begin < on <= WINDOW.end for on in p.on]]
    without = {f"a{n}" for n in range(70)} - set(p.account[running])
    assert set(rows) == without
    assert {a for a, r in rows.items() if r["label"]} == set(inside.account) & without
    assert {a: r["bought_on"] for a, r in rows.items() if r["label"]} == {
        a: on for a, on in inside.groupby("account").on.min().items() if a in without
    }
    assert {a: r["bought_amount"] for a, r in rows.items() if r["label"]} == {
        a: float(x) for a, x in inside.groupby("account").amount.sum().items() if a in without
    }
    assert 0 < sum(r["label"] for r in rows.values()) < len(rows)


def test_only_inspected_accounts_have_a_finding(spark: SparkSession) -> None:
    def visit(point: str, on: str, finding: str, kwh: float | None = None) -> tuple:
        return f"{point}{on}", point, day(on), finding, None if kwh is None else Decimal(str(kwh)), KNOWN

    points = [
        *[(name, name.upper(), None, dt.date(2024, 5, 1), KNOWN) for name in ("theft", "normal", "nobody", "early", "misuse")],
        *(("sold", "OLD", None, dt.date(2024, 5, 1), KNOWN), ("sold", "NEW", None, day("02-15"), KNOWN)),
        ("second", "NORMAL", None, dt.date(2024, 5, 1), KNOWN),
    ]
    visits = [
        *(visit("theft", "02-10", "theft", 120.5), visit("theft", "02-20", "normal")),
        *(visit("normal", "02-10", "normal"), visit("second", "02-11", "no_access")),
        *(visit("nobody", "02-10", "no_access"), visit("early", "02-05", "theft"), visit("misuse", "03-07", "tariff_misuse")),
        *(visit("sold", "02-14", "wiring_error"), visit("sold", "02-15", "normal")),
    ]
    facts = {"inspection": spark.createDataFrame(visits, INSPECTION), "metering_point": spark.createDataFrame(points, POINT)}
    rows = found(inspection_found(facts, WINDOW, InspectionFound()))
    assert {a: r["label"] for a, r in rows.items()} == {"THEFT": 1, "NORMAL": 0, "MISUSE": 1, "OLD": 1, "NEW": 0}
    assert rows["THEFT"]["recovered_kwh"] == 120.5
    some = found(inspection_found(facts, WINDOW, InspectionFound(findings=("theft", "meter_fault"))))
    assert {a for a, r in some.items() if r["label"]} == {"THEFT"}
    with pytest.raises(ValidationError, match="did you mean theft"):
        InspectionFound(findings=("thef",))
    assert set(InspectionFound().findings) < set(INSPECTION_FINDINGS)
