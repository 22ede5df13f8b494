"""Thefts put into curves, and who finds them: ``python -m bench.curve_thefts --province DIR``, DIR the root_dir of a finished run.

Into 5 % of the accounts without a planted fault a theft is put that begins on a random day within the curves and lasts: the six patterns
of Jokar, Arianpoor and Leung (IEEE Transactions on Smart Grid 7(1), 2016) as they are published, said of the intervals of a day, and beside
them a cap. Registers and curves both show what the meter records; what transformers lose is withheld. Each account is judged by the judge
of `gridlens anomalies`, which learnt from the other half of the accounts only, into which the library puts patterns of its own. Prints the
JSON lines of bench.thefts for the six together and for each alone, and the same for a judge that sees daily totals only.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from gridlens.anomaly.evidence import evidence
from gridlens.anomaly.examples import examples
from gridlens.anomaly.groups import Peers, peers_of
from gridlens.anomaly.rows import FEATURES
from gridlens.anomaly.weeks import PARTS, WEEK, WEEKS, Diary
from gridlens.arrow import list_to_matrix
from gridlens.contracts.silver import INTERVAL_DAY, METERING_POINT
from gridlens.features.clock import QUARTERS
from gridlens.features.packing import IMPORT
from gridlens.features.week_parts import day_parts
from gridlens.pipelines.anomaly_facts import usage_series
from gridlens.pipelines.declared import usage_definition
from gridlens.pipelines.tag_state import required_features
from gridlens.session import get_spark
from gridlens.settings import load_settings
from gridlens.warehouse import Warehouse
from pyspark.sql import functions as F

from bench.faults import truth
from bench.thefts import COPIES, Theft, Trial, figures, gridlens, lightgbm

CURVES = 12 * WEEK
"""Days with curves that are looked at."""
EARLIEST, LATEST = 56, 21
"""A theft begins at the earliest and at the latest so many days before the last one."""
LEAST_HOURS = 16
ACCOUNTS = 2000


def window(x: np.ndarray, mean: float, r: np.random.Generator) -> np.ndarray:
    """Nothing is recorded in one stretch of the day, of at least four hours."""
    length = int(r.integers(LEAST_HOURS, QUARTERS // 2 + 1))
    chosen = (np.arange(length) + int(r.integers(QUARTERS))) % QUARTERS
    return np.where(np.isin(np.arange(QUARTERS), chosen), 0.0, x)


THEFTS: dict[str, Theft] = {
    "h1 constant share": lambda x, mean, r: x * r.uniform(0.1, 0.8),
    "h2 by-pass in one stretch of the day": window,
    "h3 another share each interval": lambda x, mean, r: x * r.uniform(0.1, 0.8, x.shape),
    "h4 a share of the mean each interval": lambda x, mean, r: mean * r.uniform(0.1, 0.8, x.shape),
    "h5 the mean each interval": lambda x, mean, r: np.full(x.shape, mean),
    "h6 the day backwards": lambda x, mean, r: x[:, ::-1],
    "cap": lambda x, mean, r: np.minimum(x, mean * r.uniform(0.4, 1.4)),
}
SIX = tuple(THEFTS)[:6]


@dataclass(frozen=True, eq=False)
class Meters:
    """Accounts without a planted fault.

    Attributes:
        daily, exported: kWh. Shape (accounts, DAYS); curve: mean power of the last CURVES days, kW. Shape (accounts, CURVES, 96).
        peer: group of each. Shape (accounts,).
    """

    daily: np.ndarray
    exported: np.ndarray
    curve: np.ndarray
    peer: np.ndarray

    def diary(self, daily: np.ndarray, curve: np.ndarray | None) -> Diary:
        """What the meters show; without ``curve`` daily totals alone."""
        hours = np.full((len(daily), WEEKS, PARTS), np.nan)
        if curve is not None:
            parts = day_parts(curve.reshape(-1, QUARTERS), PARTS).reshape(len(curve), -1, WEEK, PARTS)
            hours[:, -parts.shape[1] :] = parts.mean(axis=2)
        return Diary(daily, np.full(daily.shape, np.nan), self.exported, hours.reshape(len(daily), -1))


def read(root: Path) -> tuple[Meters, Peers, np.datetime64]:
    """Accounts of one point with whole curves, by hash; the groups that they are in; the last day."""
    settings = load_settings("local", overrides={"root_dir": str(root)})
    spark = get_spark(settings, name="gridlens-curve-thefts")
    warehouse, usage = Warehouse(spark, settings), usage_definition(settings)
    moment = required_features(warehouse, None, None)
    series = usage_series(warehouse, usage, moment.as_of, moment.known_at)
    peers = peers_of(series.rows, series.names, series.sizes, sample=usage.definition.peer_sample)
    points = warehouse.read(METERING_POINT).select("account_id", "metering_point_id").distinct()
    faulty = spark.createDataFrame(truth(root, "fault")[["metering_point_id"]])
    single = (
        points.groupBy("account_id").agg(F.count("*").alias("n"), F.first("metering_point_id").alias("metering_point_id")).where("n = 1")
    )
    sound = single.join(faulty, on="metering_point_id", how="left_anti")
    recent = F.col("local_date") > F.date_sub(F.lit(moment.as_of), CURVES)
    whole = (F.col("channel") == IMPORT) & (F.col("resolution_minutes") == 15) & (F.col("missing_count") == 0)
    days = warehouse.read(INTERVAL_DAY).where(recent & whole).join(sound, on="metering_point_id", how="inner")
    of_day = F.struct("local_date", "values")
    listed = days.groupBy("account_id").agg(F.sort_array(F.collect_list(of_day)).alias("days")).where(F.size("days") == CURVES)
    curves = listed.select("account_id", F.flatten("days.values").alias("curve"))
    rows = series.rows.select("account_id", "peer", "daily", "exported").join(curves, on="account_id", how="inner")
    found = rows.orderBy(F.xxhash64(F.lit("thefts"), F.col("account_id"))).limit(ACCOUNTS).toArrow().combine_chunks()
    lists = {name: list_to_matrix(_one(found.column(name))) for name in ("daily", "exported", "curve")}
    spark.stop()
    curve = lists["curve"].reshape(-1, CURVES, QUARTERS) / 0.25
    return Meters(lists["daily"], lists["exported"], curve, np.asarray(found.column("peer"))), peers, np.datetime64(moment.as_of)


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def steal(meters: Meters, name: str, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Every account with a theft of its own strength from its own day on: daily and curve."""
    daily, curve = meters.daily.copy(), meters.curve.copy()
    for row in range(len(daily)):
        since = int(random.integers(LATEST, EARLIEST + 1))
        true = curve[row, -since:]
        seen = THEFTS[name](true, float(true.mean()), random)
        daily[row, -since:] -= (true - seen).sum(axis=1) * 0.25
        curve[row, -since:] = seen
    return np.maximum(daily, 0.0), curve


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is told of the accounts: with or without their curves."""

    meters: Meters
    peers: Peers
    last: np.datetime64
    curves: bool

    def table(self, daily: np.ndarray, curve: np.ndarray) -> np.ndarray:
        """FEATURES of the accounts. Shape (accounts, features)."""
        diary, found = self._diary(daily, curve), np.empty((len(daily), len(FEATURES)))
        for group, members in self._groups():
            one = evidence(diary.rows(members), self.peers.reference(group, self.last))
            found[members] = np.stack([one[name] for name in FEATURES], axis=1)
        return found

    def examples(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Features, label and account of the examples to learn from."""
        told = usage_definition(load_settings("local")).definition.examples
        own, parts = self._diary(self.meters.daily, self.meters.curve), []
        for group, members in self._groups():
            references = {back: self.peers.reference(group, self.last, back=back) for back in (0, *told.earlier_days)}
            made = examples(own.rows(members), references, members, copies=told.copies, least_kwh=told.least_kwh)
            parts.append((np.stack([made.features[name] for name in FEATURES], axis=1), made.label, members[made.row]))
        features, label, row = (np.concatenate(column) for column in zip(*parts, strict=True))
        return features, label, row

    def _diary(self, daily: np.ndarray, curve: np.ndarray) -> Diary:
        return self.meters.diary(daily, curve if self.curves else None)

    def _groups(self) -> Iterator[tuple[int, np.ndarray]]:
        for group in np.unique(self.meters.peer):
            yield int(group), np.flatnonzero(self.meters.peer == group)


def trial(of: Evidence, seed: int) -> Trial:
    """Thefts drawn with ``seed``."""
    random = np.random.default_rng(seed)
    half = random.permutation(len(of.meters.daily)) % 2
    stolen = {name: [of.table(*steal(of.meters, name, random)) for _ in range(COPIES)] for name in THEFTS}
    learn, label, row = of.examples()
    return Trial(half, learn, label, half[row], of.table(of.meters.daily, of.meters.curve), stolen, {})


def compare(root: Path, seed: int) -> Iterator[dict[str, object]]:
    """One record a detector and mix of thefts."""
    meters, peers, last = read(root)
    whole = trial(Evidence(meters, peers, last, curves=True), seed)
    days = trial(Evidence(meters, peers, last, curves=False), seed)
    scores = {"daily totals alone": gridlens(days), "lightgbm": lightgbm(whole), "gridlens": gridlens(whole, FEATURES)}
    for name, one in scores.items():
        mixes = {"six patterns": SIX, **{theft: (theft,) for theft in THEFTS if name != "lightgbm"}}
        for mix, names in mixes.items():
            yield {"detector": name, "thefts": mix, "accounts": len(meters.daily), "seed": seed, **figures(one, names)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.curve_thefts", description=__doc__)
    parser.add_argument("--province", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1, help="of the thefts and of the halves")
    given = parser.parse_args()
    for record in compare(given.province, given.seed):
        print(json.dumps(record), flush=True)
