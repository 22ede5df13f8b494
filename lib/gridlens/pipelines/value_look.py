"""Looking at customer value, offers and substitution: lists of a moment, and one account."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.codes import CUSTOMER_CATEGORIES
from gridlens.contracts.offers import NEXT_BEST_OFFER, OFFER_EXCLUSION
from gridlens.contracts.silver import SILVER
from gridlens.contracts.substitution import DIMENSIONS, SUBSTITUTION_POTENTIAL, SUBSTITUTION_SUMMARY
from gridlens.contracts.value import CUSTOMER_VALUE
from gridlens.errors import SettingsError, SourceError, nearest
from gridlens.fold.versioned import as_known
from gridlens.pipelines.moments import newest_moment, of_moment
from gridlens.settings import Settings
from gridlens.tables import Table
from gridlens.warehouse import Warehouse

Rows = list[dict[str, Any]]
_JOBS = {CUSTOMER_VALUE.name: "value", NEXT_BEST_OFFER.name: "offers", SUBSTITUTION_POTENTIAL.name: "substitution"}


def list_values(
    spark: SparkSession, settings: Settings, *, as_of: dt.date | None, limit: int, category: str | None = None, band: str | None = None
) -> Rows:
    """The accounts with the highest totals of the newest moment, or of a day.

    Raises:
        SettingsError: there is no such category, or no account in such a band.
        SourceError: nothing was valued.
    """
    rows, _ = _newest(Warehouse(spark, settings), CUSTOMER_VALUE, as_of)
    if category is not None:
        rows = rows.where(F.col("category") == _known(category, tuple(CUSTOMER_CATEGORIES), "--category"))
    if band is not None:
        there = tuple(sorted(row["band"] for row in rows.select("band").distinct().collect()))
        rows = rows.where(F.col("band") == _known(band, there, "--band"))
    amounts = [F.round(name, 2).alias(name) for name in ("margin_365d", "expected_margin", "potential", "total")]
    best = rows.orderBy(F.desc("total"), "account_id").limit(limit)
    return _told(
        best.select("account_id", "category", *amounts, F.round("retention", 3).alias("retention"), "decile", "category_decile", "band")
    )


def show_value(spark: SparkSession, settings: Settings, account: str, *, as_of: dt.date | None) -> dict[str, Any]:
    """Every part of an account's value; raises SourceError where it has none."""
    rows, at = _newest(Warehouse(spark, settings), CUSTOMER_VALUE, as_of)
    found = _told(rows.where(F.col("account_id") == account).drop("account_id", "as_of", "known_at"))
    if not found:
        raise SourceError(f"account {account} has no value as of {at[0]}: it is unknown, or closed; `gridlens value list` shows others")
    return {"as_of": at[0], "known_at": at[1], **found[0]}


def list_offers(spark: SparkSession, settings: Settings, *, as_of: dt.date | None, limit: int, product: str | None = None) -> Rows:
    """The offers with the highest expected margin of the newest moment, or of a day; of one product where it is given."""
    warehouse = Warehouse(spark, settings)
    rows, at = _newest(warehouse, NEXT_BEST_OFFER, as_of)
    named = _named(warehouse, rows, at)
    if product is not None:
        there = tuple(row["product_id"] for row in named.select("product_id").distinct().orderBy("product_id").collect())
        named = named.where(F.col("product_id") == _known(product, there, "--product"))
    return _told(named.orderBy(F.desc("expected_margin"), "account_id", "rank").limit(limit).select("account_id", *_offer_columns()))


def offers_by_product(spark: SparkSession, settings: Settings, *, as_of: dt.date | None) -> Rows:
    """Of each product how many accounts it is offered to, and for how many it is left out, by reason; together all propensities."""
    warehouse = Warehouse(spark, settings)
    rows, at = _newest(warehouse, NEXT_BEST_OFFER, as_of)
    offered = rows.groupBy("product_id").agg(F.count("*").alias("accounts")).withColumn("exclusion", F.lit("offered"))
    left = warehouse.read(OFFER_EXCLUSION).where(of_moment(*at)).select("product_id", "accounts", "exclusion")
    every = offered.select("product_id", "accounts", "exclusion").unionByName(left)
    kinds = ("offered", *(OFFER_EXCLUSION["exclusion"].allowed or ()))
    sums = [F.coalesce(F.sum(F.when(F.col("exclusion") == kind, F.col("accounts"))), F.lit(0)).alias(kind) for kind in kinds]
    wide = every.groupBy("product_id").agg(F.sum("accounts").alias("propensities"), *sums)
    return _told(_named(warehouse, wide, at).orderBy("product_id").select("product_id", "product", "propensities", *kinds))


def show_offers(spark: SparkSession, settings: Settings, account: str, *, as_of: dt.date | None) -> Rows:
    """The offers of an account, the best first; raises SourceError where it has none."""
    warehouse = Warehouse(spark, settings)
    rows, at = _newest(warehouse, NEXT_BEST_OFFER, as_of)
    found = _told(
        _named(warehouse, rows.where(F.col("account_id") == account), at).orderBy("rank").select(*_offer_columns(), "model", "version")
    )
    if not found:
        raise SourceError(
            f"account {account} is offered nothing as of {at[0]}: `gridlens offers list --by-product` shows what is left out and why"
        )
    return found


def list_substitution(spark: SparkSession, settings: Settings, *, as_of: dt.date | None, limit: int, by: str | None = None) -> Rows:
    """The candidates for electric substitution, the best first; or the whole potential by process, industry, risk_band or grade.

    Raises:
        SettingsError: it is not summed up by that.
        SourceError: nothing was computed.
    """
    warehouse = Warehouse(spark, settings)
    rows, at = _newest(warehouse, SUBSTITUTION_POTENTIAL, as_of)
    if by is None:
        digits = {"candidate": 3, "added_kwh": 0, "added_revenue": 0, "co2_saved_kg": 0, "risk": 3, "expected_revenue": 2}
        plain = ("rank", "account_id", "process", "fuel", "industry_code")
        rounded = [F.round(name, places).alias(name) for name, places in digits.items()]
        return _told(rows.orderBy("rank").limit(limit).select(*plain, *rounded, "grade"))
    summed = warehouse.read(SUBSTITUTION_SUMMARY).where(of_moment(*at) & (F.col("dimension") == _known(by, DIMENSIONS, "--by")))
    amounts = {"candidates": 1, "added_kwh": 0, "added_revenue": 0, "expected_revenue": 0, "co2_saved_kg": 0}
    shown = [F.round(name, places).alias(name) for name, places in amounts.items()]
    return _told(summed.orderBy(F.desc("expected_revenue"), "value").limit(limit).select(F.col("value").alias(by), "accounts", *shown))


def _offer_columns() -> list[Column]:
    digits = {"probability": 4, "margin": 2, "kept_share": 3, "expected_margin": 2}
    return [F.col(name) for name in ("rank", "product_id", "product", "category")] + [F.round(n, d).alias(n) for n, d in digits.items()]


def _named(warehouse: Warehouse, rows: DataFrame, at: tuple[dt.date, dt.datetime]) -> DataFrame:
    """``rows`` with the product's names as known at the moment."""
    known = as_known(warehouse.read(SILVER["product"]), SILVER["product"], known_at=at[1], as_of=at[0])
    names = known.select("product_id", F.concat_ws(" ", "name_zh", "name_en").alias("product"))
    return rows.join(F.broadcast(names), on="product_id", how="left")


def _known(name: str, names: tuple[str, ...], option: str) -> str:
    if name not in names:
        raise SettingsError(
            f"option {option}: {name} is unknown; {nearest(name, names, 'expected one of ' + (', '.join(names) or 'nothing'))}"
        )
    return name


def _newest(warehouse: Warehouse, table: Table, as_of: dt.date | None) -> tuple[DataFrame, tuple[dt.date, dt.datetime]]:
    """The rows of the newest moment, or of the newest of a day, and that moment."""
    rows = warehouse.read(table)
    at = newest_moment(rows, as_of)
    if at is None:
        day = f" of {as_of}" if as_of else ""
        raise SourceError(f"there is nothing{day} in {table.name}: run `gridlens {_JOBS[table.name]} run` first")
    return rows.where(of_moment(*at)), at


def _told(rows: DataFrame) -> Rows:
    return [row.asDict() for row in rows.collect()]
