"""Baskets: what each account of a population bought, asked, did and is, as an array of items."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.associations.counting import HALVES
from gridlens.associations.definition import SEPARATOR, Coverage, Events, Products, Services
from gridlens.contracts.association import DIMENSIONS

_SALT = "associations"
_ITEM_ARRAY = "array<string>"


def population(features: DataFrame, condition: Column, *, money: str | None) -> DataFrame:
    """The accounts that have a basket, one row each.

    Args:
        features: account_feature_v1 of one moment.
        condition: which of them.
        money: amount to be compared; None: none.

    Returns:
        account_id, half (0 or 1; all accounts of a party are in the same one, because what they do is not independent), the
        dimensions of scopes, cents (hundredths of the amount; null where not known).
    """
    cents = F.round(F.col(money) * 100).cast("bigint") if money else F.lit(None).cast("bigint")
    return features.where(condition).select(
        "account_id",
        F.pmod(F.xxhash64(F.lit(_SALT), F.coalesce("party_id", "account_id")), F.lit(HALVES)).cast("int").alias("half"),
        *[F.col(column).alias(dimension) for dimension, column in DIMENSIONS.items()],
        cents.alias("cents"),
    )


def product_items(purchases: DataFrame, wanted: Products, *, as_of: dt.date) -> DataFrame:
    """account_id, items: the different products bought in the window; ``purchases`` as known, one row for each purchase_id."""
    bought = F.col("purchased_on").between(F.lit(as_of - dt.timedelta(days=wanted.days - 1)), F.lit(as_of))
    chosen = F.col("product_id").isin(*wanted.ids) if wanted.ids else F.lit(True)
    return _collected(purchases.where(bought & chosen), _item("product", F.col("product_id")))


def service_items(events: DataFrame, wanted: Services, *, until: dt.datetime) -> DataFrame:
    """account_id, items: the different kinds of contact in the window; ``until`` is the UTC moment at which as_of ends."""
    chosen = _within("opened_at", wanted.days, until) & F.col("kind").isin(*wanted.kinds)
    return _collected(events.where(chosen), _item("service", F.col("kind")))


def event_items(interactions: DataFrame, wanted: Events, *, until: dt.datetime) -> DataFrame:
    """account_id, items: the different events in the window, each with its object where the definition names that."""
    exact = F.concat_ws(SEPARATOR, "kind", "object")
    plain, special = ([name for name in wanted.names if (SEPARATOR in name) is with_object] for with_object in (False, True))
    rows = interactions.where(_within("occurred_at", wanted.days, until))
    parts = [rows.where(F.col("kind").isin(*plain)).select("account_id", F.col("kind").alias("name"))] if plain else []
    parts += [rows.where(exact.isin(*special)).select("account_id", exact.alias("name"))] if special else []
    return _collected(reduce(DataFrame.unionByName, parts), _item("event", F.col("name")))


def tag_items(values: DataFrame, wanted: Sequence[str]) -> DataFrame:
    """account_id, items: the wanted tags that hold; ``values`` are rows of tag_value_v1, one for each account and tag."""
    text = F.when(F.col("value_text").isNotNull(), F.concat("tag_id", F.lit("="), "value_text"))
    code = F.when(F.col("value_boolean"), F.col("tag_id")).otherwise(text)
    return _collected(values.where(F.col("tag_id").isin(*wanted) & code.isNotNull()), _item("tag", code))


def filled(accounts: DataFrame, parts: Sequence[DataFrame]) -> DataFrame:
    """The accounts with ``items``: those of all parts together, sorted, each once; an account without any has an empty array."""
    result, arrays = accounts, []
    for number, part in enumerate(parts):
        name = f"_items_{number}"
        result = result.join(part.select("account_id", F.col("items").alias(name)), on="account_id", how="left")
        arrays.append(F.coalesce(name, F.array().cast(_ITEM_ARRAY)))
    items = F.array_sort(F.array_distinct(F.concat(*arrays)))
    return result.select(*accounts.columns, items.alias("items"))


def kept_items(baskets: DataFrame, coverage: Coverage) -> list[str]:
    """The items whose share of the baskets is within the coverage, sorted: bounded by products, kinds and tags.

    The choice looks at each item alone, on both halves. Fisher's test holds these margins fixed, so it stays exact.
    """
    total = baskets.count()
    shares = baskets.select(F.explode("items").alias("item")).groupBy("item").count()
    within = F.col("count").between(coverage.least * total, coverage.most * total)
    return sorted(row["item"] for row in shares.where(within).select("item").collect())


def only(baskets: DataFrame, items: Sequence[str]) -> DataFrame:
    """The baskets with no other items than these."""
    kept = F.array(*[F.lit(item) for item in items]).cast(_ITEM_ARRAY)
    return baskets.withColumn("items", F.array_intersect("items", kept))


def _within(moment: str, days: int, until: dt.datetime) -> Column:
    return (F.col(moment) >= F.lit(until - dt.timedelta(days=days))) & (F.col(moment) < F.lit(until))


def _item(kind: str, code: Column) -> Column:
    return F.concat(F.lit(kind + SEPARATOR), code)


def _collected(rows: DataFrame, item: Column) -> DataFrame:
    return rows.select("account_id", item.alias("item")).groupBy("account_id").agg(F.collect_set("item").alias("items"))
