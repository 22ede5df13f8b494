"""Customer value (客户价值): contribution margin of the last and of the next twelve months, potential, and rank among the accounts.

The next twelve months are the last ones, made a whole year for accounts that are not yet one year old, carried on by the trend and
weighted with the mean probability of still being a customer: with a constant rate of loss and S the probability to stay for the whole
year that mean is (S - 1) / ln S. A probability p within h days is 1 - (1 - p) ^ (365 / h) within a year, by the same assumption.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.value import CUSTOMER_VALUE
from gridlens.models.collection import exposure
from gridlens.models.value_definition import Value, ValueDefinition
from gridlens.models.value_ranks import bucket, limits, place

YEAR = 365
DECILES = tuple(i / 10 for i in range(1, 10))
_LEAST = 1e-12
_PLACE = "_place"


def within_a_year(probability: Column, days: int | Column) -> Column:
    """Probability within 365 days of what has this probability within ``days``, at a constant rate."""
    return 1 - F.pow(1 - probability, F.lit(YEAR) / days)


def product_margins(purchases: DataFrame, products: DataFrame, recurring: Sequence[str], *, as_of: dt.date) -> DataFrame:
    """What products earned by an account.

    Args:
        purchases: account_id, product_id, purchased_on, ended_on, quantity, as known; later days than ``as_of`` do not count.
        products: product_id, category, margin (CNY a unit; null: not calculated, nothing is counted).
        recurring: categories that earn their margin every year that they run.
        as_of: last day of the year.

    Returns:
        account_id, ``earned`` (CNY in the 365 days), ``running`` (CNY a year by what runs on ``as_of``).
    """
    begin, after = as_of - dt.timedelta(days=YEAR - 1), as_of + dt.timedelta(days=1)
    until = F.least(F.coalesce("ended_on", F.lit(after)), F.lit(after))
    days = F.greatest(F.datediff(until, F.greatest("purchased_on", F.lit(begin))), F.lit(0))
    again = F.coalesce(F.col("category").isin(*recurring), F.lit(False)) if recurring else F.lit(False)
    share = F.when(again, days / F.lit(YEAR)).otherwise((F.col("purchased_on") >= F.lit(begin)).cast("double"))
    runs = again & (until == F.lit(after))
    worth = F.col("quantity") * F.coalesce(F.col("margin").cast("double"), F.lit(0.0))
    bought = purchases.where(F.col("purchased_on") <= F.lit(as_of))
    rows = bought.join(F.broadcast(products.select("product_id", "category", "margin")), on="product_id", how="inner")
    return rows.groupBy("account_id").agg(F.sum(worth * share).alias("earned"), F.sum(F.when(runs, worth).otherwise(0.0)).alias("running"))


def product_potential(pairs: DataFrame, products: DataFrame, owned: DataFrame) -> DataFrame:
    """account_id and ``product_potential`` (CNY): expected margin of a year of what an account has not and may be offered.

    Args:
        pairs: account_id, product_id, probability, days (within how many), one row for each pair; 0 of what may not be offered.
        products: product_id, margin; null or not above 0: nothing is earned.
        owned: account_id and product_id of products that run.
    """
    margin = F.greatest(F.coalesce(F.col("margin").cast("double"), F.lit(0.0)), F.lit(0.0))
    wanted = pairs.join(owned.select("account_id", "product_id").distinct(), on=["account_id", "product_id"], how="left_anti")
    worth = wanted.join(F.broadcast(products.select("product_id", margin.alias("margin"))), on="product_id", how="inner")
    return worth.groupBy("account_id").agg(
        F.sum(within_a_year(F.col("probability"), F.col("days")) * F.col("margin")).alias("product_potential")
    )


def values(facts: DataFrame, value: Value, horizons: Mapping[str, int]) -> DataFrame:
    """The amounts of ``customer_value_v1``, a row an account.

    Args:
        facts: account features of one moment, and beside them, null where not known: ``earned`` and ``running`` (of
            :func:`product_margins`), ``<model>_score`` of every model of the definition, ``product_potential``, and ``added_revenue``
            (CNY a year) of electric substitution.
        value: the definition.
        horizons: days within which each model's score says that something happens.

    Returns:
        account_id, category, the amounts, ``trend`` and ``retention``, see the contract for the formulas; and ``member``: whether the
        account is of the definition's population.
    """
    told = value.definition
    risk, rate = _known(F.col(f"{told.arrears}_score")), _rate(told)
    young = F.lit(YEAR) / F.least(F.greatest("account_age_days", F.lit(told.least_days)), F.lit(YEAR))
    base = {
        "_bills": _known(F.col("bill_amount_365d")),
        "product_margin": _known(F.col("earned")),
        "service_cost": _service(value),
        "credit_loss": risk * exposure() * told.loss_given_default,
        "trend": F.least(F.greatest(1 + told.trend.weight * _known(value.change.column()), F.lit(told.trend.low)), F.lit(told.trend.high)),
        "retention": _retention(told, horizons),
        "substitution_potential": _substitution(told, horizons) * rate,
        "_rate": rate,
        "_risk": risk,
        "_year": young,
    }
    member = F.coalesce(value.population.column(), F.lit(False))
    found = facts.withColumns({"member": member, **{name: column.cast("double") for name, column in base.items()}})
    found = found.withColumns({"_stays": mean_stay(F.col("retention")), "energy_margin": F.col("_bills") * F.col("_rate")})
    next_bills = F.col("_bills") * F.col("_year") * F.col("trend") * F.col("_stays")
    found = found.withColumns(
        {
            "margin_365d": F.col("energy_margin") + F.col("product_margin") - F.col("service_cost") - F.col("credit_loss"),
            "expected_energy_margin": next_bills * F.col("_rate"),
            "expected_product_margin": _known(F.col("running")) * F.col("_stays"),
            "expected_service_cost": F.col("service_cost") * F.col("_year") * F.col("_stays"),
            "expected_credit_loss": F.col("_risk") * F.greatest(next_bills, F.lit(0.0)) * told.loss_given_default,
            "potential": _known(F.col("product_potential")) + _known(F.col("substitution_potential")),
        }
    )
    gains = F.col("expected_energy_margin") + F.col("expected_product_margin")
    found = found.withColumn("expected_margin", gains - F.col("expected_service_cost") - F.col("expected_credit_loss"))
    found = found.withColumn("total", F.col("expected_margin") + F.col("potential"))
    return found.select(*[name for name in CUSTOMER_VALUE.columns if name not in _LATER], "member")


_LATER = ("as_of", "known_at", "decile", "category_decile", "band", "definition")


def customer_value(found: DataFrame, value: Value, *, as_of: dt.date, known_at: dt.datetime) -> DataFrame:
    """``customer_value_v1`` of :func:`values`: with decile, decile within the category, and band.

    Counts by category and place reach the driver: some thousand rows a category at the most.
    """
    placed = found.withColumn(_PLACE, place(F.col("total")))
    counts = placed.groupBy("category", _PLACE).agg(F.count(F.lit(1)).alias("n")).collect()
    everybody = limits([(row[_PLACE], row["n"]) for row in counts], DECILES)
    own = F.lit(None).cast("int")
    for category in sorted({row["category"] for row in counts}):
        bounds = limits([(row[_PLACE], row["n"]) for row in counts if row["category"] == category], DECILES)
        own = F.when(F.col("category") == category, bucket(F.col(_PLACE), bounds)).otherwise(own)
    shares = [band.share for band in value.definition.bands[:-1]]
    number = bucket(F.col(_PLACE), limits([(row[_PLACE], row["n"]) for row in counts], shares))
    names = F.array(*[F.lit(band.id) for band in value.definition.bands])
    added = {
        "as_of": F.lit(as_of),
        "known_at": F.lit(known_at),
        "decile": bucket(F.col(_PLACE), everybody),
        "category_decile": own,
        "band": F.element_at(names, number),
        "definition": F.lit(value.stamp),
    }
    return CUSTOMER_VALUE.conform(placed.withColumns(added))


def _known(amount: Column) -> Column:
    return F.coalesce(amount.cast("double"), F.lit(0.0))


def _rate(told: ValueDefinition) -> Column:
    rate = F.lit(told.energy_margin.default)
    for category, own in told.energy_margin.by_category.items():
        rate = F.when(F.col("category") == category, F.lit(own)).otherwise(rate)
    return rate


def _service(value: Value) -> Column:
    costs = [
        F.greatest(_known(q.column()), F.lit(0.0)) * one.cost for one, q in zip(value.definition.service, value.quantities, strict=True)
    ]
    return reduce(add, costs, F.lit(0.0))


def _retention(told: ValueDefinition, horizons: Mapping[str, int]) -> Column:
    """Of the models of churn the one that scored the account; null where none did."""
    stays = [1 - within_a_year(F.col(f"{model}_score"), horizons[model]) for model in told.churn]
    return reduce(lambda one, other: F.coalesce(one, other), stays)


def mean_stay(retention: Column) -> Column:
    """Mean over the year of the probability of still being there; 1 where it is not known."""
    rate = -F.log(F.greatest(F.coalesce(retention, F.lit(1.0)), F.lit(_LEAST)))
    return F.when(rate < _LEAST, F.lit(1.0)).otherwise((1 - F.exp(-rate)) / rate)


def _substitution(told: ValueDefinition, horizons: Mapping[str, int]) -> Column:
    return within_a_year(F.col(f"{told.substitution}_score"), horizons[told.substitution]) * F.col("added_revenue")
