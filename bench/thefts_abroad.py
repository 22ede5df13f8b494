"""Thefts in homes of another country: ``python -m bench.thefts_abroad --homes FOLDER --abroad FILE``.

FOLDER holds the daily files of the London households, FILE the half-hourly readings of the ten households of New South Wales. The judge
of `gridlens anomalies` learns from the London homes alone, as in bench.thefts, and the alarm is set where one in twenty of the untouched
London homes raises it. Each of the ten homes gets each theft of bench.thefts DRAWS times, of random strength from a random day on. Prints
one JSON line for each theft: the part of the thefts that raise the alarm, and the part of (untouched, stolen) pairs in the right order.
Ten homes show whether what was learnt carries over, not how often an alarm is false.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from gridlens.anomaly.groups import usual_account
from gridlens.anomaly.weeks import DAYS, reference

from bench.thefts import FULL_DAY, SIX, THEFTS, Homes, log_odds, read_homes, steal, table, trial

DRAWS = 50
FALSE_ALARMS = 0.05
LEAST_DAYS = 200


def read_half_hours(file: Path, *, last: str = "2014-02-19") -> Homes:
    """Daily energy of the homes; a day counts with FULL_DAY half hours, a home with LEAST_DAYS such days in the last year."""
    rows = pd.read_parquet(file)
    day = rows["reading_datetime"].dt.normalize()
    days = rows.groupby([rows["customer_id"], day])["general_supply_kwh"].agg(["size", "sum"]).reset_index()
    wide = days[days["size"] >= FULL_DAY].pivot(index="customer_id", columns="reading_datetime", values="sum")
    daily = wide.reindex(columns=pd.date_range(end=last, periods=DAYS)).to_numpy(dtype=float)
    return Homes(daily[np.isfinite(daily[:, -365:]).sum(axis=1) >= LEAST_DAYS], np.datetime64(last))


def compare(london: Path, file: Path, seed: int) -> Iterator[dict[str, object]]:
    """One record for the six thefts together, and for each alone."""
    t, abroad = trial(read_homes(london), seed), read_half_hours(file)
    usual, index = usual_account(abroad.daily)
    one = reference(index, usual, abroad.last)
    random = np.random.default_rng(seed)
    stolen = {name: np.concatenate([table(steal(abroad, name, random), one) for _ in range(DRAWS)]) for name in THEFTS}
    parts = [t.honest, table(abroad.daily, one), *stolen.values()]
    at_home, honest, *found = log_odds(t, parts, [t.half, *(np.zeros(len(part)) for part in parts[1:])])
    alarm = np.quantile(at_home, 1 - FALSE_ALARMS)
    by_theft = dict(zip(stolen, found, strict=True))
    common = {"homes": len(abroad.daily), "untouched_alarms": int((honest >= alarm).sum()), "seed": seed}
    for name, scores in {"six patterns": np.concatenate([by_theft[name] for name in SIX]), **by_theft}.items():
        right = (scores[:, None] > honest).mean() + 0.5 * (scores[:, None] == honest).mean()
        detected = float((scores >= alarm).mean())
        yield {"thefts": name, "drawn": len(scores), "detected": round(detected, 3), "auc": round(float(right), 3), **common}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.thefts_abroad", description=__doc__)
    parser.add_argument("--homes", type=Path, required=True, help="folder of block_*.csv.gz")
    parser.add_argument("--abroad", type=Path, required=True, help="smart_meter10.parquet")
    parser.add_argument("--seed", type=int, default=1, help="of the thefts and of the halves")
    given = parser.parse_args()
    for record in compare(given.homes, given.abroad, given.seed):
        print(json.dumps(record), flush=True)
