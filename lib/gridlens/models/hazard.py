"""Hazard of leaving by calendar month and cause, in discrete time: events over accounts at risk.

E. L. Kaplan, P. Meier, "Nonparametric estimation from incomplete observations", JASA 53 (1958), 457-481; M. Greenwood, "The natural
duration of cancer" (1926), for the variance; O. O. Aalen, S. Johansen, Scand. J. Statist. 5 (1978), 141-150, for competing causes.
Accounts enter the risk set in the month after they were opened (left truncation), and leave it without an event where they are not seen.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.churn import ANY_CAUSE
from gridlens.models.labels import Window

Z95 = 1.959963984540054
"""The 97.5 % point of the normal distribution."""


@dataclass(frozen=True)
class MonthCount:
    """Accounts of one kind of party in one month: open when it began, and lost in it by cause."""

    party_kind: str
    month: dt.date
    at_risk: int
    events: Mapping[str, int]


@dataclass(frozen=True)
class Curve:
    """Arrays by month. survival: Kaplan-Meier; error: Greenwood's; low, high: NaN where there is no interval."""

    survival: np.ndarray
    error: np.ndarray
    low: np.ndarray
    high: np.ndarray


def month_windows(last: dt.date, months: int) -> tuple[Window, ...]:
    """The windows of the last whole months that ended by ``last``, oldest first; each begins on the last day of the month before."""
    end = (last + dt.timedelta(days=1)).replace(day=1) - dt.timedelta(days=1)
    windows: list[Window] = []
    for _ in range(months):
        before = end.replace(day=1) - dt.timedelta(days=1)
        windows.append(Window(before, 0, (end - before).days, last))
        end = before
    return tuple(reversed(windows))


def month_counts(labelled: DataFrame, accounts: DataFrame, window: Window) -> list[MonthCount]:
    """One month's counts: a row a kind of party.

    Args:
        labelled: account_id, label and cause of the accounts at risk, as the label function gives them.
        accounts: versions of accounts: account_id, party_kind, valid_from, known_from.
        window: the month.
    """
    then = accounts.where(F.col("valid_from") <= F.lit(window.as_of))
    kinds = then.groupBy("account_id").agg(F.max_by("party_kind", F.struct("valid_from", "known_from")).alias("party_kind"))
    counted = labelled.join(kinds, on="account_id", how="inner").groupBy("party_kind", "cause").agg(F.count("*").alias("n"))
    found: dict[str, dict[str | None, int]] = {}
    for row in counted.collect():  # a row a kind and cause
        found.setdefault(row["party_kind"], {})[row["cause"]] = row["n"]
    month = window.as_of + dt.timedelta(days=1)
    return [
        MonthCount(kind, month, sum(by.values()), {cause: n for cause, n in by.items() if cause is not None})
        for kind, by in sorted(found.items())
    ]


def curve(at_risk: np.ndarray, events: np.ndarray) -> Curve:
    """Kaplan-Meier survival after each month, with Greenwood's standard error and the interval of log(-log survival).

    Args:
        at_risk, events: by month, at_risk above 0; shape (m,).
    """
    stay = 1 - events / at_risk
    survival = np.cumprod(stay)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.cumsum(np.where(events > 0, events / (at_risk * (at_risk - events)), 0.0))
        error = np.where(survival > 0, survival * np.sqrt(spread), 0.0)
        width = Z95 * np.sqrt(spread) / np.abs(np.log(survival))
        known = (survival > 0) & (survival < 1)
        low = np.where(known, survival ** np.exp(width), np.nan)
        high = np.where(known, survival ** np.exp(-width), np.nan)
    return Curve(survival, error, low, high)


def incidence(at_risk: np.ndarray, events: np.ndarray, of_any: np.ndarray) -> np.ndarray:
    """Aalen-Johansen share lost by a cause after each month, where other causes take customers, too.

    Args:
        at_risk, events, of_any: by month: accounts, those lost by the cause, those lost by any; shape (m,).
    """
    before = np.concatenate([[1.0], np.cumprod(1 - of_any / at_risk)[:-1]])
    return np.cumsum(before * events / at_risk)


def hazard_rows(counts: Sequence[MonthCount], causes: Sequence[str]) -> list[dict[str, object]]:
    """The rows of churn_hazard_v1 but for the moment: by kind of party, by cause and for any, by month."""
    rows: list[dict[str, object]] = []
    for kind in sorted({count.party_kind for count in counts}):
        own = sorted((count for count in counts if count.party_kind == kind and count.at_risk), key=lambda count: count.month)
        at_risk = np.array([count.at_risk for count in own], dtype=float)
        by_cause = {cause: np.array([count.events.get(cause, 0) for count in own], dtype=float) for cause in causes}
        of_any = np.sum(list(by_cause.values()), axis=0)
        for cause, events in {ANY_CAUSE: of_any, **by_cause}.items():
            stays, lost = curve(at_risk, events), incidence(at_risk, events, of_any)
            for i, count in enumerate(own):
                rows.append(
                    {
                        "party_kind": kind,
                        "cause": cause,
                        "month": count.month,
                        "at_risk": count.at_risk,
                        "events": int(events[i]),
                        "hazard": float(events[i] / at_risk[i]),
                        "survival": float(stays.survival[i]),
                        "standard_error": float(stays.error[i]),
                        "survival_low": None if np.isnan(stays.low[i]) else float(stays.low[i]),
                        "survival_high": None if np.isnan(stays.high[i]) else float(stays.high[i]),
                        "incidence": float(lost[i]),
                    }
                )
    return rows
