"""Training and scoring as accounts grow: ``python -m bench.sizes --province DIR``, DIR the root_dir of a finished `gridlens run`.

The province's own rows are copied until there are as many accounts as asked for; every number of a copy is moved by up to 5 %, so that
trees have to look for their splits anew. Training: `fit` as `gridlens train` calls it (candidates by folds, calibration, the final
pipeline) on the rows of past moments of as many accounts. Scoring: the whole job, `run_score`, by the province's champion: reading the
features, score, decile, band, reasons, writing, drift. Prints a JSON line for each size, then how the time grows with the rows.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.models.fit import fit
from gridlens.models.library import Model, named
from gridlens.pipelines.declared import model_library
from gridlens.pipelines.moments import of_moment
from gridlens.pipelines.options import ScoreOptions
from gridlens.pipelines.score import run_score
from gridlens.pipelines.tag_state import Moment, required_features
from gridlens.pipelines.training_set import training_set
from gridlens.session import get_spark
from gridlens.settings import Settings, load_settings
from gridlens.warehouse import Warehouse
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from bench.measure import Figure, printed

ACCOUNTS = (100_000, 1_000_000)
CORES = 2
SCORING_GOAL = 120.0
"""Seconds for a million accounts and one model."""
MOVED = 0.05


def copied(rows: DataFrame, times: int) -> DataFrame:
    """``rows`` ``times`` over, each copy of an account with its own id and with its doubles moved by up to MOVED."""
    copies = rows.crossJoin(rows.sparkSession.range(times).withColumnRenamed("id", "_copy"))
    moved = {
        name: F.col(name) * (1 + MOVED * (F.pmod(F.xxhash64("account_id", "_copy", F.lit(name)), F.lit(2001)) / 1000 - 1))
        for name, kind in rows.dtypes
        if kind == "double"
    }
    return copies.withColumns({**moved, "account_id": F.concat_ws("-", "account_id", "_copy")}).drop("_copy")


def training(spark: SparkSession, province: Settings, model: Model, moment: Moment, accounts: Sequence[int]) -> Iterator[tuple[int, float]]:
    """Rows and seconds of each size; the first fit is not counted, it warms Java."""
    warehouse = Warehouse(spark, province)
    data = training_set(spark, province, warehouse, model, as_of=moment.as_of, known_at=moment.known_at, say=lambda _: None)
    own = data.train.select("account_id", "label", *model.features).localCheckpoint()
    customers = own.select("account_id").distinct().count()
    for wanted in (0, *accounts):
        rows = copied(own, math.ceil(wanted / customers)).localCheckpoint() if wanted else own
        began = time.perf_counter()
        fit(rows, model.definition.features, model.definition.learner)
        seconds = round(time.perf_counter() - began, 1)
        if wanted:
            yield rows.count(), seconds


def scoring(
    spark: SparkSession, province: Settings, model: Model, moment: Moment, accounts: Sequence[int], folder: Path
) -> Iterator[tuple[int, float]]:
    """Accounts scored and seconds of each size; the first job, on the province's own accounts, is not counted."""
    features = Warehouse(spark, province).read(ACCOUNT_FEATURE).where(of_moment(moment.as_of, moment.known_at))
    own = features.where(model.population.column()).localCheckpoint()
    for wanted in (0, *accounts):
        settings = load_settings(
            "local", overrides={"root_dir": str(folder / str(wanted)), "mlflow_tracking_uri": province.mlflow_tracking_uri}
        )
        rows = copied(own, math.ceil(wanted / own.count())) if wanted else own
        Warehouse(spark, settings).append(ACCOUNT_FEATURE, rows)
        began = time.perf_counter()
        options = ScoreOptions(model.id, moment.as_of, moment.known_at)
        result = run_score(spark, settings, options, say=lambda text: print(text, file=sys.stderr, flush=True))
        seconds = round(time.perf_counter() - began, 1)
        if wanted:
            yield result.accounts, seconds


def figures(name: str, unit: str, found: Iterator[tuple[int, float]], goal: float | None, detail: dict[str, object]) -> Iterator[Figure]:
    """One of each size, and how much faster than the rows the time grows (1: just as fast)."""
    done = []
    for rows, seconds in found:
        done.append((rows, seconds))
        counts = goal if goal and rows >= ACCOUNTS[-1] else None
        more = {**detail, unit: rows, f"{unit}_per_second": round(rows / seconds)}
        yield Figure(f"{name}_{rows}", seconds, "s", counts, None if counts is None else seconds <= counts, more)
    if len(done) > 1:
        (few, short), (many, long) = done[0], done[-1]
        yield Figure(f"{name}_growth", round((long / short) / (many / few), 3), "growth of time over growth of rows", None, None, detail)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 where a million accounts were scored in time."""
    parser = argparse.ArgumentParser(prog="python -m bench.sizes", description=__doc__)
    parser.add_argument("--province", type=Path, required=True, help="root_dir of a finished run")
    parser.add_argument("--model", default="arrears", help="with a champion; default arrears")
    parser.add_argument("--train", action="append", type=int, help=f"accounts to train on; default {ACCOUNTS}, 0 leaves training out")
    parser.add_argument("--score", action="append", type=int, help=f"accounts to score; default {ACCOUNTS}, 0 leaves scoring out")
    parser.add_argument("--heap", help="spark.driver.memory, for example 12g; default that of the local profile")
    given = parser.parse_args(arguments)
    spark_settings = {"spark.master": f"local[{CORES}]"} | ({"spark.driver.memory": given.heap} if given.heap else {})
    province = load_settings("local", overrides={"root_dir": str(given.province), "spark": spark_settings})
    model = named(model_library(province), given.model)
    sizes = {"train": given.train or ACCOUNTS, "score": given.score or ACCOUNTS}
    missed = 0
    with tempfile.TemporaryDirectory(prefix="gridlens-bench-") as folder:
        spark = get_spark(province, name="gridlens-bench-sizes")
        moment = required_features(Warehouse(spark, province), None, None)
        wanted = {what: [n for n in numbers if n] for what, numbers in sizes.items()}
        detail: dict[str, object] = {"model": model.id, "cores": CORES}
        scored = scoring(spark, province, model, moment, wanted["score"], Path(folder)) if wanted["score"] else iter(())
        trained = training(spark, province, model, moment, wanted["train"]) if wanted["train"] else iter(())
        for name, unit, found, goal in (("score", "accounts", scored, SCORING_GOAL), ("train", "rows", trained, None)):
            missed += printed(figures(name, unit, found, goal, detail))
        spark.stop()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
