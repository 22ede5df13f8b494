"""Basket definitions: what is refused, and where; which items say the same; what items are called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from gridlens.associations.library import BasketLibrary, load_baskets
from gridlens.associations.names import item_names
from gridlens.associations.related import KnownTag, related_pairs, stem
from gridlens.errors import DefinitionError, SettingsError
from gridlens.pipelines.association_facts import basket_library, known_tags
from gridlens.pipelines.declared import tag_library
from gridlens.settings import load_settings


def known(identity: str, features: set[str], tags: set[str] = frozenset(), values: dict | None = None) -> KnownTag:  # type: ignore[assignment]
    kind = "text" if values else "boolean"
    return KnownTag(identity, kind, (f"标签{identity}", f"Tag {identity}"), values or {}, frozenset(features), frozenset(tags), "f" * 64)


TAGS = {
    tag.id: tag
    for tag in (
        known("late_30", {"is_open", "late_share_30d"}),
        known("late_90", {"is_open", "late_share_90d"}),
        known("late_rank", {"late_share_365d_percentile"}),
        known("home", {"category"}),
        known("house", {"category", "is_open"}),
        known("big", {"is_open", "energy_kwh_365d"}),
        known("big_home", {"is_open", "category", "energy_kwh_90d", "peak_kw"}, {"home"}),
        known("charges", {"owns_ev_charging"}),
        known("buyer", {"purchases_total"}),
        known("complains", {"complaints_365d"}),
        known("calls", {"contacts_90d"}),
        known("watches", {"bill_views_90d", "is_open"}),
        known("level", {"mean_kw"}, values={"low": ("低", "low"), "high": ("高", "high")}),
    )
}
CATEGORIES = {"PR04": "ev_charging", "PR10": "smart_home"}


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        pytest.param("tag:late_30", "tag:late_90", True, id="the same measure over two windows"),
        pytest.param("tag:late_30", "tag:late_rank", True, id="its percentile"),
        pytest.param("tag:big", "tag:late_30", False, id="both only of open accounts"),
        pytest.param("tag:home", "tag:house", True, id="both the category and nothing else"),
        pytest.param("tag:home", "tag:big_home", True, id="one reads the other"),
        pytest.param("tag:big", "tag:big_home", True, id="the same energy"),
        pytest.param("tag:charges", "product:PR04", True, id="a tag of the product"),
        pytest.param("tag:charges", "product:PR10", False, id="a tag of another product"),
        pytest.param("tag:buyer", "product:PR10", True, id="a tag that counts all purchases"),
        pytest.param("product:PR04", "product:PR10", False, id="two products"),
        pytest.param("tag:complains", "service:complaint", True, id="a tag that counts the contact"),
        pytest.param("tag:complains", "service:fault_report", False, id="a tag that counts another contact"),
        pytest.param("tag:calls", "service:fault_report", True, id="a tag that counts all contacts"),
        pytest.param("tag:watches", "event:view:bill", True, id="a tag that counts the page"),
        pytest.param("tag:watches", "event:view", True, id="the event without its page"),
        pytest.param("tag:watches", "event:search:tariff", False, id="another page"),
        pytest.param("event:view", "event:view:bill", True, id="an event and the same with its page"),
        pytest.param("tag:level=low", "tag:level=high", True, id="two values of a tag"),
        pytest.param("tag:level=low", "tag:big", False, id="a value and another tag"),
    ],
)
def test_items_that_say_the_same(first: str, second: str, same: bool) -> None:
    assert (frozenset((first, second)) in related_pairs([first, second], TAGS, CATEGORIES)) is same
    assert related_pairs([second, first], TAGS, CATEGORIES) == related_pairs([first, second], TAGS, CATEGORIES)


def test_stems() -> None:
    assert [stem(name) for name in ("energy_growth_year_90d", "late_share_365d_percentile", "peak_kw")] == [
        "energy_growth_year",
        "late_share",
        "peak_kw",
    ]


def test_names_of_items() -> None:
    items = ["product:PR04", "product:XX", "service:complaint", "event:search:tariff", "event:view:PR04", "tag:home", "tag:level=low"]
    assert item_names(items, TAGS, {"PR04": ("充电桩", "Charger")}) == {
        "product:PR04": ("充电桩", "Charger"),
        "product:XX": ("XX", "XX"),
        "service:complaint": ("投诉", "complaint"),
        "event:search:tariff": ("搜索电价", "search of tariff"),
        "event:view:PR04": ("浏览充电桩", "view of Charger"),
        "tag:home": ("标签home", "Tag home"),
        "tag:level=low": ("标签level：低", "Tag level: low"),
    }


BASKET: dict[str, Any] = {
    "id": "offers",
    "name_zh": "关联",
    "name_en": "Offers",
    "description": "What goes with what",
    "population": "is_open",
    "items": {"products": {"days": 365}, "tags": ["home", "big"]},
    "consequents": ["product"],
    "owner": "marketing",
    "version": 1,
    "reason": "Made for a test: whatever is there may stand",
}


def loaded(folder: Path, *baskets: dict[str, Any]) -> BasketLibrary:
    file = folder / "own.yml"
    file.write_text(yaml.safe_dump({"baskets": list(baskets)}, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return load_baskets([file], TAGS)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"population": "is_opne"}, "own.yml line 6: the expression 'is_opne'"),
        ({"population": "account_age_days"}, "gives a number, expected a boolean"),
        ({"items": {"products": {"days": 9}, "tags": ["home", "bigg"]}}, "field items.tags: bigg is no tag; did you mean big?"),
        ({"items": {}}, "field items: is empty; give products, services, events or tags"),
        ({"items": {"services": {"days": 9, "kinds": ["moan"]}}}, "moan is no kind of service event; expected some of enquiry"),
        ({"items": {"events": {"days": 9, "names": ["veiw:bill"]}}}, "veiw:bill begins with no kind of interaction"),
        ({"consequents": ["service:complaint"]}, "service:complaint is of no kind that the basket holds; expected product, tag"),
        ({"money": "mean_kw"}, "field money: mean_kw is no amount of an account"),
        ({"money": "bill_amount_356d"}, "did you mean bill_amount_365d?"),
        ({"coverage": {"least": 0.5, "most": 0.4}}, "field coverage: least must be below most"),
        ({"min_baskets": 14}, "expected greater than or equal to 15 but found 14"),
        ({"max_length": 9}, "expected less than or equal to 6 but found 9"),
        ({"min_suport": 0.1}, "field min_suport: is unknown"),
    ],
)
def test_a_mistake_names_file_line_and_remedy(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DefinitionError) as error:
        loaded(tmp_path, {**BASKET, **change})
    assert sentence in str(error.value)
    assert "own.yml line" in str(error.value)


def test_an_id_is_used_once_and_a_mistyped_one_has_a_hint(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"field id: offers is already used in .*own\.yml line 2"):
        loaded(tmp_path, BASKET, BASKET)
    with pytest.raises(SettingsError, match="basket ofers is not defined; did you mean offers"):
        loaded(tmp_path, BASKET).chosen("ofers")


def test_the_stamp_follows_what_rules_depend_on(tmp_path: Path) -> None:
    stamps = {
        name: loaded(tmp_path, {**BASKET, **change}).baskets[0].stamp
        for name, change in {
            "same": {},
            "names": {"name_en": "Other", "reason": "Another reason, as good"},
            "level": {"level": 0.01},
        }.items()
    }
    assert stamps["same"] == stamps["names"] != stamps["level"]


def test_consequents_are_whole_items_or_their_beginning(tmp_path: Path) -> None:
    definition = loaded(tmp_path, {**BASKET, "consequents": ["product", "tag:level", "tag:home"]}).baskets[0].definition
    items = ["product:PR04", "tag:level=low", "tag:home", "tag:homes", "tag:big", "products:PR04"]
    assert [item for item in items if definition.allowed(item)] == ["product:PR04", "tag:level=low", "tag:home"]


def test_the_packaged_baskets_stand() -> None:
    settings = load_settings("local")
    library = basket_library(settings)
    assert set(library.ids) == {"business_offers", "complaints", "home_offers"}
    tags = known_tags(tag_library(settings))
    for basket in library.baskets:
        assert basket.currency == "CNY"
        related = related_pairs([f"tag:{tag.id}" for tag in basket.tags] + ["product:PR04"], tags, CATEGORIES)
        whole = {item for pair in related for item in pair if item.startswith("product")}
        assert not whole, "a tag of the products would only repeat them"
    assert tags["home_charger_candidate"].features >= {"owns_ev_charging", "is_open"}
    assert "ev_charging_at_home" in tags["home_charger_candidate"].tags
