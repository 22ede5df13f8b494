"""Thefts put into real homes, and who finds them: ``python -m bench.thefts --homes FOLDER``.

FOLDER holds the daily files of the London households. Into 5 % of the homes a theft is put that begins on a random day of the last year
and lasts: the six patterns of Jokar, Arianpoor and Leung (2016) and Zanetti et al. (2019), said of days. The evidence is computed by the
kernels of `gridlens anomalies`, and each home is judged by a model that learnt from the other half of the homes only, into which the
library puts patterns of its own. Prints one JSON line for each detector and pattern: MAP@100 as Zheng et al. (IEEE Transactions on
Industrial Informatics 14(4), 2018) define it (mean precision at the thefts among the first hundred) and strictly (a theft that is not
there counts 0), and how many untouched homes raise an alarm where 80 % of the thefts do. Beside it stand what it has without any theft to
learn from (the residual of principal components), an isolation forest and LightGBM on the same evidence, and the plain comparison of the
last 30 days with the home's own past.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from gridlens.anomaly.evidence import evidence
from gridlens.anomaly.examples import examples
from gridlens.anomaly.groups import usual_account
from gridlens.anomaly.learner import fit_judge
from gridlens.anomaly.residual import fit_residual
from gridlens.anomaly.rows import DAY_FEATURES, FEATURES
from gridlens.anomaly.weeks import DAYS, PARTS, WEEKS, Diary, Reference, reference
from gridlens.pipelines.declared import usage_definition
from gridlens.session import get_spark
from gridlens.settings import load_settings
from lightgbm import LGBMClassifier
from sklearn.ensemble import IsolationForest

SHARE = 0.05
DRAWS = 300
COPIES = 2
YEAR, LAST_START, LEAST_DAYS = 365, 30, 300
FULL_DAY = 46
"""Half hours of a day that must be there."""
Theft = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
THEFTS: dict[str, Theft] = {
    "h1 constant share": lambda x, mean, r: x * r.uniform(0.1, 0.8),
    "h2 cap": lambda x, mean, r: np.minimum(x, mean * r.uniform(0.2, 0.8)),
    "h3 constant less": lambda x, mean, r: np.maximum(x - mean * r.uniform(0.2, 0.8), 0.0),
    "h4 by-pass on random days": lambda x, mean, r: np.where(r.random(len(x)) < r.uniform(0.2, 0.8), 0.0, x),
    "h5 random share each day": lambda x, mean, r: x * r.uniform(0.1, 0.8, len(x)),
    "h6 mean every day": lambda x, mean, r: np.full(len(x), mean),
    "h7 random share of the mean": lambda x, mean, r: mean * r.uniform(0.1, 0.8, len(x)),
    "h8 reversed order of days": lambda x, mean, r: x[::-1],
}
SIX = tuple(THEFTS)[:6]
"""Those that are mixed; the last two are told apart only: of reversed days the energy is untouched and daily totals hardly tell."""


@dataclass(frozen=True, eq=False)
class Homes:
    """Daily energy of homes, kWh, NaN where not known. Shape (homes, DAYS), ending with ``last``."""

    daily: np.ndarray
    last: np.datetime64


def read_homes(folder: Path, *, last: str = "2014-02-27") -> Homes:
    """The homes with LEAST_DAYS whole days in the last year; the source's last day is not whole."""
    columns = ["LCLid", "day", "energy_count", "energy_sum"]
    rows = pd.concat([pd.read_csv(file, usecols=columns) for file in sorted(folder.glob("block_*.csv.gz"))])
    rows = rows[rows["energy_count"] >= FULL_DAY].drop_duplicates(["LCLid", "day"])
    wide = rows.pivot(index="LCLid", columns="day", values="energy_sum")
    days = np.datetime64(last) - np.arange(DAYS)[::-1]
    daily = wide.reindex(columns=days.astype(str)).to_numpy(dtype=float)
    return Homes(daily[np.isfinite(daily[:, -YEAR:]).sum(axis=1) >= LEAST_DAYS], days[-1])


def steal(homes: Homes, name: str, random: np.random.Generator) -> np.ndarray:
    """Every home with a theft of its own strength from its own day on. Shape (homes, DAYS)."""
    stolen = homes.daily.copy()
    for row in stolen:
        start = DAYS - YEAR + int(random.integers(LAST_START, YEAR - LAST_START + 1))
        at = start + np.flatnonzero(np.isfinite(row[start:]))
        row[at] = THEFTS[name](row[at], float(row[at].mean()), random)
    return stolen


def diary(daily: np.ndarray) -> Diary:
    """Of homes without a transformer's meter, export and curves."""
    nothing = np.full(daily.shape, np.nan)
    return Diary(daily, nothing, nothing, np.full((len(daily), WEEKS * PARTS), np.nan))


def table(daily: np.ndarray, one: Reference) -> np.ndarray:
    """FEATURES of the homes. Shape (homes, features)."""
    found = evidence(diary(daily), one)
    return np.stack([found[name] for name in FEATURES], axis=1)


@dataclass(frozen=True, eq=False)
class Trial:
    """What detectors get.

    Attributes:
        half: of each home; learn, label, learn_half: examples from untouched homes, and from homes with the library's own patterns.
        honest: evidence of the untouched homes; stolen: of the homes with each of the bench's thefts, COPIES times.
        days: the series behind them.
    """

    half: np.ndarray
    learn: np.ndarray
    label: np.ndarray
    learn_half: np.ndarray
    honest: np.ndarray
    stolen: dict[str, list[np.ndarray]]
    days: dict[str, list[np.ndarray]]


def trial(homes: Homes, seed: int) -> Trial:
    """Thefts drawn with ``seed``."""
    told = usage_definition(load_settings("local")).definition.examples
    usual, index = usual_account(homes.daily)
    references = {back: reference(index, usual, homes.last, back=back) for back in (0, *told.earlier_days)}
    seeds = np.arange(len(homes.daily))
    made = examples(diary(homes.daily), references, seeds, copies=told.copies, least_kwh=told.least_kwh)
    random = np.random.default_rng(seed)
    half = random.permutation(len(homes.daily)) % 2
    days = {name: [steal(homes, name, random) for _ in range(COPIES)] for name in THEFTS}
    learn = np.stack([made.features[name] for name in FEATURES], axis=1)
    stolen = {name: [table(copy, references[0]) for copy in copies] for name, copies in days.items()}
    return Trial(half, learn, made.label, half[made.row], table(homes.daily, references[0]), stolen, days)


Scores = tuple[np.ndarray, dict[str, list[np.ndarray]]]
"""Of the untouched homes, and of the homes with each theft."""


def by_half(t: Trial, score: Callable[[int, np.ndarray], np.ndarray]) -> Scores:
    """Scores of each home by what learnt from the other half. Args: score: of a half and its evidence."""

    def both(rows: np.ndarray) -> np.ndarray:
        return np.where(t.half == 0, score(0, rows), score(1, rows))

    return both(t.honest), {name: [both(copy) for copy in copies] for name, copies in t.stolen.items()}


def log_odds(
    t: Trial, parts: Sequence[np.ndarray], halves: Sequence[np.ndarray], features: Sequence[str] = DAY_FEATURES
) -> list[np.ndarray]:
    """What the judge of `gridlens anomalies`, MLlib's boosted trees, says of evidence; it has not learnt from the half of each row.

    Args:
        t: what it learns from.
        parts: evidence. Each of shape (homes, features).
        halves: of each row of each part.
        features: those that it sees.
    """
    usage = usage_definition(load_settings("local")).definition
    spark = get_spark(load_settings("local"), name="gridlens-thefts")
    learn = pd.DataFrame(t.learn, columns=list(FEATURES)).assign(half=t.learn_half.astype("int32"), label=t.label.astype(float), weight=1.0)
    judge = fit_judge(spark.createDataFrame(learn).localCheckpoint(), usage.trees, prior=usage.prior, features=features)
    rows = pd.DataFrame(np.concatenate(parts), columns=list(FEATURES)).assign(half=np.concatenate(halves).astype("int32"))
    rows["place"] = np.arange(len(rows))
    scored = judge.judged(spark.createDataFrame(rows)).select("place", "log_odds").toPandas().sort_values("place")
    spark.stop()
    return np.split(scored["log_odds"].to_numpy(), np.cumsum([len(part) for part in parts])[:-1])


def gridlens(t: Trial, features: Sequence[str] = DAY_FEATURES) -> Scores:
    """The judge of `gridlens anomalies`; ``features`` are those that it sees."""
    parts = [t.honest, *(copy for copies in t.stolen.values() for copy in copies)]
    honest, *rest = log_odds(t, parts, [t.half] * len(parts), features)
    found = iter(rest)
    return honest, {name: [next(found) for _ in copies] for name, copies in t.stolen.items()}


def residual(t: Trial) -> Scores:
    """Nothing learnt from thefts: what the principal components of the other half's untouched homes do not explain."""
    spark = get_spark(load_settings("local"), name="gridlens-thefts")
    untouched = pd.DataFrame(t.learn, columns=list(FEATURES)).assign(half=t.learn_half)[t.label == 0]
    models = [fit_residual(spark.createDataFrame(untouched[untouched["half"] != half]), DAY_FEATURES) for half in (0, 1)]

    def score(half: int, rows: np.ndarray) -> np.ndarray:
        table = pd.DataFrame(rows, columns=list(FEATURES)).assign(place=np.arange(len(rows)))
        scored = models[half].added(spark.createDataFrame(table)).select("place", "residual").toPandas()
        return scored.sort_values("place")["residual"].to_numpy()

    found = by_half(t, score)
    spark.stop()
    return found


def lightgbm(t: Trial) -> Scores:
    """LightGBM with many more trees, on the same examples."""
    weight = np.where(t.label == 1, 1 / t.label.mean(), 1 / (1 - t.label.mean()))
    models = []
    for half in (0, 1):
        other = t.learn_half != half
        model = LGBMClassifier(n_estimators=300, learning_rate=0.05, num_leaves=15, colsample_bytree=0.3, n_jobs=1, verbose=-1)
        models.append(model.fit(t.learn[other], t.label[other], sample_weight=weight[other]))
    return by_half(t, lambda half, rows: np.asarray(models[half].predict(rows, raw_score=True)))


def isolation_forest(t: Trial) -> Scores:
    """Nothing learnt from thefts: an isolation forest on the evidence of the untouched homes of the other half."""
    models = [IsolationForest(n_estimators=300, random_state=0, n_jobs=1).fit(t.honest[t.half != half]) for half in (0, 1)]
    return by_half(t, lambda half, rows: -models[half].score_samples(rows))


def last_30_days(t: Trial, homes: Homes) -> Scores:
    """How many standard deviations the last 30 days lie below the year before them."""

    def score(daily: np.ndarray) -> np.ndarray:
        before = daily[:, -YEAR:-30]
        return (np.nanmean(before, axis=1) - np.nanmean(daily[:, -30:], axis=1)) / (np.nanstd(before, axis=1) + 0.1)

    return score(homes.daily), {name: [score(copy) for copy in copies] for name, copies in t.days.items()}


def figures(scores: Scores, names: tuple[str, ...], *, seed: int = 1) -> dict[str, float]:
    """Means over DRAWS populations in which SHARE of the homes have one of the thefts ``names``."""
    honest, stolen = scores
    random = np.random.default_rng(seed)
    rows = []
    for _ in range(DRAWS):
        thieves = random.permutation(len(honest))[: round(SHARE * len(honest))]
        mixed = honest.copy()
        for home in thieves:
            mixed[home] = stolen[names[random.integers(len(names))]][random.integers(COPIES)][home]
        is_theft = np.zeros(len(honest), dtype=bool)
        is_theft[thieves] = True
        first = is_theft[np.argsort(-mixed, kind="stable")][:100]
        precision = np.cumsum(first) / np.arange(1, len(first) + 1)
        hits = float((precision * first).sum())
        alarm = np.quantile(mixed[is_theft], 0.2)
        false = float((mixed[~is_theft] >= alarm).mean())
        rows.append((hits / max(first.sum(), 1), hits / min(100, len(thieves)), false, first.sum() / len(thieves)))
    found = np.mean(rows, axis=0)
    keys = ("map_100", "map_100_strict", "false_alarms_at_80", "found_in_100")
    return {key: round(float(value), 4) for key, value in zip(keys, found, strict=True)}


def compare(folder: Path, seed: int) -> Iterator[dict[str, object]]:
    """One record a detector and mix of thefts."""
    homes = read_homes(folder)
    t = trial(homes, seed)
    detectors: dict[str, Callable[[], Scores]] = {
        "last_30_days": lambda: last_30_days(t, homes),
        "isolation_forest": lambda: isolation_forest(t),
        "residual": lambda: residual(t),
        "lightgbm": lambda: lightgbm(t),
        "gridlens": lambda: gridlens(t),
    }
    for name, detect in detectors.items():
        scores = detect()
        mixes = {"six patterns": SIX, **{theft: (theft,) for theft in (THEFTS if name == "gridlens" else ())}}
        for mix, names in mixes.items():
            yield {"detector": name, "thefts": mix, "homes": len(homes.daily), "seed": seed, **figures(scores, names)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.thefts", description=__doc__)
    parser.add_argument("--homes", type=Path, required=True, help="folder of block_*.csv.gz")
    parser.add_argument("--seed", type=int, default=1, help="of the thefts and of the halves")
    given = parser.parse_args()
    for record in compare(given.homes, given.seed):
        print(json.dumps(record), flush=True)
