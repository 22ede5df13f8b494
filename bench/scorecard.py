"""The scorecard on public data: ``python -m bench.scorecard --csv FILE``, FILE the table UCI_Credit_Card.csv.

Five folds: fitted on four, judged on the fifth. Prints one JSON line a fold (AUC, calibration error, grades' bad rates, seconds) and one
for all: the mean AUC is the figure, to reach 0.770; and where all rows' bad rates fall from grade to grade.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from gridlens.definitions import parse_definitions
from gridlens.models.metric_kernels import calibration_bins, calibration_error, roc_auc
from gridlens.models.metrics import ALL, score_counts
from gridlens.models.scorecard_definition import ScorecardDefinition
from gridlens.models.scorecard_fit import fit_scorecard
from gridlens.session import get_spark
from gridlens.settings import load_settings
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

LABEL, FOLDS, GOAL = "defaulted", 5, 0.770
DEFINITION = Path(__file__).parent / "scorecards" / "credit_default.yml"


def folded(spark: SparkSession, csv: Path) -> DataFrame:
    """The table with ``fold``, by a hash of the customer's id: the same on any machine."""
    table = spark.read.csv(str(csv), header=True, inferSchema=True)
    return table.withColumn("fold", F.pmod(F.xxhash64(F.col("ID").cast("string")), F.lit(FOLDS)))


def compare(rows: DataFrame) -> Iterator[dict[str, object]]:
    """One record a fold, one for all."""
    definition = parse_definitions(ScorecardDefinition, DEFINITION, under="scorecards")[0].value
    records, grades = [], np.zeros((len(definition.grades.best_first), 2))
    for fold in range(FOLDS):
        started = time.perf_counter()
        fitted = fit_scorecard(rows.where(F.col("fold") != fold), definition, LABEL)
        seconds = time.perf_counter() - started
        scored = fitted.pipeline.transform(rows.where(F.col("fold") == fold)).persist()
        counts = score_counts(scored, label=LABEL)[ALL]
        found = scored.groupBy("grade").agg(F.count("*").alias("rows"), F.sum(LABEL).alias("events")).collect()  # one row a grade
        of_grade = {row["grade"]: (row["rows"], row["events"]) for row in found}
        grades += np.array([of_grade.get(grade, (0, 0)) for grade in definition.grades.ids], dtype=float)
        scored.unpersist()
        records.append({"auc": roc_auc(counts), "calibration_error": calibration_error(calibration_bins(counts))})
        kept = len(fitted.card.lines)
        yield {"fold": fold, **records[-1], "characteristics": kept, "grades": of_grade, "seconds": round(seconds, 1)}
    rates = grades[:, 1] / grades[:, 0]
    yield {
        "data": "credit_default",
        "auc": round(float(np.mean([record["auc"] for record in records])), 4),
        "auc_sd": round(float(np.std([record["auc"] for record in records], ddof=1)), 4),
        "goal": GOAL,
        "calibration_error": round(float(np.mean([record["calibration_error"] for record in records])), 4),
        "bad_rate_by_grade": dict(zip(definition.grades.ids, rates.round(4).tolist(), strict=True)),
        "monotone": bool((np.diff(rates) > 0).all()),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.scorecard", description=__doc__)
    parser.add_argument("--csv", type=Path, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        session = get_spark(load_settings("local", overrides={"root_dir": folder}), name="gridlens-scorecard")
        for line in compare(folded(session, options.csv).persist()):
            print(json.dumps(line, ensure_ascii=False), flush=True)
