"""Customers who leave or fade (客户流失)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import reduce
from typing import Literal, get_args

from pydantic import Field as ModelField
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.models.labels.label import Arguments, Facts, LabelFunction, Window, open_accounts
from gridlens.tables import Field

Cause = Literal["closed", "holder_changed", "plan_ended", "own_generation", "faded"]
YEAR = dt.timedelta(days=365)
MIN_BILLS = 6
BILLS_KNOWN_AFTER = 28
"""Days after a window until its last bills, which tell who has faded, are issued and known."""


class AccountLeft(Arguments):
    """How an account may be lost, and which signs count.

    Attributes:
        causes: the signs that count.
        plans: product categories whose end is a loss (``plan_ended``).
        faded_share: an account has faded where its energy a day falls below this part of its lowest month of the year before.
    """

    causes: tuple[Cause, ...] = ModelField(default=get_args(Cause), min_length=1)
    plans: tuple[str, ...] = ModelField(default=("retail_plan",), min_length=1)
    faded_share: float = ModelField(default=0.2, gt=0, lt=1)

    @property
    def later_days(self) -> int:
        return BILLS_KNOWN_AFTER if "faded" in self.causes else 0


def account_left(facts: Facts, window: Window, arguments: AccountLeft) -> DataFrame:
    """1 where the account is lost in the window by one of the causes, as far as the company can see it.

    ``closed`` the account ended: a household moved out, a business shut down or moved away. ``holder_changed`` another party holds it.
    ``plan_ended`` the last product of ``plans`` that it had at T ended: a business changed its retailer, a household left its plan.
    ``own_generation`` generation was registered behind a meter that had none. ``faded`` the last bill period that lies wholly in the window
    has hardly any energy a day, see ``faded_share``; measured against the lowest of at least six bills of the year to T, so that who
    rests every summer has not faded.

    Every account that is open when the window begins has a row.
    """
    parts = {
        "closed": _closed,
        "holder_changed": _holder_changed,
        "plan_ended": _plan_ended,
        "own_generation": _own_generation,
        "faded": _faded,
    }
    events = [parts[cause](facts, window, arguments).withColumn("cause", F.lit(cause)) for cause in arguments.causes]
    rank = F.array_position(F.lit(list(arguments.causes)), F.col("cause"))
    first = F.min(F.struct("left_on", rank.alias("rank"), "cause")).alias("first")
    found = (
        reduce(DataFrame.unionByName, [event.select("account_id", "left_on", "cause") for event in events]).groupBy("account_id").agg(first)
    )
    rows = open_accounts(facts, window).join(found, on="account_id", how="left")
    return rows.select("account_id", F.col("first").isNotNull().cast("int").alias("label"), "first.cause", "first.left_on")


def _closed(facts: Facts, window: Window, _: AccountLeft) -> DataFrame:
    return open_accounts(facts, window).where(window.holds("closed_on")).withColumnRenamed("closed_on", "left_on")


def _holder_changed(facts: Facts, window: Window, _: AccountLeft) -> DataFrame:
    versions = facts["account"]
    then = versions.where(F.col("valid_from") <= F.lit(window.as_of))
    held = then.groupBy("account_id").agg(F.max_by("party_id", F.struct("valid_from", "known_from")).alias("held_by"))
    later = versions.where(window.holds("valid_from")).join(held, on="account_id", how="inner")
    return later.where(F.col("party_id") != F.col("held_by")).groupBy("account_id").agg(F.min("valid_from").alias("left_on"))


def _plan_ended(facts: Facts, window: Window, arguments: AccountLeft) -> DataFrame:
    plans = facts["product"].where(F.col("category").isin(*arguments.plans)).select("product_id")
    had = facts["purchase"].join(F.broadcast(plans), on="product_id", how="left_semi").where(F.col("purchased_on") <= F.lit(window.end))
    at_t = (F.col("purchased_on") <= F.lit(window.as_of)) & (F.col("ended_on").isNull() | (F.col("ended_on") > F.lit(window.begin)))
    runs_on = F.col("ended_on").isNull() | (F.col("ended_on") > F.lit(window.end))
    ends = had.groupBy("account_id").agg(
        F.max(F.when(at_t, F.col("ended_on"))).alias("left_on"), F.count_if(at_t).alias("had"), F.count_if(runs_on).alias("has")
    )
    return ends.where((F.col("had") > 0) & (F.col("has") == 0) & window.holds("left_on"))


def _own_generation(facts: Facts, window: Window, _: AccountLeft) -> DataFrame:
    then = F.col("valid_from") <= F.lit(window.as_of)
    points = (
        facts["metering_point"]
        .groupBy("account_id")
        .agg(
            F.max(F.when(then, F.col("has_pv"))).alias("had"), F.min(F.when(~then & F.col("has_pv"), F.col("valid_from"))).alias("left_on")
        )
    )
    return points.where(~F.col("had") & window.holds("left_on"))


def _faded(facts: Facts, window: Window, arguments: AccountLeft) -> DataFrame:
    daily = F.col("quantity_kwh").cast("double") / (F.date_diff("period_end", "period_start") + 1)
    year = (F.col("period_end") <= F.lit(window.as_of)) & (F.col("period_end") > F.lit(window.as_of - YEAR))
    inside = (F.col("period_start") > F.lit(window.begin)) & (F.col("period_end") <= F.lit(window.end))
    bills = (
        facts["bill"]
        .groupBy("account_id")
        .agg(
            F.min(F.when(year, daily)).alias("lowest"),
            F.count_if(year).alias("bills"),
            F.max_by(F.when(inside, daily), F.when(inside, F.col("period_end"))).alias("last"),
            F.max(F.when(inside, F.col("period_end"))).alias("left_on"),
        )
    )
    enough = (F.col("bills") >= MIN_BILLS) & (F.col("lowest") > 0)
    return bills.where(enough & (F.col("last") < F.lit(arguments.faded_share) * F.col("lowest")))


_SIGNS: dict[Cause, Callable[[Facts, Window, AccountLeft], DataFrame]] = {
    "closed": _closed,
    "holder_changed": _holder_changed,
    "plan_ended": _plan_ended,
    "own_generation": _own_generation,
    "faded": _faded,
}
ACCOUNT_LEFT = LabelFunction(
    "account_left",
    AccountLeft,
    ("account", "metering_point", "purchase", "product", "bill"),
    (
        Field("cause", "string", "What happened first", allowed=get_args(Cause), null="stayed"),
        Field("left_on", "date", "The day on which it happened", null="stayed"),
    ),
    account_left,
)
