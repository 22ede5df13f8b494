"""Training sets of a small company: features of the past, labels of what came after, and nothing of the future among the features."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from delta_files import rows
from delta_writer import put
from gridlens.contracts.bronze import BRONZE
from gridlens.contracts.gold import ACCOUNT_FEATURE
from gridlens.contracts.ops import BATCH_ACCOUNT
from gridlens.contracts.silver import ACCOUNT_TABLE, SILVER
from gridlens.errors import SourceError
from gridlens.models.library import named
from gridlens.pipelines import feature_moments
from gridlens.pipelines.declared import model_library
from gridlens.pipelines.moments import knowledge_of_day
from gridlens.pipelines.training_set import TrainingSet, training_set
from gridlens.settings import Settings, conf_files, load_settings
from gridlens.tables import literal_in
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

pytestmark = pytest.mark.spark

AS_OF = dt.date(2026, 3, 31)
MOMENTS = [dt.date(2025, 11, 30), dt.date(2026, 1, 31)]
DAYS, ACCOUNTS = 10, 200
DAY = dt.timedelta(days=1)
NEWS, LATE_NEWS = dt.date(2026, 3, 20), "a005"
ASKED = "a011-202601"
"""A bill whose payment stands in quarantine."""
DEFINITION = """\
models:
  - id: late
    name_zh: 拖欠
    name_en: Late
    purpose: Who will pay late
    limits: Nothing else is said
    owner: collection
    version: 1
    population: is_open and bills_due_365d > 0
    label: {function: bill_unpaid, arguments: {days: 10}, horizon_days: 30}
    snapshots: {count: 2, step_months: 2}
    features: [{name: late_share_365d}, {name: arrears_amount}, {name: last_bill_amount}, {name: adjustments_365d}]
    learner: {algorithms: [{kind: logistic_regression}]}
    groups: [category]
    bands: [{id: low, zh: 低, en: low, score_from: 0}, {id: high, zh: 高, en: high, score_from: 0.1}]
"""


def noon(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(4), dt.UTC)


def bill_of(account: str, month: dt.date, amount: float, *, known: dt.date | None = None) -> dict[str, Any]:
    """The bill of a month: issued on the 3rd of the next one, due on the 23rd."""
    end = (month + 31 * DAY).replace(day=1) - DAY
    return {
        "bill_id": f"{account}-{month:%Y%m}",
        "account_id": account,
        "period_start": month,
        "period_end": end,
        "issued_on": end + 3 * DAY,
        "due_on": end + 23 * DAY,
        "quantity_kwh": Decimal(100),
        "amount": Decimal(str(round(amount, 2))),
        "known_from": noon(known or end + 4 * DAY),
    }


def payment_of(bill: dict[str, Any], late: int, *, known: dt.date | None = None) -> dict[str, Any]:
    """The whole payment of a bill, ``late`` days after it was due."""
    on = bill["due_on"] + late * DAY
    return {
        "payment_id": f"P{bill['bill_id']}",
        "account_id": bill["account_id"],
        "bill_id": bill["bill_id"],
        "paid_at": noon(on),
        "amount": bill["amount"],
        "known_from": noon(known or on + DAY),
    }


class Company:
    """Its bills and payments; most customers pay late now and then.

    Of ``LATE_NEWS`` two things become known on 20 March: it paid February's bill in time, and December's was wrong.
    """

    def __init__(self) -> None:
        rng = np.random.default_rng(3)
        self.bills, self.payments = [], []
        for number in range(ACCOUNTS):
            slow = rng.random() < 0.7
            for m in range(14):
                bill = bill_of(f"a{number:03}", dt.date(2025 + m // 12, m % 12 + 1, 1), 50 + 100 * rng.random())
                late = int(rng.exponential(20)) if slow and rng.random() < 0.7 else -3
                self.bills.append(bill)
                if bill["due_on"] + late * DAY <= AS_OF and bill["bill_id"] not in (f"{LATE_NEWS}-202601", ASKED):
                    self.payments.append(payment_of(bill, late))
        by_id = {bill["bill_id"]: bill for bill in self.bills}
        self.news = payment_of(by_id[f"{LATE_NEWS}-202601"], 2, known=NEWS)
        self.rejected = payment_of(by_id[ASKED], 2)
        self.december = by_id[f"{LATE_NEWS}-202512"]

    def labels(self, moment: dt.date, *, news: bool = True) -> dict[str, int]:
        """1 where the bill due in the 30 days after ``moment`` is not paid ten days later; nothing where nobody can say."""
        paid = {p["bill_id"]: p["paid_at"].date() for p in [*self.payments, *([self.news] if news else [])]}
        due = [b for b in self.bills if moment < b["due_on"] <= moment + 30 * DAY and b["bill_id"] != ASKED]
        return {b["account_id"]: int(paid.get(b["bill_id"], dt.date.max) > b["due_on"] + DAYS * DAY) for b in due}


@pytest.fixture(scope="module")
def company() -> Company:
    return Company()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, company: Company) -> Settings:
    """A warehouse that holds the company, and the one definition."""
    folder = tmp_path_factory.mktemp("company")
    (folder / "conf" / "models").mkdir(parents=True)
    for file in conf_files(load_settings("local"), "models"):  # the packaged ones give way
        (folder / "conf" / "models" / file.name).write_text("models: []\n", encoding="utf-8")
    (folder / "conf" / "models" / "late.yml").write_text(DEFINITION, encoding="utf-8")
    settings = load_settings("local", conf_dir=folder / "conf", overrides={"root_dir": str(folder)})
    since = dt.date(2024, 1, 1)
    accounts = [
        {"account_id": f"a{i:03}", "party_id": f"p{i // 2}", "opened_on": since, "valid_from": since, "known_from": noon(since)}
        for i in range(ACCOUNTS)
    ]
    put(settings, ACCOUNT_TABLE, accounts, party_kind="person", category="residential", billing_kind="postpaid", area_id="N")
    put(settings, SILVER["bill"], company.bills, currency="CNY")
    put(settings, SILVER["bill"], [bill_of(LATE_NEWS, company.december["period_start"], 9999, known=NEWS)], currency="CNY")
    put(settings, SILVER["payment"], [*company.payments, company.news], currency="CNY", channel="app")
    put(settings, BRONZE["payment"], [company.rejected], _rejected=True)
    put(settings, BATCH_ACCOUNT, [{"_batch_id": "first"}])
    return settings


def made(spark: SparkSession, settings: Settings, *, known_at: dt.datetime | None = None) -> TrainingSet:
    model = named(model_library(settings), "late")
    known_at = known_at or knowledge_of_day(AS_OF, settings)
    return training_set(spark, settings, Warehouse(spark, settings), model, as_of=AS_OF, known_at=known_at, say=lambda _: None)


def told(found: TrainingSet) -> dict[tuple[dt.date, str], dict[str, Any]]:
    """Rows by moment and account."""
    rows = [row.asDict() for row in found.frame.drop("known_at").collect()]
    return {(row["as_of"], row["account_id"]): row for row in rows}


@pytest.fixture(scope="module")
def first(spark: SparkSession, settings: Settings) -> Iterator[TrainingSet]:
    """The training set as it is made at first: the features of both moments are computed for it."""
    found = made(spark, settings)
    yield found
    found.release()


def features_of(settings: Settings) -> dict[tuple[str, str], dict[str, Any]]:
    """account_feature_v1 by moment and account, read without Spark."""
    table = Path(settings.warehouse) / "gold" / ACCOUNT_FEATURE.name
    return {(row["as_of"], row["account_id"]): row for row in rows(table)}


def test_rows_are_the_labels_of_each_moment_with_what_was_known_then(first: TrainingSet, settings: Settings, company: Company) -> None:
    found = told(first)
    assert sorted({day for day, _ in found}) == MOMENTS
    for (day, account), row in found.items():
        assert row["label"] == company.labels(day)[account]
        assert row["part"] == ("test" if day == MOMENTS[1] else "train")
    assert {a for day, a in found if day == MOMENTS[1]} == set(company.labels(MOMENTS[1]))
    assert not {a for day, a in found if day == MOMENTS[0]} & {a for (day, a), row in found.items() if row["unseen"]}
    features = features_of(settings)
    for (day, account), row in found.items():
        own = features[str(day), account]
        assert own["known_at"] == knowledge_of_day(day, settings).replace(tzinfo=None)
        assert (row["late_share_365d"], row["last_bill_amount"]) == (own["late_share_365d"], own["last_bill_amount"])
    assert len({row["late_share_365d"] for row in found.values()}) > 5


def test_facts_say_what_was_made(first: TrainingSet, spark: SparkSession, settings: Settings, company: Company) -> None:
    found, facts = told(first), first.facts
    test = [row for (day, _), row in found.items() if day == MOMENTS[1]]
    assert (facts.rows("test"), facts.positives("test")) == (ACCOUNTS - 1, sum(company.labels(MOMENTS[1]).values()))
    assert facts.rows("train") == len(found) - facts.rows("test")
    assert facts.moments[0].left_out == ACCOUNTS - facts.rows("train")
    of_test = facts.moments[1]
    assert (of_test.unseen, of_test.unseen_positives) == (sum(r["unseen"] for r in test), sum(r["label"] for r in test if r["unseen"]))
    assert facts.strongest[0].name in ("late_share_365d", "arrears_amount")
    assert first.outcomes == ("exposure", "unpaid", "days_to_pay", "settled")
    again = made(spark, settings)
    assert again.facts == facts, "made again it is the same, and its features are not computed twice"
    again.release()


def test_a_feature_made_of_the_label_is_refused_by_name(first: TrainingSet, spark: SparkSession, settings: Settings) -> None:
    warehouse = Warehouse(spark, settings)
    kept = spark.createDataFrame(warehouse.read(ACCOUNT_FEATURE).collect(), ACCOUNT_FEATURE.schema)
    labels = first.frame.select("account_id", "as_of", F.col("label").alias("planted"))
    where = literal_in("as_of", MOMENTS)
    try:
        planted = kept.join(labels, on=["account_id", "as_of"], how="left").withColumn("adjustments_365d", F.col("planted"))
        warehouse.replace(ACCOUNT_FEATURE, planted, where=where)
        with pytest.raises(SourceError, match=r"^feature adjustments_365d tells the label almost alone"):
            made(spark, settings)
        later = kept.withColumn("closed_on", F.when(F.col("account_id") == "a007", F.date_add("as_of", 9)))
        warehouse.replace(ACCOUNT_FEATURE, later, where=where)
        with pytest.raises(SourceError, match=r"know the future: closed_on \(2 rows\)"):
            made(spark, settings)
    finally:
        warehouse.replace(ACCOUNT_FEATURE, kept, where=where)


def test_what_becomes_known_later_changes_labels_and_no_feature(
    first: TrainingSet, spark: SparkSession, settings: Settings, company: Company
) -> None:
    """A payment and a corrected bill that reach the company in March: the features of January know neither, its label does in the end."""
    day = MOMENTS[1]
    assert told(first)[day, LATE_NEWS]["last_bill_amount"] == float(company.december["amount"])
    earlier = made(spark, settings, known_at=knowledge_of_day(NEWS - 5 * DAY, settings))
    before, after = told(earlier), told(first)
    earlier.release()
    assert {account: row["label"] for (of, account), row in before.items() if of == day} == company.labels(day, news=False)
    assert {key for key in after if before[key]["label"] != after[key]["label"]} == {(day, LATE_NEWS)}
    features = ("late_share_365d", "arrears_amount", "last_bill_amount", "adjustments_365d", "category", "unseen", "part")
    assert all(before[key][name] == after[key][name] for key in after for name in features)
    assert earlier.facts.data != first.facts.data


@pytest.mark.prove
def test_features_are_computed_again_once_batches_were_loaded(
    first: TrainingSet, spark: SparkSession, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(feature_moments, "write_account_features", lambda *given: asked.append(given[-2:]))
    made(spark, settings).release()
    assert asked == []
    put(settings, BATCH_ACCOUNT, [{"_batch_id": "second"}])
    made(spark, settings).release()
    assert asked == [(day, knowledge_of_day(day, settings)) for day in MOMENTS]
    made(spark, settings).release()
    assert len(asked) == len(MOMENTS)


def test_a_label_without_its_facts_is_told(spark: SparkSession, tmp_path: Path, settings: Settings) -> None:
    empty = load_settings("local", conf_dir=settings.conf_dir, overrides={"root_dir": str(tmp_path)})
    with pytest.raises(SourceError, match=r"^label bill_unpaid reads account, of which nothing was loaded yet"):
        made(spark, empty)
