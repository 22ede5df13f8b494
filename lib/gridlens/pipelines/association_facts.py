"""Baskets of one deployment: their definitions, what they are filled from, and how."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.associations.baskets import event_items, filled, population, product_items, service_items, tag_items
from gridlens.associations.library import Basket, BasketLibrary, load_baskets
from gridlens.associations.names import Names
from gridlens.associations.related import KnownTag
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.silver import SILVER
from gridlens.contracts.tag import TAG_VALUE
from gridlens.fold.versioned import as_known
from gridlens.pipelines.declared import tag_library
from gridlens.pipelines.moments import end_of_local_day, of_moment
from gridlens.pipelines.served_tags import expired_tags
from gridlens.pipelines.tag_state import Moment
from gridlens.settings import Settings, conf_files
from gridlens.tags.changes import values_as_known
from gridlens.tags.library import TagLibrary
from gridlens.warehouse import Warehouse


@dataclass(frozen=True)
class BasketFacts:
    """What baskets are filled from, as known at one moment.

    Attributes:
        features: account_feature_v1 of the moment.
        purchases: silver.purchase, one row for each purchase_id; ``services`` and ``interactions`` likewise.
        tags: rows of tag_value_v1 in force, one for each account and tag that is served.
        expired: tags past their time to live, which are not.
        products: names of each product in Chinese and English.
        categories: category of each product.
        as_of: last local day included; ``until`` is the UTC moment at which it ends.
    """

    features: DataFrame
    purchases: DataFrame
    services: DataFrame
    interactions: DataFrame
    tags: DataFrame
    expired: tuple[str, ...]
    products: Mapping[str, Names]
    categories: Mapping[str, str]
    as_of: dt.date
    until: dt.datetime


def basket_library(settings: Settings, tags: TagLibrary | None = None) -> BasketLibrary:
    """The baskets of conf/associations, the user's files first.

    Args:
        settings: name the user's folder.
        tags: the tags where they have been read already.

    Raises:
        DefinitionError: at the first mistake, naming file and line.
    """
    return load_baskets(conf_files(settings, "associations"), known_tags(tags or tag_library(settings)))


def known_tags(library: TagLibrary) -> dict[str, KnownTag]:
    """What associations need to know of each tag, by id."""
    known: dict[str, KnownTag] = {}
    for tag in library.tags:  # each stands after those it reads
        read = [known[name] for name in tag.tags]
        known[tag.id] = KnownTag(
            tag.id,
            tag.value_type,
            (tag.definition.name_zh, tag.definition.name_en),
            {value: (label.zh, label.en) for value, label in tag.definition.values.items()},
            frozenset(tag.features).union(*(one.features for one in read)),
            frozenset(tag.tags).union(*(one.tags for one in read)),
            tag.fingerprint,
        )
    return known


def basket_facts(warehouse: Warehouse, settings: Settings, moment: Moment) -> BasketFacts:
    """What the baskets of a moment are filled from: nothing that happened or became known later."""

    def known(name: str) -> DataFrame:
        return as_known(warehouse.read(SILVER[name]), SILVER[name], known_at=moment.known_at, as_of=moment.as_of)

    expired = expired_tags(warehouse, as_of=moment.as_of, known_at=moment.known_at)
    tags = values_as_known(warehouse.read(TAG_VALUE), as_of=moment.as_of, known_at=moment.known_at)
    catalogue = known("product").select("product_id", "name_zh", "name_en", "category").collect()  # what is on offer
    return BasketFacts(
        features=warehouse.read(ACCOUNT_FEATURE).where(of_moment(moment.as_of, moment.known_at)),
        purchases=known("purchase"),
        services=known("service_event"),
        interactions=known("interaction"),
        tags=tags.where(~F.col("tag_id").isin(*expired)),
        expired=expired,
        products={row["product_id"]: (row["name_zh"], row["name_en"] or row["name_zh"]) for row in catalogue},
        categories={row["product_id"]: row["category"] for row in catalogue},
        as_of=moment.as_of,
        until=end_of_local_day(moment.as_of, settings.zone),
    )


def filled_baskets(facts: BasketFacts, basket: Basket) -> DataFrame:
    """The basket of every account of the population."""
    wanted = basket.definition.items
    accounts = population(facts.features, basket.population.column(), money=basket.definition.money)
    parts = []
    if wanted.products:
        parts.append(product_items(facts.purchases, wanted.products, as_of=facts.as_of))
    if wanted.services:
        parts.append(service_items(facts.services, wanted.services, until=facts.until))
    if wanted.events:
        parts.append(event_items(facts.interactions, wanted.events, until=facts.until))
    if wanted.tags:
        parts.append(tag_items(facts.tags, wanted.tags))
    return filled(accounts, parts)
