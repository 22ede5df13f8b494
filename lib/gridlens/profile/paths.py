"""Windows before an outcome: what accounts with it did, and what accounts without it did in windows of the same days of the year."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.trajectory import OUTCOMES

ROUTINE = ("bill_issued", "payment", "login", "message_sent", "message_delivered")
"""Left out of paths: nearly every account has them in every window, so that they stand in every path and tell nothing."""
BROWSING = ("view", "search", "click")
"""Types whose step says what was looked at: a view of a product's page and one of the page for closing an account are different steps."""
PRODUCT = "product"
_OF_BILLS = ("payment", "late_payment", "bill_overdue")
"""Whose object is a bill: a top-up of a balance has none."""


@dataclass(frozen=True)
class PathSettings:
    """How paths are looked for.

    Attributes:
        window_days: length of the window before the outcome.
        period_days: last days up to as_of in which the first outcome of an account counts.
        min_support: least share of the accounts with the outcome that walked the path.
        min_accounts: least number of them.
        max_steps: longest path.
        max_events: last steps of a window that are looked at: whom a robot clicks for is not followed further back.
        max_objects: pages told apart beside products; the others are just viewed, searched or clicked.
        max_patterns: frequent paths that are tested, the most frequent first.
        max_q: a path is kept where its q_value is at most that.
        min_gain: a longer path is kept where its lift_low is at least that many times that of each shorter one in it.
        limit: paths kept for an outcome, by lift_low.
        max_local_items: size of PrefixSpan's projected databases (maxLocalProjDBSize) up to which one task works them off.
    """

    window_days: int = 90
    period_days: int = 365
    min_support: float = 0.03
    min_accounts: int = 5
    max_steps: int = 4
    max_events: int = 40
    max_objects: int = 30
    max_patterns: int = 2000
    max_q: float = 0.05
    min_gain: float = 1.1
    limit: int = 50
    max_local_items: int = 32_000_000


def with_steps(events: DataFrame, products: DataFrame, settings: PathSettings) -> DataFrame:
    """The events that count in paths, with their ``step``: the event type, of browsing with what was looked at.

    Args:
        events: rows of trajectory_v1.
        products: product_id of the products there are.
        settings: says how many pages are told apart.
    """
    telling = events.where(~F.col("event_type").isin(*ROUTINE))
    known = products.select(F.col("product_id").alias("object"), F.lit(PRODUCT).alias("_product")).distinct()
    marked = telling.join(F.broadcast(known), on="object", how="left")
    browsing = F.col("event_type").isin(*BROWSING)
    pages = marked.where(browsing & F.col("_product").isNull() & F.col("object").isNotNull()).groupBy("object").count()
    frequent = [row["object"] for row in pages.orderBy(F.desc("count"), "object").limit(settings.max_objects).collect()]
    page = F.when(F.col("object").isin(frequent), F.col("object"))
    step = F.when(browsing, F.concat_ws(":", "event_type", F.coalesce("_product", page))).otherwise(F.col("event_type"))
    return marked.select("account_id", "local_date", "occurred_at", "event_type", "source_id", step.alias("step"))


def first_outcomes(events: DataFrame, questioned: DataFrame, *, as_of: dt.date, settings: PathSettings) -> DataFrame:
    """When each account began, ended, and where the path to its first outcome of the period ends: one row an account.

    Args:
        events: rows of trajectory_v1.
        questioned: account_id of the bills of which a payment stands in quarantine.
        as_of: last local day included.
        settings: length of the period.

    Returns:
        account_id, opened, closed (null: open), pays_bills, in_question (of some bill nobody can say whether it is paid) and a day
        for each of OUTCOMES, null where it has not happened in the period; the outcome's lead is taken off.
    """
    in_period = F.col("local_date") > F.lit(as_of - dt.timedelta(days=settings.period_days))
    firsts = [
        F.date_sub(F.min(F.when(F.col("event_type").isin(*types) & in_period, F.col("local_date"))), lead).alias(outcome)
        for outcome, (_, types, lead) in OUTCOMES.items()
    ]
    accounts = events.groupBy("account_id").agg(
        F.min(F.when(F.col("event_type") == "account_opened", F.col("local_date"))).alias("opened"),
        F.max(F.when(F.col("event_type") == "account_closed", F.col("local_date"))).alias("closed"),
        F.max(F.col("event_type").isin(*_OF_BILLS) & F.col("object").isNotNull()).alias("pays_bills"),
        *firsts,
    )
    asked = questioned.select("account_id", F.lit(True).alias("in_question")).distinct()
    return accounts.join(asked, on="account_id", how="left").fillna(False, subset=["in_question"])


def windows(accounts: DataFrame, outcome: str, settings: PathSettings) -> DataFrame:
    """The day at which each account's window ends: account_id, with_outcome, anchor.

    An account with the outcome has its own day. Each of the others is given, by a hash of its id, the day of one with it, so that
    both have the same seasons before them. Accounts that were not open throughout their window have none; where the outcome is
    arrears, neither have those that never had a bill to pay (prepaid ones), nor, without it, those of which nobody can say.

    Args:
        accounts: of :func:`first_outcomes`.
        outcome: a name of OUTCOMES.
        settings: length of the window.
    """
    open_all_along = (F.col("opened") <= F.date_sub("anchor", settings.window_days)) & (
        F.col("closed").isNull() | (F.col("closed") >= F.col("anchor"))
    )
    happened = F.col(outcome).isNotNull()
    if outcome == "arrears":
        accounts = accounts.where(F.col("pays_bills") & (happened | ~F.col("in_question")))
    cases = accounts.where(happened).withColumn("anchor", F.col(outcome)).where(open_all_along)
    days = cases.groupBy("anchor").count().orderBy("anchor").collect()  # one row a day of the period
    drawn = _assigned([(row["anchor"], row["count"]) for row in days], outcome)
    anchored = accounts.withColumns({"with_outcome": happened, "anchor": F.coalesce(outcome, drawn)})
    return anchored.where(open_all_along).select("account_id", "with_outcome", "anchor")


def _assigned(days: Sequence[tuple[dt.date, int]], outcome: str) -> Column:
    """A day drawn by a hash of the account as often as accounts with the outcome have it; null where none has one."""
    total = sum(count for _, count in days)
    if not total:
        return F.lit(None).cast("date")
    number = F.pmod(F.xxhash64("account_id", F.lit(outcome)), F.lit(total))
    ends, end = [], 0
    for _, count in days:
        end += count
        ends.append(F.lit(end))
    before = F.size(F.filter(F.array(*ends), lambda bound: bound <= number))
    return F.get(F.array(*[F.lit(day) for day, _ in days]), before)


def sequences(steps: DataFrame, ends: DataFrame, settings: PathSettings) -> DataFrame:
    """What each account did in its window: account_id, with_outcome, steps and, for each step, days before the window's end.

    Only local days before the anchor count: where only the day of an outcome is known, what happened on it may have come after.
    The same step several times running counts once, as the last of them. Accounts that did nothing have empty arrays.

    Args:
        steps: of :func:`with_steps`.
        ends: of :func:`windows`.
        settings: length of the window, number of steps looked at.
    """
    before = F.date_diff("anchor", "local_date")
    inside = steps.join(ends, on="account_id", how="inner").where(before.between(1, settings.window_days))
    entry = F.struct("occurred_at", "event_type", "source_id", "step", before.alias("days"))
    walked = inside.groupBy("account_id").agg(F.sort_array(F.collect_list(entry)).alias("walked"))

    def ends_a_run(item: Column, index: Column) -> Column:
        following = F.get(F.col("walked"), index + 1)["step"]
        return following.isNull() | (item["step"] != following)

    runs = F.filter("walked", ends_a_run)
    start = F.greatest(F.size("runs") - settings.max_events + 1, F.lit(1))
    recent = walked.select("account_id", runs.alias("runs")).withColumn("runs", F.slice("runs", start, F.lit(settings.max_events)))
    joined = ends.join(recent, on="account_id", how="left")
    return joined.select(
        "account_id",
        "with_outcome",
        F.coalesce(F.transform("runs", lambda run: run["step"]), F.array().cast("array<string>")).alias("steps"),
        F.coalesce(F.transform("runs", lambda run: run["days"]), F.array().cast("array<int>")).alias("days"),
    )
