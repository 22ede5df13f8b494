"""Next best offers (产品推荐): the products to offer to each account, by expected margin, after exclusions, few of one kind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from gridlens.contracts.offers import NEXT_BEST_OFFER, OFFER_EXCLUSION
from gridlens.models.offer_definition import OfferPlan

_PAIR = ["account_id", "product_id"]


def judged(
    propensities: DataFrame,
    products: DataFrame,
    *,
    owned: DataFrame,
    eligible: DataFrame,
    consenting: DataFrame,
    kept: DataFrame,
    recurring: Sequence[str],
    plan: OfferPlan,
) -> DataFrame:
    """Every propensity with category, margin, kept_share, expected_margin and ``exclusion`` (null: may be offered).

    A product that earns its margin while it runs earns the less, the sooner its buyer is lost.

    Args:
        propensities: account_id, product_id, probability, model, version; one row for each pair.
        products: product_id, category, margin (CNY; null or not above 0: nothing is earned by it); one row each.
        owned: account_id and product_id of products that run.
        eligible: account_id and product_id of what may be offered at all.
        consenting: account_id of those who may be offered something.
        kept: account_id and kept_share, mean probability over the next twelve months that the account is still there; who is missing stays.
        recurring: categories that earn their margin every year that they run.
        plan: how offers are chosen.
    """
    pairs = (
        propensities.join(
            F.broadcast(products.select("product_id", "category", F.col("margin").cast("double"))), on="product_id", how="inner"
        )
        .join(owned.select(*_PAIR).distinct().withColumn("owned", F.lit(True)), on=_PAIR, how="left")
        .join(eligible.select(*_PAIR).distinct().withColumn("eligible", F.lit(True)), on=_PAIR, how="left")
        .join(consenting.select("account_id").distinct().withColumn("consenting", F.lit(True)), on="account_id", how="left")
        .join(kept.select("account_id", F.col("kept_share").alias("_kept")), on="account_id", how="left")
    )
    runs_on = F.coalesce(F.col("category").isin(*recurring), F.lit(False)) if recurring else F.lit(False)
    kept_share = F.when(runs_on, F.coalesce("_kept", F.lit(1.0))).otherwise(F.lit(1.0))
    exclusion = (
        F.when(F.col("consenting").isNull(), "no_consent")
        .when(F.col("owned"), "owned")
        .when(F.col("eligible").isNull(), "not_eligible")
        .when(F.col("margin").isNull() | (F.col("margin") <= 0), "no_margin")
        .when(F.col("probability") < plan.min_probability, "unlikely")
    )
    expected = F.col("probability") * F.col("margin") * kept_share
    money = ("margin", kept_share.alias("kept_share"), expected.alias("expected_margin"))
    return pairs.select(*_PAIR, "category", "probability", *money, exclusion.alias("exclusion"), "model", "version")


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


def exclusions(pairs: DataFrame, offered: DataFrame, *, as_of: dt.date, known_at: dt.datetime) -> DataFrame:
    """``offer_exclusion_v1`` of judged pairs, of which ``offered`` (account_id, product_id) were chosen: with these, all pairs."""
    chosen = offered.select(*_PAIR, F.lit(True).alias("offered"))
    left = pairs.join(chosen, on=_PAIR, how="left").where(F.col("offered").isNull())
    reason = F.coalesce("exclusion", F.lit("beyond_plan")).alias("exclusion")
    counts = left.groupBy("product_id", reason).agg(F.count(F.lit(1)).alias("accounts"))
    return OFFER_EXCLUSION.conform(counts.withColumn("as_of", F.lit(as_of)).withColumn("known_at", F.lit(known_at)))


def by_product(scores: DataFrame, sold: DataFrame, eligible: DataFrame) -> DataFrame:
    """Propensities of single products from models of one or several products, a row for each account and product.

    A model's probability is shared equally by those of its products that the account may be offered: buying any of them is one event.
    What it may not be offered has probability 0. Where two models tell of one product, the greater probability counts.

    Args:
        scores: account_id, model, version, score.
        sold: model, product_id, days: what each model is about, and within how many days its label looks.
        eligible: account_id, product_id.

    Returns:
        account_id, product_id, probability, days, model, version.
    """
    may = eligible.select(*_PAIR).distinct().withColumn("may", F.lit(True))
    pairs = scores.join(F.broadcast(sold), on="model", how="inner").join(may, on=_PAIR, how="left")
    count = F.count("may").over(Window.partitionBy("account_id", "model"))
    shared = pairs.withColumn("probability", F.when(F.col("may"), F.col("score") / count).otherwise(0.0))
    best = shared.groupBy(*_PAIR).agg(F.max(F.struct("probability", "model", "version", "days")).alias("best"))
    return best.select(*_PAIR, "best.probability", "best.days", "best.model", "best.version")
