"""The job of association rules on a warehouse of a few hundred accounts, by the command line."""

from __future__ import annotations

import datetime as dt
import decimal
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from delta_files import rows
from delta_writer import put
from gridlens.cli import main
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.silver import SILVER
from gridlens.contracts.tag import TAG_CATALOGUE, TAG_VALUE
from gridlens.settings import Settings, load_settings
from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

AS_OF = dt.date(2026, 3, 31)
KNOWN_AT = dt.datetime(2026, 4, 1, 16, tzinfo=dt.UTC)
EARLIER = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
LATER = KNOWN_AT + dt.timedelta(hours=1)
DAY = dt.datetime(2026, 2, 1, 8, tzinfo=dt.UTC)
ACCOUNTS = 400
EXPIRED = "price_sensitive"

BASKETS = """
baskets:
  - id: own
    name_zh: 自定义关联
    name_en: Own
    description: Whoever stays up late, what does he buy?
    population: is_open and category = 'residential'
    items:
      products: {days: 365}
      services: {days: 365, kinds: [complaint]}
      events: {days: 365, names: ["search:tariff"]}
      tags: [night_heavy_user, usage_watcher, price_sensitive]
    coverage: {least: 0.01, most: 0.9}
    consequents: [product, "service:complaint"]
    min_support: 0.02
    min_confidence: 0.1
    min_lift: 1.05
    min_count: 3
    by: [area]
    money: bill_amount_365d
    level: 0.05
    owner: analyst
    version: 1
    reason: A rule that is planted, items that mean nothing, and facts of the future
"""


class World:
    """Accounts with what they hold at AS_OF as known at KNOWN_AT, and facts that were not known or are out of date."""

    def __init__(self) -> None:
        random = np.random.default_rng(20260331)
        self.accounts = [f"99{i:04d}" for i in range(ACCOUNTS)]
        night = random.random(ACCOUNTS) < 0.3
        self.items: dict[str, set[str]] = {}
        for number, account in enumerate(self.accounts):
            drawn = random.random(5)
            chances = (0.7 if night[number] else 0.08, 0.25, 0.3, 0.2, 0.3)
            names = ("product:P1", "product:P2", "tag:usage_watcher", "service:complaint", "event:search:tariff")
            held = {name for name, u, chance in zip(names, drawn, chances, strict=True) if u < chance}
            self.items[account] = held | ({"tag:night_heavy_user"} if night[number] else set())
        self.area = {account: f"AR0{1 + number % 2}" for number, account in enumerate(self.accounts)}
        self.bill = {account: 1000.0 + 500.0 * ("product:P1" in self.items[account]) for account in self.accounts}

    def write(self, settings: Settings) -> None:
        put(settings, ACCOUNT_FEATURE, [*self._features(), *self._others()])
        put(settings, TAG_VALUE, self._tags())
        long_ago = {"tag_id": EXPIRED, "as_of": AS_OF - dt.timedelta(days=41), "known_at": EARLIER, "ttl_days": 40}
        put(settings, TAG_CATALOGUE, [{"tag_id": "night_heavy_user", "as_of": AS_OF, "known_at": KNOWN_AT}, long_ago])
        products = [
            {"product_id": p, "name_zh": f"产品{p}", "name_en": f"Product {p}", "known_from": EARLIER, "valid_from": dt.date(2020, 1, 1)}
            for p in ("P1", "P2")
        ]
        put(settings, SILVER["product"], products)
        put(settings, SILVER["purchase"], self._purchases())
        put(settings, SILVER["service_event"], self._events("service:complaint", "event_id", kind="complaint", opened_at=DAY))
        clicks = self._events("event:search:tariff", "interaction_id", kind="search", object="tariff", occurred_at=DAY)
        put(settings, SILVER["interaction"], clicks)

    def _features(self) -> list[dict[str, Any]]:
        common = {"as_of": AS_OF, "known_at": KNOWN_AT, "category": "residential", "is_open": True}
        return [
            {"account_id": a, "party_id": a, "area_id": self.area[a], "bill_amount_365d": self.bill[a], **common} for a in self.accounts
        ]

    def _others(self) -> list[dict[str, Any]]:
        """Closed, of another category, of another day: none has a basket."""
        common = {"known_at": KNOWN_AT, "area_id": "AR01"}
        return [
            {"account_id": "closed", "as_of": AS_OF, "category": "residential", "is_open": False, **common},
            {"account_id": "shop", "as_of": AS_OF, "category": "commercial", "is_open": True, **common},
            {"account_id": "old", "as_of": AS_OF - dt.timedelta(days=1), "category": "residential", "is_open": True, **common},
        ]

    def _tags(self) -> list[dict[str, Any]]:
        def row(account: str, tag: str, day: dt.date, known: dt.datetime, value: bool) -> dict[str, Any]:
            return {"account_id": account, "tag_id": tag, "valid_from": day, "known_from": known, "value_boolean": value}

        told = [
            row(a, tag, AS_OF, KNOWN_AT, True)
            for a in self.accounts
            for tag in ("night_heavy_user", "usage_watcher")
            if f"tag:{tag}" in self.items[a]
        ]
        without = [a for a in self.accounts if "tag:night_heavy_user" not in self.items[a]]
        told += [row(a, "night_heavy_user", dt.date(2026, 1, 1), EARLIER, True) for a in without[:50]]
        told += [row(a, "night_heavy_user", AS_OF, KNOWN_AT, False) for a in without[:50]]
        told += [row(a, "night_heavy_user", AS_OF, LATER, True) for a in without[50:100]]
        told += [row(a, EXPIRED, dt.date(2026, 1, 1), EARLIER, True) for a in self.accounts[::2]]
        return told

    def _purchases(self) -> list[dict[str, Any]]:
        told = [
            {"account_id": a, "purchase_id": f"{a}-{p}", "product_id": p, "purchased_on": dt.date(2026, 1, 5), "known_from": EARLIER}
            for a in self.accounts
            for p in ("P1", "P2")
            if f"product:{p}" in self.items[a]
        ]
        without = [a for a in self.accounts if "product:P2" not in self.items[a]][:60]
        for number, account in enumerate(without):
            wrong = (
                {"purchased_on": dt.date(2026, 1, 5), "known_from": LATER},
                {"purchased_on": dt.date(2026, 4, 1), "known_from": EARLIER},
                {"purchased_on": dt.date(2025, 3, 31), "known_from": EARLIER},
            )[number % 3]
            told.append({"account_id": account, "purchase_id": f"{account}-P2", "product_id": "P2", **wrong})
        return told

    def _events(self, item: str, key: str, **fields: Any) -> list[dict[str, Any]]:
        told = [{"account_id": a, key: f"{a}-1", "known_from": EARLIER, **fields} for a in self.accounts if item in self.items[a]]
        without = [a for a in self.accounts if item not in self.items[a]][:40]
        return told + [{"account_id": a, key: f"{a}-2", "known_from": LATER, **fields} for a in without]

    def count(self, items: list[str], scope: str = "all") -> int:
        area = scope.partition(":")[2]
        return sum(set(items) <= held and (not area or self.area[account] == area) for account, held in self.items.items())


@pytest.fixture(scope="module")
def world(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Settings, Path]:
    folder = tmp_path_factory.mktemp("associations")
    settings = load_settings("local", overrides={"root_dir": str(folder / "root")})
    (folder / "conf" / "associations").mkdir(parents=True)
    (folder / "conf" / "associations" / "own.yml").write_text(BASKETS, encoding="utf-8")
    made = World()
    made.write(settings)
    return made, settings, folder / "conf"


def run(place: list[str], capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(["associations", *arguments, "--json", *place]) == 0
    return json.loads(capsys.readouterr().out)


def test_rules_of_what_was_known(world: tuple[World, Settings, Path], capsys: pytest.CaptureFixture[str]) -> None:
    made, settings, conf = world
    place = ["--root-dir", settings.root_dir, "--conf", str(conf)]
    result = run(place, capsys, "run", "--basket", "own")
    (basket,) = result["baskets"]
    assert (basket["baskets"], basket["items"], basket["scopes"]) == (ACCOUNTS, 6, 3)
    assert basket["significant"] >= 1
    written = rows(Path(settings.warehouse) / "gold" / "association_rule_v1")
    assert len(written) == basket["rules"] > 0
    for row in written:
        left, right, scope = row["antecedent_items"], row["consequent"], row["scope"]
        counts = [made.count(items, scope) for items in ([], left, [right], [*left, right])]
        assert [row[n] for n in ("baskets", "antecedent_count", "consequent_count", "both_count")] == counts, row
        assert row["antecedent"] == " & ".join(sorted(left))
        assert right in ("product:P1", "product:P2", "service:complaint")
        assert 0 < row["tested_baskets"] < row["baskets"]
    (planted,) = [r for r in written if (r["scope"], r["antecedent"], r["consequent"]) == ("all", "tag:night_heavy_user", "product:P1")]
    assert planted["significant"]
    assert planted["p_value"] < 1e-6
    assert (planted["effect_amount"], planted["currency"]) == (decimal.Decimal("500.00"), "CNY")
    assert (planted["consequent_zh"], planted["consequent_en"]) == ("产品P1", "Product P1")
    assert planted["antecedent_zh"].startswith("夜")
    assert {r["scope"] for r in written if r["antecedent"] == "tag:night_heavy_user"} >= {"all", "area:AR01", "area:AR02"}
    # By area one in twenty of the rules called significant may be false; in the whole none of these is.
    whole = {(r["antecedent"], r["consequent"]) for r in written if r["significant"] and r["scope"] == "all"}
    assert whole == {("tag:night_heavy_user", "product:P1")}

    again = run(place, capsys, "run", "--basket", "own")
    assert again["nothing_new"]
    assert again["baskets"] == []


def test_looking_at_rules(world: tuple[World, Settings, Path], capsys: pytest.CaptureFixture[str]) -> None:
    _made, settings, conf = world
    place = ["--root-dir", settings.root_dir, "--conf", str(conf)]
    run(place, capsys, "run", "--basket", "own")
    first, *_ = found = run(place, capsys, "list", "--item", "product:P1", "--scope", "all")
    assert (first["antecedent"], first["consequent"]) == ("tag:night_heavy_user", "product:P1")
    assert all(rule["scope"] == "all" and rule["significant"] for rule in found)
    assert len(run(place, capsys, "list", "--tested", "--limit", "3")) == 3
    shown = run(place, capsys, "show", first["rule_id"])
    assert [rule["scope"] for rule in shown] == ["all", "area:AR01", "area:AR02"]
    assert main(["associations", "show", first["rule_id"], *place]) == 0
    assert "夜" in capsys.readouterr().out
    assert main(["associations", "list", *place]) == 0
    assert first["rule_id"] in capsys.readouterr().out

    assert main(["associations", "show", "000000000000", *place]) == 2
    assert "rule 000000000000 is not there" in capsys.readouterr().err
    assert main(["associations", "list", "--basket", "onw", *place]) == 2
    assert "did you mean own?" in capsys.readouterr().err


def test_a_changed_definition_replaces_its_rules(world: tuple[World, Settings, Path], capsys: pytest.CaptureFixture[str]) -> None:
    _made, settings, conf = world
    place = ["--root-dir", settings.root_dir, "--conf", str(conf)]
    run(place, capsys, "run", "--basket", "own")
    own = conf / "associations" / "own.yml"
    own.write_text(BASKETS.replace("by: [area]", "by: []").replace("version: 1", "version: 2"), encoding="utf-8")
    try:
        result = run(place, capsys, "run", "--basket", "own")
        assert not result["nothing_new"]
        written = rows(Path(settings.warehouse) / "gold" / "association_rule_v1")
        assert {row["scope"] for row in written} == {"all"}
        assert len(written) == result["baskets"][0]["rules"]
    finally:
        own.write_text(BASKETS, encoding="utf-8")


def test_what_is_missing_is_one_sentence(world: tuple[World, Settings, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _made, settings, conf = world
    own = ["--conf", str(conf), "--basket", "own"]
    assert main(["associations", "run", "--root-dir", str(tmp_path), *own]) == 3
    assert "there are no account features: run `gridlens features` first" in capsys.readouterr().err
    assert main(["associations", "list", "--root-dir", str(tmp_path)]) == 2
    assert "there are no association rules yet" in capsys.readouterr().err
    day = str(AS_OF - dt.timedelta(days=1))
    assert main(["associations", "run", "--root-dir", settings.root_dir, "--as-of", day, *own]) == 3
    assert f"basket own holds tags, but there are none of {day}: run `gridlens tags run` first" in capsys.readouterr().err
