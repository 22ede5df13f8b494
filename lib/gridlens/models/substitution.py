"""Electric substitution (电能替代): energy, money and CO2 of a change, and who is of the kind that changes.

Who has not bought yet may still be one who would: a row without a purchase is unlabelled rather than negative. Where buyers are a random
sample of those who would buy, the score of a model of purchases is the wanted probability times a constant c, the share of the positives
that is labelled, and c is the mean score of held-out buyers (C. Elkan and K. Noto, Learning Classifiers from Only Positive and Unlabeled
Data, KDD 2008, estimator e1). The order of accounts is the same with and without it. It errs both ways: buyers of the first months are
hardly a random sample, so that c is too high, and the candidates too few, where early buyers are the keenest; and where a model cannot
tell buyers from others well, their mean score is below c, and the candidates are too many.
"""

from __future__ import annotations

import datetime as dt

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from gridlens.contracts.substitution import DIMENSIONS, SUBSTITUTION_POTENTIAL, SUBSTITUTION_SUMMARY
from gridlens.errors import SourceError
from gridlens.models.substitution_definition import Substitution

MIN_BUYERS = 10
"""Fewer held-out buyers give no mean to divide by."""


def label_frequency(mean_score: float, buyers: float) -> float:
    """c of the formula: the mean score of buyers that the model did not see.

    Args:
        mean_score: of the held-out rows with label 1.
        buyers: how many these are.

    Raises:
        SourceError: they are too few, or have no score above 0.
    """
    if buyers < MIN_BUYERS or not mean_score > 0:
        raise SourceError(
            f"label frequency: {buyers:,.0f} held-out rows with label 1 have a mean score of {mean_score:.3g}; "
            f"at least {MIN_BUYERS} rows with scores above 0 are needed; hold out a longer time"
        )
    return mean_score


def candidate(score: Column, frequency: float) -> Column:
    """Probability of being of the kind that changes; 1 at most."""
    return F.least(score / F.lit(frequency), F.lit(1.0))


def potential(features: DataFrame, substitution: Substitution) -> DataFrame:
    """What electricity would add, of every account that has a process of the definition.

    Returns:
        account_id, industry_code, process, fuel, added_kwh, added_revenue, fuel_kwh, co2_saved_kg; a year each. Accounts whose heat is not
        known, or not above 0, have no row. The fuel is the known one, else that of the process; efficiencies are those of the process.
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
    known = substitution.known_fuel.column().cast("string")
    fuel = F.when(known.isin(*definition.fuel_kg_co2_per_kwh), known).otherwise(fuel)
    price = F.when(F.col("average_price_365d") > 0, F.col("average_price_365d")).otherwise(definition.default_price)
    found = features.where(substitution.population.column()).select(
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


def valued(
    scores: DataFrame, could: DataFrame, frequency: float, *, risks: DataFrame | None = None, grades: DataFrame | None = None
) -> DataFrame:
    """What is expected of every account that has a score and a process.

    Args:
        scores: account_id, score (of substitution), model, version.
        could: from :func:`potential`.
        frequency: from :func:`label_frequency`.
        risks: account_id, score and band, of arrears; None: not known.
        grades: account_id and grade; None: not known.

    Returns:
        The columns of ``substitution_potential_v1`` but for the moment and the rank.
    """
    joined = scores.withColumnRenamed("score", "probability").join(could, on="account_id", how="inner")
    nothing = F.lit(None).cast("string")
    if risks is None:
        joined = joined.withColumns({"risk": F.lit(None).cast("double"), "risk_band": nothing})
    else:
        told = risks.select("account_id", F.col("score").alias("risk"), F.col("band").alias("risk_band"))
        joined = joined.join(told, on="account_id", how="left")
    joined = (
        joined.withColumn("grade", nothing)
        if grades is None
        else joined.join(grades.select("account_id", "grade"), on="account_id", how="left")
    )
    return joined.withColumn("candidate", candidate(F.col("probability"), frequency)).withColumn(
        "expected_revenue", F.col("candidate") * F.col("added_revenue") * (1 - F.coalesce("risk", F.lit(0.0)))
    )


def candidates(found: DataFrame, *, as_of: dt.date, known_at: dt.datetime, limit: int) -> DataFrame:
    """``substitution_potential_v1`` of :func:`valued`: at most ``limit`` rows, the greatest expected revenue first."""
    order = [F.desc("expected_revenue"), F.asc("account_id")]
    ranked = found.orderBy(*order).limit(limit).withColumn("rank", F.row_number().over(Window.orderBy(*order)))  # of the best only
    return SUBSTITUTION_POTENTIAL.conform(ranked.withColumn("as_of", F.lit(as_of)).withColumn("known_at", F.lit(known_at)))


def summary(found: DataFrame, *, as_of: dt.date, known_at: dt.datetime) -> DataFrame:
    """``substitution_summary_v1`` of :func:`valued`: sums by process, industry, risk and grade; a hundred rows or so."""
    named = {"process": F.col("process"), "industry": F.coalesce("industry_code", F.lit("none"))}
    named |= {name: F.coalesce(name, F.lit("unknown")) for name in ("risk_band", "grade")}
    keys = F.explode(F.array(*[F.struct(F.lit(name).alias("dimension"), named[name].alias("value")) for name in DIMENSIONS]))
    sums = {"candidates": "candidate", **{name: name for name in ("added_kwh", "added_revenue", "expected_revenue", "co2_saved_kg")}}
    rows = found.select(keys.alias("key"), *sums.values()).groupBy("key.dimension", "key.value")
    counted = rows.agg(F.count(F.lit(1)).alias("accounts"), *[F.sum(column).alias(name) for name, column in sums.items()])
    return SUBSTITUTION_SUMMARY.conform(counted.withColumn("as_of", F.lit(as_of)).withColumn("known_at", F.lit(known_at)))
