"""Whether churn scores name the planted cause: ``python -m bench.churn_causes --root-dir DIR --truth DIR``.

DIR is the root_dir of a province with scores of churn_household or churn_business, DIR of ``--truth`` its hidden truth. The province ends
with its last day, so the scores must be of an earlier moment: ``gridlens score churn_household --as-of 2025-12-31``,
and here ``--as-of 2025-12-31``.

Looked at are the accounts that leave within the models' horizon after the moment. A cause counts as found where one of the features that
show it is among the first three reasons that raise the account's score. Prints a JSON line: the share over the leavers whose cause had
begun to show at the moment (the province plants signs in the months of LEAD only: earlier there is nothing to find), to reach 0.9; in the
detail the share by cause, that of all leavers, that of those among them in the highest tenth of the scores, and what chance would give:
the share of the accounts that stay whose first three reasons would have counted, the causes weighted as among the leavers. A planted sign
comes by chance, so many causes that had begun have not shown yet; ``shown`` are those with something to see (one of SIGNS since LEAD, or
a week of fading), ``by_chance_shown`` is what those who stay and have such a sign, too, would give.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from gridlens.contracts.score import SCORE
from gridlens.contracts.silver import SILVER
from gridlens.features.account_windows import local_day
from gridlens.session import get_spark
from gridlens.settings import load_settings
from gridlens.warehouse import Warehouse
from pyspark.sql import functions as F

from bench.measure import Figure

MODELS = ("churn_household", "churn_business")
GAP, HORIZON = 3, 57  # of both models (conf/models/churn.yml)
FIRST, GOAL = 3, 0.9
LEAD = {"moving": 2, "shutdown": 3, "relocation": 3, "retail_switch": 3, "self_generation": 3}
"""Calendar months up to the departure, its own included, in which the province plants signs of the cause (lib/gridlens/samples)."""

SIGNS: Mapping[str, frozenset[str]] = {
    "moving": frozenset({"enquiry", "transfer_ownership", "close_account"}),
    "shutdown": frozenset({"enquiry", "close_account"}),
    "relocation": frozenset({"enquiry", "close_account"}),
    "retail_switch": frozenset({"enquiry", "quote_received", "tariff"}),
    "self_generation": frozenset({"enquiry", "grid_connection"}),
}
"""Kinds of contact and of interaction, and pages, that the province plants before a departure (samples/contacts.py, behaviour.py)."""
FADES = {"moving": 10, "shutdown": 75, "relocation": 35}
"""Days before the departure from which consumption fades (samples/load.py)."""
WEEK = dt.timedelta(days=7)

# Who is about to leave calls: samples/contacts.py plants a call in each month of LEAD (moving 0.5, closing 0.4, leaving 0.3, pv 0.45).
_CALLS = ("contacts_30d", "contacts_90d", "enquiries_365d", "days_since_contact")
# Views of the pages on which an account is transferred or closed are planted for moving, shutdown and relocation (samples/behaviour.py).
_EXIT = ("exit_page_views_90d",)
# Who leaves the place logs in less often: samples/behaviour.py multiplies by 0.4.
_QUIET = ("logins_30d", "interactions_30d", "interactions_90d", "active_days_90d", "days_since_interaction")
# Consumption fades before the end: over 75 days before a shutdown, 35 before a relocation, 10 before a household moves (samples/load.py).
_FADING = ("energy_ratio_14d", "energy_growth_30d", "low_days_90d", "zero_days_30d")
# A longer decline shows in these as well, which look back further than the 10 days of a household.
_FADED = (*_FADING, "energy_growth_90d", "energy_kwh_90d", "energy_trend_365d", "last_bill_ratio")
# Money trouble raises the hazard of moving and of a shutdown (samples/life.py), and it shows in how bills are paid (samples/payments.py).
_TROUBLE = ("late_share_365d", "late_bills_90d", "disconnections_365d", "billing_disputes_365d")
SHOWN_BY: Mapping[str, frozenset[str]] = {
    "moving": frozenset({*_EXIT, *_CALLS, *_QUIET, *_FADING, *_TROUBLE}),
    "shutdown": frozenset({*_EXIT, *_CALLS, *_QUIET, *_FADED, *_TROUBLE}),
    # Growth raises the hazard of relocation: more capacity, rising energy (samples/life.py).
    "relocation": frozenset({*_EXIT, *_CALLS, *_QUIET, *_FADED, "capacity_change_365d"}),
    # Competitors' quotes and searches for tariffs are planted; thrift and outages raise the hazard (samples/behaviour.py, life.py).
    "retail_switch": frozenset(
        {*_CALLS, "quotes_90d", "quotes_365d", "tariff_searches_365d", "unplanned_outages_365d", "outage_hours_365d"}
    ),
    # Calls about panels and views of the page on grid connection are planted; thrift raises the hazard, and who is thrifty looks at his
    # usage and at tariffs.
    "self_generation": frozenset({*_CALLS, "grid_connection_views_90d", "tariff_searches_365d", "usage_views_90d", "product_interest"}),
}
"""Planted cause to the features of the models by which it can be seen."""


def leavers(scores: pd.DataFrame, truth: pd.DataFrame, signs: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """The scored accounts that leave in the horizon after ``as_of``.

    Args:
        scores: account_id, decile, reasons (the largest contribution first).
        truth: account_id, churn_cause, churn_day.
        signs: account_id, sign, day: what was seen of accounts up to ``as_of``.

    Returns:
        account_id, cause, decile, ``begun`` (it could show), ``shows`` (there is a sign to see), ``found`` (among the first
        three reasons that raise the score).
    """
    gone = truth[truth["churn_cause"].notna() & (truth["churn_cause"] != "")].copy()
    gone["day"] = pd.to_datetime(gone["churn_day"]).dt.date
    begin = as_of + dt.timedelta(days=GAP)
    gone = gone[(gone["day"] > begin) & (gone["day"] <= begin + dt.timedelta(days=HORIZON))]
    rows = scores.merge(gone[["account_id", "churn_cause", "day"]], on="account_id", how="inner")
    begun = [_leads(cause, day, as_of) for cause, day in zip(rows["churn_cause"], rows["day"], strict=True)]
    rows = rows.assign(begun=begun, fades=[_fades(cause, day, as_of) for cause, day in zip(rows["churn_cause"], rows["day"], strict=True)])
    shows = rows["begun"] & (rows["fades"] | rows["account_id"].isin(_signed(rows, signs)))
    found = [bool(SHOWN_BY[cause] & first(reasons)) for cause, reasons in zip(rows["churn_cause"], rows["reasons"], strict=True)]
    return rows[["account_id", "decile", "begun"]].assign(cause=rows["churn_cause"], shows=shows, found=found)


def _leads(cause: str, day: dt.date, seen: dt.date) -> bool:
    """``seen`` is in the months of LEAD before a departure on ``day``."""
    return (day.year - seen.year) * 12 + day.month - seen.month < LEAD[cause]


def _fades(cause: str, day: dt.date, as_of: dt.date) -> bool:
    """Consumption has faded for a week at ``as_of``."""
    return cause in FADES and day - dt.timedelta(days=FADES[cause]) + WEEK <= as_of


def _signed(rows: pd.DataFrame, signs: pd.DataFrame) -> pd.Series:
    """The leavers with a sign of their cause in its months of LEAD."""
    both = rows.merge(signs.rename(columns={"day": "seen"}), on="account_id")
    of_cause = [sign in SIGNS[cause] for sign, cause in zip(both["sign"], both["churn_cause"], strict=True)]
    lead = [_leads(cause, day, seen) for cause, day, seen in zip(both["churn_cause"], both["day"], both["seen"], strict=True)]
    return both.loc[np.array(of_cause, bool) & np.array(lead, bool), "account_id"]


def first(reasons: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """The features of the first reasons that raise the score."""
    return frozenset([reason["feature"] for reason in reasons if reason["contribution"] > 0][:FIRST])


def by_chance(scores: pd.DataFrame, gone: pd.DataFrame, among: str, signs: pd.DataFrame | None = None) -> float | None:
    """The share that would count as found among the accounts that are not in ``gone``, the causes weighted as among those of ``gone``.

    Args:
        scores, gone: as for and of :func:`leavers`.
        among: column of ``gone`` that says which leavers count: begun or shows.
        signs: where given, only those who stay with a sign of the cause count.
    """
    staying = scores[~scores["account_id"].isin(gone["account_id"])]
    told, share = [first(reasons) for reasons in staying["reasons"]], 0.0
    for cause, weight in gone.loc[gone[among], "cause"].value_counts(normalize=True).items():
        like = staying["account_id"] if signs is None else signs.loc[signs["sign"].isin(SIGNS[str(cause)]), "account_id"]
        found = [bool(SHOWN_BY[str(cause)] & one) for one, has in zip(told, staying["account_id"].isin(like), strict=True) if has]
        if not found:
            return None
        share += weight * float(np.mean(found))
    return share if gone[among].any() else None


def figure(rows: pd.DataFrame, as_of: dt.date, chance: float | None, chance_shown: float | None) -> Figure:
    """The share found of the causes that had begun to show, with the details."""
    begun, shown, flagged = rows[rows["begun"]], rows[rows["shows"]], rows[rows["decile"] == 1]
    value = _share(begun)
    detail = {
        "as_of": str(as_of),
        "leavers": len(rows),
        "begun": len(begun),
        "by_cause": _by_cause(begun),
        "by_chance": None if chance is None else round(chance, 4),
        "of_all": _share(rows),
        "of_highest_tenth": _share(flagged),
        "highest_tenth": len(flagged),
        "shown": len(shown),
        "of_shown": _share(shown),
        "by_cause_shown": _by_cause(shown),
        "by_chance_shown": None if chance_shown is None else round(chance_shown, 4),
    }
    return Figure("churn_causes", value if value is not None else float("nan"), "share", GOAL, value is not None and value >= GOAL, detail)


def _share(rows: pd.DataFrame) -> float | None:
    return round(float(rows["found"].mean()), 4) if len(rows) else None


def _by_cause(rows: pd.DataFrame) -> dict[str, list[int]]:
    """Found, and all, by cause."""
    return {str(cause): [int(own["found"].sum()), len(own)] for cause, own in rows.groupby("cause")}


def read_scores(warehouse: Warehouse, as_of: dt.date | None) -> tuple[dt.date, pd.DataFrame]:
    """The newest version's scores of both models at a moment: ``as_of``, or the newest day that has any.

    Raises:
        SystemExit: there are none; says what to run.
    """
    rows = warehouse.read(SCORE).where(F.col("model").isin(*MODELS))
    day = as_of or rows.agg(F.max("as_of").alias("day")).collect()[0]["day"]
    order = F.struct("version", "known_at")
    newest = (
        rows.where(F.col("as_of") == F.lit(day))
        .groupBy("account_id", "model")
        .agg(F.max_by(F.struct("decile", "reasons"), order).alias("last"))
    )
    found = [row.asDict(recursive=True) for row in newest.select("account_id", "last.*").collect()]
    if not found:
        raise SystemExit(f"no scores of {' or '.join(MODELS)}: train them, then `gridlens score churn_household --as-of DAY`")
    return day, pd.DataFrame(found)


def read_signs(warehouse: Warehouse, as_of: dt.date) -> pd.DataFrame:
    """account_id, sign, day of the contacts and interactions of SIGNS in the longest LEAD up to ``as_of``."""
    wanted = sorted(set().union(*SIGNS.values()))
    since = as_of - dt.timedelta(days=31 * max(LEAD.values()))
    zone = warehouse.settings.zone
    opened = local_day("opened_at", zone).alias("day")
    contacts = warehouse.read(SILVER["service_event"]).select("account_id", F.col("kind").alias("sign"), opened)
    sign = F.when(F.col("kind") == "quote_received", F.col("kind")).otherwise(F.col("object")).alias("sign")
    done = warehouse.read(SILVER["interaction"]).select("account_id", sign, local_day("occurred_at", zone).alias("day"))
    return contacts.unionByName(done).where(F.col("sign").isin(wanted) & F.col("day").between(since, as_of)).toPandas()


def read_truth(folder: Path) -> pd.DataFrame:
    """account_id, churn_cause, churn_day of all accounts."""
    files = sorted(folder.glob("account-*.csv"))
    if not files:
        raise SystemExit(f"{folder} has no account-*.csv: give --truth the folder `sample/truth` of the province")
    columns = ["account_id", "churn_cause", "churn_day"]
    return pd.concat([pd.read_csv(file, dtype=str, usecols=columns) for file in files], ignore_index=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 where the goal is reached."""
    parser = argparse.ArgumentParser(prog="python -m bench.churn_causes", description=__doc__)
    parser.add_argument("--root-dir", type=Path, required=True, help="root_dir of the province")
    parser.add_argument("--truth", type=Path, required=True, help="its folder sample/truth")
    parser.add_argument("--as-of", type=dt.date.fromisoformat, help="day of the scores; default the newest")
    given = parser.parse_args(arguments)
    truth = read_truth(given.truth)
    settings = load_settings("local", overrides={"root_dir": str(given.root_dir)})
    warehouse = Warehouse(get_spark(settings, name="gridlens-churn-causes"), settings)
    as_of, scores = read_scores(warehouse, given.as_of)
    signs = read_signs(warehouse, as_of)
    gone = leavers(scores, truth, signs, as_of)
    if gone.empty:
        raise SystemExit(f"none of the accounts scored as of {as_of} leaves within the horizon: give --as-of an earlier day, and score it")
    told = figure(gone, as_of, by_chance(scores, gone, "begun"), by_chance(scores, gone, "shows", signs))
    print(json.dumps(told.as_dict(), ensure_ascii=False))
    return 0 if told.ok else 1


if __name__ == "__main__":
    sys.exit(main())
