"""Service events of an account: how often, why and by which way it came, and how that was settled."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.account_contact import DIGITAL_CHANNELS, SERVICE_FEATURES
from gridlens.features.account_windows import HOUR_MICROS, whole_days

_KIND_COUNTS = {
    "enquiry": "enquiries_365d",
    "complaint": "complaints_365d",
    "fault_report": "fault_reports_365d",
    "billing_dispute": "billing_disputes_365d",
    "capacity_change": "capacity_requests_365d",
    "new_connection": "new_connections_365d",
    "reconnection": "reconnections_365d",
    "outage_enquiry": "outage_enquiries_365d",
    "suggestion": "suggestions_365d",
}
_SHARES = {
    "hotline_share_365d": ("hotline_95598",),
    "digital_contact_share_365d": DIGITAL_CHANNELS,
    "counter_contact_share_365d": ("counter",),
}


def service_features(events: DataFrame, *, as_of: dt.date, until: dt.datetime) -> DataFrame:
    """Contacts, tickets and satisfaction, one row for each account with an event before ``until``.

    Args:
        events: rows of silver.service_event as known at one moment, one for each event_id.
        as_of: last local day included; ``until`` says when it ends, and that is all that is needed here.
        until: UTC moment at which ``as_of`` ends.

    Returns:
        account_id and SERVICE_FEATURES.
    """
    recent = {days: F.col("opened_at") >= F.lit(until - dt.timedelta(days=days)) for days in (30, 90, 365)}
    contact = F.col("channel") != "system"
    complaint = F.col("kind") == "complaint"
    closed = F.coalesce(F.col("closed_at") < F.lit(until), F.lit(False))
    settled = closed & recent[365]
    # A rating outside 1 to 5 is only flagged on arrival, so it may be here; it is no answer.
    answer = F.when(settled & F.col("satisfaction").between(1, 5), F.col("satisfaction"))
    counts = {
        **{f"contacts_{days}d": contact & inside for days, inside in recent.items()},
        **{name: (F.col("kind") == kind) & recent[365] for kind, name in _KIND_COUNTS.items()},
        "disconnections_365d": (F.col("kind") == "disconnection") & ~contact & recent[365],  # a customer may ask for one, too
        "complaints_30d": complaint & recent[30],
        "open_tickets": ~closed,
        "open_complaints": complaint & ~closed,
        "low_satisfaction_365d": answer <= 2,
    }
    contacts = F.count_if(contact & recent[365])
    # Averaged as whole microseconds, which doubles add exactly: the mean does not depend on the order of the rows.
    open_micros = F.unix_micros("closed_at") - F.unix_micros("opened_at")
    accounts = (
        events.where(F.col("opened_at") < F.lit(until))
        .groupBy("account_id")
        .agg(
            *[F.count_if(condition).alias(name) for name, condition in counts.items()],
            *[
                F.try_divide(F.count_if(F.col("channel").isin(*channels) & recent[365]), contacts).alias(name)
                for name, channels in _SHARES.items()
            ],
            (F.avg(F.when(settled, open_micros)) / HOUR_MICROS).alias("resolve_hours_mean_365d"),
            F.avg(answer).alias("satisfaction_mean_365d"),
            whole_days(F.max(F.when(contact, F.col("opened_at"))), until).alias("days_since_contact"),
            whole_days(F.max(F.when(complaint, F.col("opened_at"))), until).alias("days_since_complaint"),
        )
    )
    return accounts.select("account_id", *[F.col(f.name).cast(f.type) for f in SERVICE_FEATURES])
