"""The collection list (催收清单): expected loss of every account, and the cases that a team of a given size works on first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from pydantic import Field as ModelField
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from gridlens.contracts.collection import COLLECTION_CASE
from gridlens.definitions import Frozen


class CollectionPlan(Frozen):
    """How cases are chosen. The figures are a company's own; the defaults are illustrative.

    Attributes:
        capacity: cases that the team can work on.
        loss_given_default: share of an exposure that is lost where a bill stays unpaid; the default is the Basel II foundation
            approach's for senior unsecured claims (BCBS 128, June 2006, paragraph 287).
        by_category: another share for some customer categories.
        saved: share of the expected loss that working on a case saves.
        cost: of working on a case, CNY; a case that saves no more than that is none.
    """

    capacity: int = ModelField(default=200, ge=1)
    loss_given_default: float = ModelField(default=0.45, gt=0, le=1)
    by_category: Mapping[str, float] = ModelField(default_factory=dict)
    saved: float = ModelField(default=0.5, gt=0, le=1)
    cost: float = ModelField(default=15.0, ge=0)


def exposure() -> Column:
    """Arrears, and one more bill of the usual amount that may stay unpaid (CNY), of account features."""
    usual = F.coalesce(F.col("bill_amount_mean_365d"), F.lit(0.0))
    arrears = F.coalesce(F.col("arrears_amount"), F.lit(0.0))
    return (arrears + F.greatest(usual, F.lit(0.0))).cast("double")


def exposures(features: DataFrame) -> DataFrame:
    """account_id, category, ``exposure``, see :func:`exposure`, and ``bills_in_question``, which are no part of it."""
    return features.select("account_id", "category", exposure().alias("exposure"), "bills_in_question")


def with_expected_loss(scored: DataFrame, plan: CollectionPlan) -> DataFrame:
    """Adds ``loss_given_default``, ``expected_loss`` and ``expected_saving`` to rows with probability, exposure and category."""
    loss = F.col("probability") * F.col("exposure") * F.col("loss_given_default")
    return (
        scored.withColumn("loss_given_default", _loss_given_default(plan))
        .withColumn("expected_loss", loss)
        .withColumn("expected_saving", F.col("expected_loss") * plan.saved - plan.cost)
    )


def _loss_given_default(plan: CollectionPlan) -> Column:
    share = F.lit(plan.loss_given_default)
    for category, own in plan.by_category.items():
        share = F.when(F.col("category") == category, F.lit(own)).otherwise(share)
    return share


def collection_list(
    scores: DataFrame, exposed: DataFrame, plan: CollectionPlan, *, as_of: dt.date, known_at: dt.datetime, days: DataFrame | None = None
) -> DataFrame:
    """The cases of ``collection_case_v1``, the greatest expected saving first, at most the plan's capacity.

    Args:
        scores: account_id, score (of arrears), reasons, model, version.
        exposed: account_id, category, exposure, bills_in_question; see :func:`exposures`.
        plan: how cases are chosen.
        as_of, known_at: the moment.
        days: account_id and expected_days, where time to pay is modelled.
    """
    cases = with_expected_loss(scores.withColumnRenamed("score", "probability").join(exposed, on="account_id", how="inner"), plan)
    if days is None:
        cases = cases.withColumn("expected_days", F.lit(None).cast("double"))
    else:
        cases = cases.join(days.select("account_id", "expected_days"), on="account_id", how="left")
    order = [F.desc("expected_saving"), F.asc("account_id")]
    worthwhile = cases.where(F.col("expected_saving") > 0).orderBy(*order).limit(plan.capacity)
    ranked = worthwhile.withColumn("rank", F.row_number().over(Window.orderBy(*order)))  # of the team's cases only
    moment = ranked.withColumn("as_of", F.lit(as_of)).withColumn("known_at", F.lit(known_at))
    return COLLECTION_CASE.conform(moment)


def unpaid_share(outcomes: DataFrame, *, by: str = "category") -> DataFrame:
    """What was lost of bills that stayed unpaid: a check of the plan's loss given default against the label's outcomes.

    Args:
        outcomes: label, exposure and unpaid of past bills, and ``by``.

    Returns:
        ``by``, accounts, ``unpaid_share`` of the exposure on the label's day: an upper bound, since some is paid later.
    """
    defaults = outcomes.where(F.col("label") == 1)
    share = F.sum("unpaid") / F.sum("exposure")
    return defaults.groupBy(by).agg(F.count(F.lit(1)).alias("accounts"), share.alias("unpaid_share"))
