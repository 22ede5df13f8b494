"""What versions of accounts and metering points tell: opened, closed, another holder, another meter or capacity."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.profile.events import differs, held_until, is_first, occurrences, source_id, told

ACCOUNT_COLUMNS = ("category", "industry_code", "billing_kind", "autopay", "area_id", "org_unit_id")
"""What counts as a change of an account beside its holder."""
POINT_COLUMNS = (
    "account_id",
    "transformer_id",
    "feeder_id",
    "area_id",
    "voltage_level",
    "ct_ratio",
    "pt_ratio",
    "tariff_id",
    "phases",
    "has_pv",
)
"""What counts as a change of a metering point beside its meter and capacity."""
_ACCOUNT, _POINT = "account_id", "metering_point_id"


def account_events(versions: DataFrame, *, zone: str) -> DataFrame:
    """Events of accounts: a version that says nothing new but a later closing day, or nothing new at all, is none.

    Args:
        versions: account as known, one row for each account_id and valid_from.
        zone: IANA zone of the company.

    Returns:
        Rows of trajectory_v1: account_opened of the first version, account_closed of the last, holder_changed and account_changed.
    """
    first, holder = is_first(_ACCOUNT), differs(["party_id"], key=_ACCOUNT)
    marked = versions.withColumns(
        {
            "_first": first,
            "_last": held_until(_ACCOUNT).isNull(),
            "_holder": ~first & holder,
            "_other": ~first & ~holder & differs(ACCOUNT_COLUMNS, key=_ACCOUNT),
        }
    )
    happened = occurrences(
        marked,
        {
            "account_opened": {"when": F.col("_first"), "day": F.col("opened_on")},
            "holder_changed": {"when": F.col("_holder"), "day": F.col("valid_from")},
            "account_changed": {"when": F.col("_other"), "day": F.col("valid_from")},
            "account_closed": {"when": F.col("_last") & F.col("closed_on").isNotNull(), "day": F.col("closed_on")},
        },
    )
    key = source_id("account_id", "valid_from")
    return told(happened, "account", event_type=F.col("event_type"), key=key, zone=zone, day=F.col("day"))


def point_events(versions: DataFrame, *, zone: str) -> DataFrame:
    """Events of metering points: a version that repeats the one before is none.

    Args:
        versions: metering_point as known, one row for each metering_point_id and valid_from.
        zone: IANA zone of the company.

    Returns:
        Rows of trajectory_v1: point_connected, meter_exchanged, capacity_changed, else point_changed.
    """
    first = is_first(_POINT)
    meter, capacity = differs(["meter_id"], key=_POINT), differs(["contract_capacity_kva"], key=_POINT)
    marked = versions.withColumns(
        {
            "_first": first,
            "_meter": ~first & meter,
            "_capacity": ~first & capacity,
            "_other": ~first & ~meter & ~capacity & differs(POINT_COLUMNS, key=_POINT),
        }
    )
    about = {"meter": F.col("meter_id"), "point": F.col("metering_point_id")}
    happened = occurrences(
        marked,
        {
            "point_connected": {"when": F.col("_first"), "about": about["meter"]},
            "meter_exchanged": {"when": F.col("_meter"), "about": about["meter"]},
            "capacity_changed": {"when": F.col("_capacity"), "about": about["point"]},
            "point_changed": {"when": F.col("_other"), "about": about["point"]},
        },
    )
    key = source_id("metering_point_id", "valid_from")
    return told(
        happened, "metering_point", event_type=F.col("event_type"), key=key, zone=zone, day=F.col("valid_from"), about=F.col("about")
    )


def lifetimes(versions: DataFrame) -> DataFrame:
    """account_id, opened_on and closed_on (null: open), of the newest version."""
    newest = F.max_by(F.struct("opened_on", "closed_on"), "valid_from").alias("life")
    return versions.groupBy("account_id").agg(newest).select("account_id", "life.*")


def point_holdings(versions: DataFrame, lives: DataFrame) -> DataFrame:
    """Which account stands behind a metering point on which days: account_id, metering_point_id, transformer_id, from_day, to_day.

    A point's first version holds from the account's first day, whenever the file says that it begins.

    Args:
        versions: metering_point as known, one row for each metering_point_id and valid_from.
        lives: of :func:`lifetimes`.

    Returns:
        One row a version, both days included; to_day null where it holds on.
    """
    return _holdings(versions, lives, "metering_point_id", "transformer_id", key=_POINT)


def party_holdings(versions: DataFrame, lives: DataFrame) -> DataFrame:
    """Which party holds an account on which days: account_id, party_id, from_day, to_day (null: still).

    Args:
        versions: account as known, one row for each account_id and valid_from.
        lives: of :func:`lifetimes`.
    """
    return _holdings(versions, lives, "party_id", key=_ACCOUNT)


def _holdings(versions: DataFrame, lives: DataFrame, *columns: str, key: str) -> DataFrame:
    """The days from_day to to_day on which each version counts, within its account's life; the first one from its first day."""
    ranged = versions.select(
        "account_id",
        *columns,
        F.when(~is_first(key), F.col("valid_from")).alias("_from"),
        F.date_sub(held_until(key), 1).alias("_to"),
    )
    known = ranged.join(lives, on="account_id", how="inner")
    return known.select(
        "account_id", *columns, F.greatest("_from", "opened_on").alias("from_day"), F.least("_to", "closed_on").alias("to_day")
    )
