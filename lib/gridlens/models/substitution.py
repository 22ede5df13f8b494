"""Electric substitution (电能替代): energy, money and CO2 of a change, and who is of the kind that changes.

Who has not bought yet may still be one who would: a row without a purchase is unlabelled rather than negative. Where buyers are a random
sample of those who would buy, the score of a model of purchases is the wanted probability times a constant c, the share of the positives
that is labelled, and c is the mean score of held-out buyers (C. Elkan and K. Noto, Learning Classifiers from Only Positive and Unlabeled
Data, KDD 2008, estimator e1). The order of accounts is the same with and without it. Buyers of the first months are hardly a random
sample, so that c is too high, and the candidates too few, where early buyers are the keenest.
"""

from __future__ import annotations

import datetime as dt

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from gridlens.contracts.substitution import SUBSTITUTION_POTENTIAL
from gridlens.errors import SourceError
from gridlens.models.substitution_definition import Substitution

MIN_BUYERS = 10
"""Fewer held-out buyers give no mean to divide by."""


def label_frequency(held_out: DataFrame, *, score: str = "prediction", label: str = "label") -> float:
    """c of the formula: the mean score of buyers that the model did not see.

    Raises:
        SourceError: they are too few.
    """
    found = held_out.where(F.col(label) == 1).agg(F.count(F.lit(1)).alias("buyers"), F.avg(score).alias("mean")).collect()[0]
    if found["buyers"] < MIN_BUYERS:
        raise SourceError(
            f"label frequency: {found['buyers']} held-out rows with label 1, at least {MIN_BUYERS} are needed; hold out a longer time"
        )
    return float(found["mean"])


def candidate(score: Column, frequency: float) -> Column:
    """Probability of being of the kind that changes; 1 at most."""
    return F.least(score / F.lit(frequency), F.lit(1.0))


def potential(features: DataFrame, substitution: Substitution) -> DataFrame:
    """What electricity would add, of every account that has a process of the definition.

    Returns:
        account_id, industry_code, process, fuel, added_kwh, added_revenue, fuel_kwh, co2_saved_kg; a year each. Accounts whose heat is not
        known, or not above 0, have no row.
    """
    definition = substitution.definition
    name, fuel, heat = F.lit(None).cast("string"), F.lit(None).cast("string"), F.lit(None).cast("double")
    by_fuel, by_electricity = F.lit(None).cast("double"), F.lit(None).cast("double")
    for process, population, needed in reversed(substitution.processes):
        here = F.coalesce(population.column(), F.lit(False))
        name, fuel = (F.when(here, value).otherwise(other) for value, other in ((process.id, name), (process.fuel, fuel)))
        heat = F.when(here, needed.column().cast("double")).otherwise(heat)
        by_fuel = F.when(here, process.fuel_efficiency).otherwise(by_fuel)
        by_electricity = F.when(here, process.electric_efficiency).otherwise(by_electricity)
    price = F.when(F.col("average_price_365d") > 0, F.col("average_price_365d")).otherwise(definition.default_price)
    found = features.select(
        "account_id",
        "industry_code",
        name.alias("process"),
        fuel.alias("fuel"),
        (heat / by_fuel).alias("fuel_kwh"),
        (heat / by_electricity).alias("added_kwh"),
        price.alias("price"),
    )
    burnt = F.create_map(*(F.lit(item) for pair in definition.fuel_kg_co2_per_kwh.items() for item in pair))[F.col("fuel")]
    return found.where(F.col("added_kwh") > 0).select(
        "account_id",
        "industry_code",
        "process",
        "fuel",
        "added_kwh",
        (F.col("added_kwh") * F.col("price")).alias("added_revenue"),
        "fuel_kwh",
        (F.col("fuel_kwh") * burnt - F.col("added_kwh") * definition.grid_kg_co2_per_kwh).alias("co2_saved_kg"),
    )


def candidates(
    scores: DataFrame,
    could: DataFrame,
    frequency: float,
    *,
    as_of: dt.date,
    known_at: dt.datetime,
    limit: int,
    risks: DataFrame | None = None,
) -> DataFrame:
    """The candidates of ``substitution_potential_v1``, the greatest expected revenue first.

    Args:
        scores: account_id, score (of substitution), model, version.
        could: from :func:`potential`.
        frequency: from :func:`label_frequency`.
        as_of, known_at: the moment.
        limit: most rows.
        risks: account_id and score, of arrears.
    """
    joined = scores.withColumnRenamed("score", "probability").join(could, on="account_id", how="inner")
    if risks is None:
        joined = joined.withColumn("risk", F.lit(None).cast("double"))
    else:
        joined = joined.join(risks.select("account_id", F.col("score").alias("risk")), on="account_id", how="left")
    valued = joined.withColumn("candidate", candidate(F.col("probability"), frequency)).withColumn(
        "expected_revenue", F.col("candidate") * F.col("added_revenue") * (1 - F.coalesce("risk", F.lit(0.0)))
    )
    order = [F.desc("expected_revenue"), F.asc("account_id")]
    ranked = valued.orderBy(*order).limit(limit).withColumn("rank", F.row_number().over(Window.orderBy(*order)))  # of the best only
    return SUBSTITUTION_POTENTIAL.conform(ranked.withColumn("as_of", F.lit(as_of)).withColumn("known_at", F.lit(known_at)))


def by_process(could: DataFrame) -> DataFrame:
    """The potential by process and industry: accounts, added_kwh, added_revenue, co2_saved_kg; a few hundred rows at the most."""
    sums = [F.sum(name).alias(name) for name in ("added_kwh", "added_revenue", "co2_saved_kg")]
    return could.groupBy("process", "industry_code").agg(F.count(F.lit(1)).alias("accounts"), *sums)
