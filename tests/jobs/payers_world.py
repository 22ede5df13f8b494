"""A company of which only bills, payments and a few features are known: some customers pay late more often than others."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from delta_writer import put
from gridlens import __version__
from gridlens.contracts.gold import ACCOUNT_FEATURE
from gridlens.contracts.ops import BATCH_ACCOUNT, RUN_LOG
from gridlens.contracts.silver import ACCOUNT_TABLE, SILVER
from gridlens.pipelines.account_features import facts_digest
from gridlens.pipelines.moments import knowledge_of_day
from gridlens.settings import Settings
from gridlens.warehouse import Warehouse
from pyspark.sql import SparkSession

AS_OF = dt.date(2026, 3, 31)
DAY = dt.timedelta(days=1)
ACCOUNTS = 500


def noon(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(4), dt.UTC)


def features(random: np.random.Generator, slow: np.ndarray, moment: dt.date, settings: Settings) -> list[dict[str, Any]]:
    """What is known of every account at a moment: noisy signs of how slowly it pays."""
    known_at = knowledge_of_day(moment, settings)
    seen = np.clip(slow + random.normal(0, 0.1, ACCOUNTS), 0, 1)
    owed = random.poisson(2 * slow)
    channels = np.where(random.random(ACCOUNTS) < slow, "counter", "app")
    return [
        {
            "account_id": f"a{i:03}",
            "party_id": f"p{i}",
            "as_of": moment,
            "known_at": known_at,
            "is_open": True,
            "bills_due_365d": 12 if i else 0,
            "late_share_365d": float(seen[i]) if i % 9 else None,
            "arrears_months": float(owed[i]),
            "payment_channel": str(channels[i]),
            "opened_on": dt.date(2020, 1, 1),
        }
        for i in range(ACCOUNTS)
    ]


def money(random: np.random.Generator, slow: np.ndarray) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A bill a month, due on the 23rd of the next one, and its payment: slow customers pay weeks late."""
    bills, payments = [], []
    for i in range(ACCOUNTS):
        for m in range(8):
            start = dt.date(2025 + (m + 7) // 12, (m + 7) % 12 + 1, 1)
            end = (start + 31 * DAY).replace(day=1) - DAY
            due = end + 23 * DAY
            bill = {"bill_id": f"a{i:03}-{m}", "account_id": f"a{i:03}", "period_start": start, "period_end": end}
            bill |= {"issued_on": end + 3 * DAY, "due_on": due, "amount": Decimal("80.00"), "known_from": noon(end + 4 * DAY)}
            bills.append(bill)
            paid = due + (int(12 + random.exponential(20)) if random.random() < slow[i] else -2) * DAY
            if paid <= AS_OF:
                one = {"payment_id": f"P{bill['bill_id']}", "account_id": bill["account_id"], "bill_id": bill["bill_id"]}
                payments.append({**one, "paid_at": noon(paid), "amount": bill["amount"], "known_from": noon(paid + DAY)})
    return bills, payments


def fill(spark: SparkSession, settings: Settings, moments: Sequence[dt.date]) -> np.ndarray:
    """Fills a warehouse: features of the moments, bills and payments; gives the part of its bills that each account pays late."""
    random = np.random.default_rng(8)
    slow = random.choice([0.03, 0.15, 0.5], ACCOUNTS)
    bills, payments = money(random, slow)
    since = {"opened_on": dt.date(2020, 1, 1), "valid_from": dt.date(2020, 1, 1), "known_from": noon(dt.date(2020, 1, 1))}
    accounts = [{"account_id": f"a{i:03}", "party_id": f"p{i}", **since} for i in range(ACCOUNTS)]
    put(settings, ACCOUNT_TABLE, accounts, billing_kind="postpaid")
    put(settings, SILVER["bill"], bills, currency="CNY", quantity_kwh=Decimal(100))
    put(settings, SILVER["payment"], payments, currency="CNY", channel="app")
    put(settings, BATCH_ACCOUNT, [{"_batch_id": "first"}])
    for moment in moments:
        put(settings, ACCOUNT_FEATURE, features(random, slow, moment, settings))
    digest = json.dumps({"batches": facts_digest(Warehouse(spark, settings))})
    ran = {"job": "features", "outcome": "succeeded", "version": __version__, "parameters": digest, "fingerprints": "{}"}
    put(settings, RUN_LOG, [{"run_id": f"f{m}", "as_of": m, "known_at": knowledge_of_day(m, settings), **ran} for m in moments])
    return slow
