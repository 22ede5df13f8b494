"""How true an expected margin was: compared with the margin that came, beside last year's margin as the simplest guess."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.value import ESTIMATES
from gridlens.models.customer_value import DECILES
from gridlens.models.value_ranks import bucket, limits, middle_ranks, place


@dataclass(frozen=True)
class ValueFigure:
    """One estimate against the margin that came; fields as in ``value_figure_v1``."""

    judged_as_of: dt.date
    estimate: str
    accounts: int
    scored: bool
    mean_margin: float
    mean_error: float
    mean_absolute_error: float
    rank_correlation: float | None
    top_tenth_share: float | None


def against_what_came(before: DataFrame, after: DataFrame) -> DataFrame:
    """The accounts valued before, with what came.

    Args:
        before: of :func:`~gridlens.models.customer_value.values` at the earlier moment.
        after: the same a year later, of all accounts; who is not there any more brought nothing.

    Returns:
        account_id, ``expected`` and ``last_year`` (CNY, without expected losses of credit: they are no facts), ``came`` (CNY).
    """
    fact = F.col("energy_margin") + F.col("product_margin") - F.col("service_cost")
    guesses = before.select(
        "account_id", (F.col("expected_margin") + F.col("expected_credit_loss")).alias("expected"), fact.alias("last_year")
    )
    came = after.select("account_id", fact.alias("came"))
    return guesses.join(came, on="account_id", how="left").withColumn("came", F.coalesce("came", F.lit(0.0)))


def value_figures(compared: DataFrame, *, judged_as_of: dt.date, scored: bool) -> tuple[ValueFigure, ...]:
    """The figures of ``expected`` and ``last_year``; nothing where there is no account.

    Args:
        compared: account_id, expected, last_year, came.
        judged_as_of: when the margin was expected.
        scored: whether churn had been scored then.
    """
    placed = compared.withColumns({f"_{name}": place(F.col(name)) for name in (*ESTIMATES, "came")})
    return tuple(figure for name in ESTIMATES if (figure := _figure(placed, name, judged_as_of, scored)))


def _figure(placed: DataFrame, name: str, judged_as_of: dt.date, scored: bool) -> ValueFigure | None:
    counts = placed.groupBy(f"_{name}").agg(F.count(F.lit(1)).alias("n")).collect()  # some thousand places at the most
    top = limits([(row[f"_{name}"], row["n"]) for row in counts], DECILES[:1])
    if not top:
        return None
    ranked = placed
    for column in (f"_{name}", "_came"):
        ranks = middle_ranks(placed, column).withColumnRenamed("rank", f"rank{column}")
        ranked = ranked.join(F.broadcast(ranks), on=column, how="inner")
    error = F.col(name) - F.col("came")
    found = ranked.agg(
        F.count(F.lit(1)).alias("accounts"),
        F.avg("came").alias("mean"),
        F.avg(error).alias("error"),
        F.avg(F.abs(error)).alias("absolute"),
        F.corr(f"rank_{name}", "rank_came").alias("correlation"),
        F.sum("came").alias("came"),
        F.sum(F.when(bucket(F.col(f"_{name}"), top) == 1, F.col("came"))).alias("top"),
    ).collect()[0]
    correlation = found["correlation"]
    known = correlation if correlation is not None and correlation == correlation else None  # NaN where all ranks are one
    share = (found["top"] or 0.0) / found["came"] if found["came"] > 0 else None
    return ValueFigure(judged_as_of, name, found["accounts"], scored, found["mean"], found["error"], found["absolute"], known, share)
