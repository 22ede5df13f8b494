"""Collection through the command line: time to pay learnt from past moments and judged, the list made and shown; nothing is done twice."""

from __future__ import annotations

import datetime as dt
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from delta_files import rows
from delta_writer import put
from gridlens import __version__
from gridlens.cli import main
from gridlens.contracts.gold import ACCOUNT_FEATURE, SCORE
from gridlens.contracts.ops import BATCH_ACCOUNT, RUN_LOG
from gridlens.contracts.silver import ACCOUNT_TABLE, SILVER
from gridlens.pipelines.moments import knowledge_of_day
from gridlens.settings import Settings, load_settings
from gridlens.tracking import CHAMPION, Store, Version
from pyspark.ml import PipelineModel
from pyspark.ml.feature import SQLTransformer
from pyspark.sql import SparkSession
from pyspark.sql.types import DoubleType, StructField, StructType

pytestmark = pytest.mark.spark

AS_OF = dt.date(2026, 2, 28)
MOMENTS = [dt.date(2025, 10, 31), dt.date(2025, 11, 30), dt.date(2025, 12, 28)]
NEWEST = MOMENTS[-1]
"""Its bills judge: no training row was issued after it or looks beyond it."""
DAY = dt.timedelta(days=1)
ACCOUNTS = 120
PLAN = """\
name_zh: 催收清单
name_en: Collection list
plan: {capacity: 8, loss_given_default: 0.5, by_category: {commercial: 0.2}, saved: 0.4, cost: 10}
time_to_pay:
  baseline: days_to_pay_mean_365d
  features: [{name: late_share_365d}, {name: days_to_pay_mean_365d}, {name: autopay, kind: flag}]
"""


def noon(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(4), dt.UTC)


class World:
    """Accounts of three speeds, what is known of them at each moment, and a bill after each moment."""

    def __init__(self) -> None:
        random = np.random.default_rng(4)
        self.slow = random.choice([0.0, 0.3, 0.9], ACCOUNTS)
        self.own = {day: np.rint(12 + 8 * self.slow + random.normal(0, 6, ACCOUNTS)).clip(1) for day in [*MOMENTS, AS_OF]}
        self.taken = {day: np.rint(8 * np.exp(2 * self.slow) * random.weibull(2, ACCOUNTS)).astype(int) for day in MOMENTS}

    def features(self, day: dt.date, settings: Settings) -> list[dict[str, Any]]:
        known_at = knowledge_of_day(day, settings)
        return [
            {
                "account_id": f"a{i:03}",
                "as_of": day,
                "known_at": known_at,
                "is_open": True,
                "category": "commercial" if i % 5 == 0 else "residential",
                "late_share_365d": float(self.slow[i]),
                "days_to_pay_mean_365d": float(self.own[day][i]) if i % 10 else None,
                "autopay": bool(i % 2),
                "arrears_amount": 100.0 * (i % 4),
                "bills_in_question": i % 3,
                "bill_amount_mean_365d": 50.0 + i,
                "opened_on": dt.date(2020, 1, 1),
            }
            for i in range(ACCOUNTS)
        ]

    def money(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        bills, payments = [], []
        for m, moment in enumerate(MOMENTS):
            for i in range(ACCOUNTS):
                one = {"bill_id": f"b{m}-{i}", "account_id": f"a{i:03}", "amount": Decimal("80.00")}
                issued = moment + 3 * DAY
                dates = {"period_start": moment - 30 * DAY, "period_end": moment, "issued_on": issued, "due_on": issued + 20 * DAY}
                bills.append({**one, **dates, "known_from": noon(issued)})
                paid = issued + int(self.taken[moment][i]) * DAY
                if paid <= AS_OF:
                    payments.append({**one, "payment_id": f"p{m}-{i}", "paid_at": noon(paid), "known_from": noon(paid)})
        return bills, payments

    def baseline(self) -> float:
        """Index of the account's own mean on the judging bills."""
        usual = np.mean([self.own[day][i] for day in MOMENTS[:-1] for i in range(ACCOUNTS) if i % 10])
        return self.index(np.array([self.own[NEWEST][i] if i % 10 else usual for i in range(ACCOUNTS)]))

    def index(self, predicted: np.ndarray) -> float:
        """Harrell's index on the judging bills, over all pairs."""
        seen = (AS_OF - NEWEST).days - 3
        days, ended = np.minimum(self.taken[NEWEST], seen), self.taken[NEWEST] <= seen
        later = (days[None] > days[:, None]) | ((days[None] == days[:, None]) & ~ended[None])
        pairs = ended[:, None] & later
        np.fill_diagonal(pairs, False)
        agree = (predicted[None] > predicted[:, None]) + 0.5 * (predicted[None] == predicted[:, None])
        return float((agree * pairs).sum() / pairs.sum())


WORLD = World()
REASONS = [
    {"feature": "late_bills_90d", "value": "2", "contribution": 0.8},
    {"feature": "account_age_days", "value": "90", "contribution": -0.5},
    {"feature": "open_bills", "value": "1", "contribution": 0.3},
]


def probability(i: int) -> float:
    return round(0.9 - 0.007 * i, 6)


@pytest.fixture(scope="module")
def settings(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A warehouse with features of four moments, bills, payments, and the scores of the newest moment."""
    folder = tmp_path_factory.mktemp("collection")
    (folder / "conf" / "collection").mkdir(parents=True)
    settings = load_settings("local", conf_dir=folder / "conf", overrides={"root_dir": str(folder)})
    (folder / "conf" / "collection" / "plan.yml").write_text(PLAN, encoding="utf-8")
    since = {"opened_on": dt.date(2020, 1, 1), "valid_from": dt.date(2020, 1, 1), "known_from": noon(dt.date(2020, 1, 1))}
    put(settings, ACCOUNT_TABLE, [{"account_id": f"a{i:03}", **since} for i in range(ACCOUNTS)], billing_kind="postpaid")
    bills, payments = WORLD.money()
    put(settings, SILVER["bill"], bills, currency="CNY", quantity_kwh=Decimal(100))
    put(settings, SILVER["payment"], payments, currency="CNY", channel="app")
    put(settings, BATCH_ACCOUNT, [{"_batch_id": "first"}])
    for day in [*MOMENTS, AS_OF]:
        put(settings, ACCOUNT_FEATURE, WORLD.features(day, settings))
    return settings


def put_scores(settings: Settings) -> None:
    at = {"as_of": AS_OF, "known_at": knowledge_of_day(AS_OF, settings)}
    scored = [{"account_id": f"a{i:03}", "score": probability(i), "reasons": REASONS, **at} for i in range(ACCOUNTS)]
    put(settings, SCORE, scored, model="arrears", version=3, decile=1, band="high")
    ran = {"job": "score", "outcome": "succeeded", "version": __version__, "run_id": "s1"}
    put(settings, RUN_LOG, [{**ran, **at, "parameters": '{"model": "arrears"}', "fingerprints": '{"version": "3"}'}])


def put_champion(settings: Settings) -> None:
    """A version by hand, of no definition, that expects days by the amount of the bills alone."""
    store, amount = Store.open(settings), StructType([StructField("bill_amount_mean_365d", DoubleType())])
    told = ", ".join(f"bill_amount_mean_365d AS {name}" for name in ("expected_days", "prediction"))
    with store.run("time_to_pay") as tracked:
        tracked.log_pipeline(PipelineModel([SQLTransformer(statement=f"SELECT *, {told} FROM __THIS__")]), amount)
        version = tracked.register()
    store.promote("time_to_pay", version.version, reason="agreed")


def call(settings: Settings, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    place = ["--root-dir", settings.root_dir, "--conf", str(settings.conf_dir), "--json"]
    assert main(["collection", *arguments, *place]) == 0
    return json.loads(capsys.readouterr().out)


def refused(settings: Settings, capsys: pytest.CaptureFixture[str], command: str) -> str:
    assert main(["collection", command, "--root-dir", settings.root_dir, "--conf", str(settings.conf_dir)]) != 0
    return capsys.readouterr().err.strip()


def cases(settings: Settings) -> list[dict[str, Any]]:
    found = rows(Path(settings.warehouse) / "gold" / "collection_case_v1")
    return sorted(found, key=lambda row: row["rank"])


def expected_cases() -> list[tuple[str, float]]:
    """(account, expected saving) of the eight cases that save most, by the plan's arithmetic."""
    found = []
    for i in range(ACCOUNTS):
        exposure = 100.0 * (i % 4) + 50.0 + i
        found.append((f"a{i:03}", probability(i) * exposure * (0.2 if i % 5 == 0 else 0.5) * 0.4 - 10))
    return sorted((one for one in found if one[1] > 0), key=lambda one: (-one[1], one[0]))[:8]


def test_from_scores_to_the_list(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert "arrears has no champion (it has no version yet): run `gridlens train arrears`" in refused(settings, capsys, "run")
    assert "there is no collection list: run `gridlens collection run` first" in refused(settings, capsys, "list")
    put_scores(settings)
    put_champion(settings)

    made = call(settings, capsys, "run")
    assert (made["cases"], made["version"], made["time_to_pay"], made["nothing_new"]) == (8, 3, 2, False)
    assert [(row["account_id"], row["expected_saving"]) for row in cases(settings)] == [
        (name, pytest.approx(saving)) for name, saving in expected_cases()
    ]
    check_the_version(settings, made["time_to_pay_because"])
    check_the_days(settings)
    assert call(settings, capsys, "run")["nothing_new"]
    assert len(Store.open(settings).versions("time_to_pay")) == 2

    shown = call(settings, capsys, "list", "--limit", "2")
    assert [row["rank"] for row in shown] == [1, 2]
    figures = ["probability", "exposure", "expected_loss", "expected_days", "bills_in_question"]
    assert list(shown[0]) == ["rank", "account_id", *figures, "reasons"]
    assert [row["bills_in_question"] for row in shown] == [int(row["account_id"][1:]) % 3 for row in shown]
    assert [one["reason"].split(" / ")[-1] for one in shown[0]["reasons"]] == ["late bills in 90 days", "bills not settled"]
    assert shown[0]["reasons"][0]["act"].startswith("近期主动联系")
    assert main(["collection", "list", "--root-dir", settings.root_dir, "--conf", str(settings.conf_dir)]) == 0
    assert "late bills in 90 days = 2 → 近期主动联系" in capsys.readouterr().out


def check_the_version(settings: Settings, because: str) -> None:
    version = Store.open(settings).version("time_to_pay", CHAMPION)
    assert version.metrics["baseline.concordance"] == pytest.approx(WORLD.baseline(), abs=1e-9)
    assert version.metrics["concordance"] > WORLD.baseline()
    assert f"Concordance {version.metrics['concordance']:.5f} on {ACCOUNTS} bills issued after {NEWEST}" in because
    assert version.metrics["test_settled"] == (WORLD.taken[NEWEST] <= (AS_OF - NEWEST).days - 3).sum()
    known = sum((WORLD.taken[day] <= (NEWEST - day).days - 3).sum() for day in MOMENTS[:-1])
    assert version.metrics["train_settled"] == known < 2 * ACCOUNTS  # what was paid after the judging moment was not yet seen
    check_the_champion_before(version, because)
    check_the_card(settings, version, known)


def check_the_champion_before(version: Version, because: str) -> None:
    theirs = WORLD.index(50.0 + np.arange(ACCOUNTS))
    figures = {name.removeprefix("champion."): value for name, value in version.metrics.items() if name.startswith("champion.")}
    assert figures["concordance"] == pytest.approx(theirs, abs=1e-9)
    assert figures["difference"] == pytest.approx(version.metrics["concordance"] - theirs, abs=1e-9)
    assert 0 < figures["low"] < figures["difference"] < figures["high"]
    assert f"Against champion 1 on the same {ACCOUNTS} bills the concordance changes by {figures['difference']:+.4f}" in because


def check_the_card(settings: Settings, version: Version, known: int) -> None:
    store = Store.open(settings)
    for text in (store.text(version, "model_card.md"), store.text(version, "model_card.html")):
        for expected in ("准入 champion", f"{version.metrics['concordance']:.4f}", f"{WORLD.baseline():.4f}", f"{known:,}", "autopay"):
            assert expected in text, expected
        assert "a0" not in re.sub(r"[0-9a-f]{20,}", "", text.split("<body>")[-1])  # of no account


def check_the_days(settings: Settings) -> None:
    """Who paid slowly is expected to: near the mean of the distribution that the bills were drawn from."""
    for row in cases(settings):
        mean = 8 * np.exp(2 * WORLD.slow[int(row["account_id"][1:])]) * 0.886  # of a Weibull with shape 2
        assert row["expected_days"] == pytest.approx(mean, rel=0.4)
