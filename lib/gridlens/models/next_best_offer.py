"""Next best offers (产品推荐): the products to offer to each account, by expected margin, after exclusions, few of one kind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import reduce

from pydantic import Field as ModelField
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from gridlens.contracts.offers import NEXT_BEST_OFFER, OFFER_EXCLUSION
from gridlens.definitions import Frozen

_PAIR = ["account_id", "product_id"]


class OfferPlan(Frozen):
    """How offers are chosen.

    Attributes:
        offers: most of one account.
        of_one_category: most of one category among them.
        min_probability: what is less likely is not offered.
    """

    offers: int = ModelField(default=3, ge=1, le=20)
    of_one_category: int = ModelField(default=1, ge=1, le=20)
    min_probability: float = ModelField(default=0.0, ge=0, lt=1)


def judged(
    propensities: DataFrame, products: DataFrame, *, owned: DataFrame, eligible: DataFrame, consenting: DataFrame, plan: OfferPlan
) -> DataFrame:
    """Every propensity with category, margin, expected_margin and ``exclusion`` (null: may be offered).

    Args:
        propensities: account_id, product_id, probability, model, version; one row for each pair.
        products: product_id, category, margin (CNY; null or not above 0: nothing is earned by it); one row each.
        owned: account_id and product_id of products that run.
        eligible: account_id and product_id of what may be offered at all.
        consenting: account_id of those who may be offered something.
        plan: how offers are chosen.
    """
    pairs = (
        propensities.join(
            F.broadcast(products.select("product_id", "category", F.col("margin").cast("double"))), on="product_id", how="inner"
        )
        .join(owned.select(*_PAIR).distinct().withColumn("owned", F.lit(True)), on=_PAIR, how="left")
        .join(eligible.select(*_PAIR).distinct().withColumn("eligible", F.lit(True)), on=_PAIR, how="left")
        .join(consenting.select("account_id").distinct().withColumn("consenting", F.lit(True)), on="account_id", how="left")
    )
    exclusion = (
        F.when(F.col("consenting").isNull(), "no_consent")
        .when(F.col("owned"), "owned")
        .when(F.col("eligible").isNull(), "not_eligible")
        .when(F.col("margin").isNull() | (F.col("margin") <= 0), "no_margin")
        .when(F.col("probability") < plan.min_probability, "unlikely")
    )
    expected = F.col("probability") * F.col("margin")
    return pairs.select(
        *_PAIR, "category", "probability", "margin", expected.alias("expected_margin"), exclusion.alias("exclusion"), "model", "version"
    )


def offers(pairs: DataFrame, plan: OfferPlan, *, as_of: dt.date, known_at: dt.datetime) -> DataFrame:
    """``next_best_offer_v1`` of judged pairs: by expected margin, equal ones by product; what a category has too many of gives way."""
    order = [F.desc("expected_margin"), F.asc("product_id")]
    in_category = F.row_number().over(Window.partitionBy("account_id", "category").orderBy(*order))
    in_account = F.row_number().over(Window.partitionBy("account_id").orderBy(*order))
    few = (
        pairs.where(F.col("exclusion").isNull()).withColumn("in_category", in_category).where(F.col("in_category") <= plan.of_one_category)
    )
    ranked = few.withColumn("rank", in_account).where(F.col("rank") <= plan.offers)
    return NEXT_BEST_OFFER.conform(ranked.withColumn("as_of", F.lit(as_of)).withColumn("known_at", F.lit(known_at)))


def exclusions(pairs: DataFrame, *, as_of: dt.date, known_at: dt.datetime) -> DataFrame:
    """``offer_exclusion_v1`` of judged pairs."""
    counts = pairs.where(F.col("exclusion").isNotNull()).groupBy("product_id", "exclusion").agg(F.count(F.lit(1)).alias("accounts"))
    return OFFER_EXCLUSION.conform(counts.withColumn("as_of", F.lit(as_of)).withColumn("known_at", F.lit(known_at)))


def by_product(scores: Sequence[DataFrame], products: DataFrame, eligible: DataFrame) -> DataFrame:
    """Propensities of single products from models of whole categories.

    A category's probability is shared equally by the products of it that the account may be offered: buying any of them is one event.

    Args:
        scores: account_id, category, score, model, version, of one model each.
        products: product_id, category.
        eligible: account_id, product_id.
    """
    together = reduce(DataFrame.unionByName, [df.select("account_id", "category", "score", "model", "version") for df in scores])
    possible = eligible.select(*_PAIR).distinct().join(F.broadcast(products.select("product_id", "category")), on="product_id", how="inner")
    pairs = possible.join(together, on=["account_id", "category"], how="inner")
    count = F.count(F.lit(1)).over(Window.partitionBy("account_id", "category"))
    return pairs.select(*_PAIR, (F.col("score") / count).alias("probability"), "model", "version")
