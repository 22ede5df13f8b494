"""Alerts against the faults planted in a province: ``python -m bench.faults --province DIR``, DIR the root_dir of a finished run.

Prints one JSON line for the newest alerts: the part of the first visits that meet a fault (there now, or put right within the recovery
window and still to be charged) and the energy that these faults took, the same of as many alerts by probability alone, the part of today's
faults among the alerts, how well probabilities tell today's faults from accounts without any (those without an alert count 0; with
``least_probability: 0`` every account has one), and the days by which the change is dated wrongly; then one line for each kind of fault.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from gridlens.contracts.anomaly import USAGE_ALERT
from gridlens.contracts.silver import METERING_POINT
from gridlens.session import get_spark
from gridlens.settings import load_settings
from gridlens.warehouse import Warehouse
from pyspark.sql import functions as F
from sklearn.metrics import roc_auc_score

FIRST = (10, 20, 50)
RECOVERY = dt.timedelta(days=365)


def truth(root: Path, name: str) -> pd.DataFrame:
    """A table of the hidden truth, as text."""
    files = sorted((root / "sample" / "truth").glob(f"{name}-*.csv"))
    return pd.concat([pd.read_csv(file, dtype=str) for file in files], ignore_index=True)


def read(root: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.Timestamp]:
    """The newest alerts, every account with its fault (kind null without one), and as_of."""
    settings = load_settings("local", overrides={"root_dir": str(root)})
    spark = get_spark(settings, name="gridlens-faults")
    warehouse = Warehouse(spark, settings)
    alerts = warehouse.read(USAGE_ALERT)
    as_of = alerts.agg(F.max("as_of").alias("as_of")).first()["as_of"]  # type: ignore[index]
    columns = ("account_id", "rank", "kind", "probability", "changed_on")
    found = alerts.where(F.col("as_of") == F.lit(as_of)).select(*columns).toPandas()
    holds = warehouse.read(METERING_POINT).groupBy("metering_point_id").agg(F.max_by("account_id", "valid_from").alias("account_id"))
    points = holds.toPandas()
    spark.stop()
    faults = truth(root, "fault").merge(points, on="metering_point_id")
    misuse = truth(root, "account").query("tariff_misuse == '1'")[["account_id"]].assign(kind="tariff_misuse", start=None, end=None)
    accounts = truth(root, "account")[["account_id"]]
    planted = pd.concat([faults[["account_id", "kind", "start", "end", "lost_kwh"]], misuse]).drop_duplicates("account_id")
    return found, accounts.merge(planted, on="account_id", how="left"), pd.Timestamp(as_of)


def compare(root: Path) -> Iterator[dict[str, object]]:
    """One record for all alerts, and one for each kind of fault."""
    alerts, accounts, as_of = read(root)
    both = accounts.merge(alerts, on="account_id", how="left", suffixes=("", "_told"))
    start, end = pd.to_datetime(both["start"]), pd.to_datetime(both["end"])
    fault = both["kind"].notna()
    now = fault & end.isna() & ~(start > as_of)
    chargeable = fault & (end.isna() | (end > as_of - RECOVERY))
    score = both["probability"].fillna(0.0)
    judged = now | ~fault
    wrong = (pd.to_datetime(both["changed_on"]) - start).dt.days.abs()
    ranked, likeliest = both.sort_values("rank"), both.sort_values("probability", ascending=False, kind="stable")
    taken = both["lost_kwh"].astype(float).where(chargeable).fillna(0.0)
    yield {
        "alerts": len(alerts),
        "accounts": len(accounts),
        "faults_now": int(now.sum()),
        **{f"hits_in_{n}": round(float(chargeable[ranked.index[:n]].mean()), 3) for n in FIRST},
        **{f"hits_now_in_{n}": round(float(now[ranked.index[:n]].mean()), 3) for n in FIRST},
        **{f"kwh_in_{n}": round(float(taken[ranked.index[:n]].sum())) for n in FIRST},
        **{f"hits_in_{n}_by_probability": round(float(chargeable[likeliest.index[:n]].mean()), 3) for n in FIRST},
        **{f"kwh_in_{n}_by_probability": round(float(taken[likeliest.index[:n]].sum())) for n in FIRST},
        "found_now": round(float(both["rank"].notna()[now].mean()), 3),
        "roc_auc": round(float(roc_auc_score(now[judged], score[judged])), 4),
        "days_wrong_median": float(wrong[now & both["rank"].notna()].median()),
    }
    for kind in sorted(set(both["kind"].dropna())):
        mine = now & (both["kind"] == kind)
        told = mine & both["rank"].notna()
        others = score[~fault]
        if mine.any():
            yield {
                "fault": kind,
                "now": int(mine.sum()),
                "among_alerts": int(told.sum()),
                "told_as": both.loc[told, "kind_told"].value_counts().to_dict(),
                "roc_auc": round(float(np.mean([(others < s).mean() + 0.5 * (others == s).mean() for s in score[mine]])), 4),
                "days_wrong": sorted(wrong[told].dropna().astype(int).tolist()),
            }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("--province", type=Path, required=True)
    for record in compare(parser.parse_args().province):
        print(json.dumps(record, ensure_ascii=False), flush=True)
