"""What the search for abnormal usage reads: daily series of accounts and transformers as known, groups of peers, visits, prices."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.anomaly.definition import Usage, UsageDefinition
from gridlens.anomaly.groups import excess_losses, group_names, peer_number, values_of
from gridlens.anomaly.rows import DIARIES
from gridlens.anomaly.weeks import DAYS, MIN_DAYS, PARTS, WEEKS
from gridlens.contracts.silver import ACCOUNT_TABLE, INTERVAL_DAY, INTERVAL_DAY_SUPERSEDED, METERING_POINT, REGISTER_READING, SILVER
from gridlens.features.account_energy import point_holdings
from gridlens.features.daily_series import daily_series
from gridlens.features.packing import EXPORT, IMPORT
from gridlens.features.week_parts import week_parts
from gridlens.fold.blocks import blocks_as_known
from gridlens.fold.versioned import as_known
from gridlens.warehouse import Warehouse

_SUPPLY = "transformer "
"""Before a transformer's id where its series goes the way of an account's."""
_YEAR = 365


@dataclass(frozen=True)
class Series:
    """The series and their groups.

    Attributes:
        rows: account_id, peer, daily, excess, exported, hours, phases, transformer_id: one row an account that can be judged.
        names, sizes: of the groups of peers, by ``peer``.
        held: what stays in memory until the rows are no longer needed.
    """

    rows: DataFrame
    names: tuple[str, ...]
    sizes: tuple[int, ...]
    held: tuple[DataFrame, ...]


def usage_series(warehouse: Warehouse, usage: Usage, as_of: dt.date, known_at: dt.datetime) -> Series:
    """The daily series of all open accounts with enough known days, with what their transformers lost."""
    definition = usage.definition
    versions = point_versions(warehouse, as_of, known_at)
    is_supply = F.coalesce(usage.supply_meter.column(), F.lit(False))
    own = versions.where(~is_supply)
    supply = versions.where(is_supply).withColumn("account_id", F.concat(F.lit(_SUPPLY), "transformer_id"))
    every = _daily(warehouse, own.unionByName(supply), as_of, known_at).persist()  # accounts and the sums of transformers both read it
    exported = _daily(warehouse, own, as_of, known_at, channel=EXPORT)
    places = own.groupBy("account_id").agg(
        F.max_by("transformer_id", F.struct("valid_from", "metering_point_id")).alias("transformer_id"),
        F.max_by("phases", F.struct("valid_from", "metering_point_id")).alias("phases"),
    )
    series = every.join(places, on="account_id", how="inner")
    excess = _excess(every, series, exported.join(places, on="account_id", how="inner"))
    accounts = _open_accounts(warehouse, definition, as_of, known_at)
    groups, sizes = _groups(accounts, definition)
    recent = F.size(F.filter(F.slice("daily", DAYS - _YEAR + 1, _YEAR), lambda kwh: kwh.isNotNull()))
    numbered = accounts.withColumn("peer", peer_number(groups, definition.peers, tuple(sizes)))
    rows = series.where(recent >= definition.least_days).join(numbered, on="account_id", how="inner")
    feeding = exported.withColumnRenamed("daily", "exported")
    told = rows.join(excess, on="transformer_id", how="left").join(feeding, on="account_id", how="left")
    told = told.join(_hours(warehouse, own, as_of, known_at), on="account_id", how="left")
    unknown = F.array_repeat(F.lit(None).cast("double"), DAYS)
    filled = {name: F.coalesce(name, unknown) for name in ("excess", "exported")}
    whole = told.withColumns({**filled, "hours": F.coalesce("hours", F.array().cast("array<double>"))}).persist()
    columns = ("account_id", "peer", *DIARIES, "phases", "transformer_id")
    return Series(whole.select(*columns), tuple(sizes), tuple(sizes.values()), (every, whole))


def _excess(every: DataFrame, series: DataFrame, exported: DataFrame) -> DataFrame:
    transformer = F.substring("account_id", len(_SUPPLY) + 1, 1000)
    supplies = every.where(F.col("account_id").startswith(_SUPPLY)).select(transformer.alias("transformer_id"), "daily")
    fed_in = exported.select("transformer_id", F.transform("daily", lambda kwh: -kwh).alias("daily"))
    return excess_losses(series.select("transformer_id", "daily").unionByName(fed_in), supplies)


def _open_accounts(warehouse: Warehouse, definition: UsageDefinition, as_of: dt.date, known_at: dt.datetime) -> DataFrame:
    """The open accounts with the columns that make groups."""
    accounts = as_known(warehouse.read(ACCOUNT_TABLE), ACCOUNT_TABLE, known_at=known_at, as_of=as_of)
    still_open = F.col("closed_on").isNull() | (F.col("closed_on") > F.lit(as_of))
    return accounts.where(still_open).select("account_id", *definition.peers)


def _groups(accounts: DataFrame, definition: UsageDefinition) -> tuple[dict[tuple[str, ...], str], dict[str, int]]:
    """The group of each combination of values, and the groups with their sizes, in order."""
    counted = [row.asDict() for row in accounts.groupBy(*definition.peers).agg(F.count("*").alias("accounts")).collect()]
    groups = group_names(counted, definition.peers, definition.least_peers)
    sizes = dict.fromkeys(sorted(set(groups.values())), 0)
    for row in counted:
        sizes[groups[values_of(row, definition.peers)]] += row["accounts"]
    return groups, sizes


def point_versions(warehouse: Warehouse, as_of: dt.date, known_at: dt.datetime) -> DataFrame:
    """The versions of every metering point that were known and had begun."""
    keys = ("metering_point_id", "valid_from")
    return as_known(warehouse.read(METERING_POINT), METERING_POINT, known_at=known_at, as_of=as_of, keys=keys)


def _daily(warehouse: Warehouse, versions: DataFrame, as_of: dt.date, known_at: dt.datetime, *, channel: str = IMPORT) -> DataFrame:
    read = warehouse.read(REGISTER_READING).where(F.col("known_from") <= F.lit(known_at))
    blocks = blocks_as_known(warehouse.read(INTERVAL_DAY), warehouse.read(INTERVAL_DAY_SUPERSEDED), known_at)
    covered = 1 - F.col("missing_count") / F.size("values")
    days = blocks.select("metering_point_id", "channel", "local_date", "energy_kwh", covered.alias("coverage"))
    readings = read if warehouse.written(REGISTER_READING) else None
    return daily_series(readings, days, point_holdings(versions), as_of=as_of, length=DAYS, channel=channel)


def _hours(warehouse: Warehouse, versions: DataFrame, as_of: dt.date, known_at: dt.datetime) -> DataFrame:
    """``account_id`` and ``hours`` of the accounts with curves, as in a Diary."""
    blocks = blocks_as_known(warehouse.read(INTERVAL_DAY), warehouse.read(INTERVAL_DAY_SUPERSEDED), known_at)
    found = week_parts(blocks, point_holdings(versions), as_of=as_of, weeks=WEEKS, parts=PARTS, least_days=MIN_DAYS)
    return found.withColumnRenamed("parts", "hours")


def inspections_of(warehouse: Warehouse, as_of: dt.date, known_at: dt.datetime) -> DataFrame:
    """account_id, inspection_id, inspected_on, finding of the visits known: to the account that held the point on the day."""
    table = SILVER["inspection"]
    known = as_known(warehouse.read(table), table, known_at=known_at).where(F.col("inspected_on") <= F.lit(as_of))
    versions = point_versions(warehouse, as_of, known_at)
    held = point_holdings(versions).select("metering_point_id", "account_id", "begin", "end")
    there = (F.col("inspected_on") >= F.col("begin")) & (F.col("end").isNull() | (F.col("inspected_on") < F.col("end")))
    return (
        known.join(held, on="metering_point_id", how="inner").where(there).select("account_id", "inspection_id", "inspected_on", "finding")
    )


def prices_of(warehouse: Warehouse, as_of: dt.date, known_at: dt.datetime) -> DataFrame:
    """account_id and price: amount against energy of the bills of the last year, where there was energy."""
    table = SILVER["bill"]
    known = as_known(warehouse.read(table), table, known_at=known_at)
    recent = known.where(F.col("period_end").between(F.lit(as_of - dt.timedelta(days=_YEAR)), F.lit(as_of)))
    sums = recent.groupBy("account_id").agg(
        F.sum("amount").cast("double").alias("amount"), F.sum("quantity_kwh").cast("double").alias("kwh")
    )
    return sums.where("kwh > 0").select("account_id", (F.col("amount") / F.col("kwh")).alias("price"))
