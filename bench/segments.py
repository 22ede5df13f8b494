"""How segments compare with the province's hidden truth: ``python -m bench.segments --province DIR``, DIR the root_dir of a finished run.

Prints one JSON line a segmentation and moment: the share of accounts whose segment's majority kind is theirs, and what a random forest
that knows the kinds reaches on the same prepared features (half of the accounts train, the other half is predicted). What is planted of
how bills are paid is the kind of payer; of how electricity is used, the archetype.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.segment import SEGMENT, SEGMENTATION
from gridlens.pipelines.segment_state import earlier
from gridlens.pipelines.segments import segment_definitions
from gridlens.segments.vectors import prepared, vectors
from gridlens.session import get_spark
from gridlens.settings import load_settings
from gridlens.warehouse import Warehouse
from pyspark.ml.classification import RandomForestClassifier
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

TREES, DEPTH = 60, 12
PLANTED = {"service_behaviour": "payer"}
"""Column of the truth that a segmentation is compared with, where it is not the archetype."""
BEGINNING = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def majority_share(rows: pd.DataFrame) -> float:
    """Part of the rows whose kind is the most frequent of their segment."""
    return float(pd.crosstab(rows["segment_id"], rows["kind"]).max(axis=1).sum() / len(rows))


def supervised_accuracy(rows: DataFrame) -> float:
    """Accuracy of a random forest on the half of the accounts that it was not trained on. Args: rows: account_id, z, label."""
    ready = rows.withColumn("features", array_to_vector(F.col("z"))).coalesce(2).persist()
    half = F.pmod(F.xxhash64("account_id"), F.lit(2))
    forest = RandomForestClassifier(numTrees=TREES, maxDepth=DEPTH, seed=1).fit(ready.where(half == 0))
    accuracy = MulticlassClassificationEvaluator(metricName="accuracy").evaluate(forest.transform(ready.where(half == 1)))
    ready.unpersist()
    return float(accuracy)


def compare(root: Path) -> Iterator[dict[str, object]]:
    """One record a segmentation and moment."""
    settings = load_settings("local", overrides={"root_dir": str(root)})
    spark = get_spark(settings, name="gridlens-segments")
    warehouse = Warehouse(spark, settings)
    files = sorted((root / "sample" / "truth").glob("account-*.csv"))
    truth = pd.concat([pd.read_csv(file, dtype=str) for file in files], ignore_index=True)
    definitions = {s.id: s for s in segment_definitions(settings).segmentations}
    columns = ("segmentation", "as_of", "algorithm", "k", "silhouette", "stability", "agreement", "why_fitted")
    for run in warehouse.read(SEGMENTATION).select(*columns).orderBy("segmentation", "as_of").collect():
        segmentation = definitions[run["segmentation"]]
        planted = PLANTED.get(segmentation.id, "archetype")
        kinds = truth[["account_id"]].assign(kind=truth[planted], label=truth[planted].astype("category").cat.codes.astype(float))
        known = spark.createDataFrame(kinds)
        at = F.col("as_of") == F.lit(run["as_of"])
        members = warehouse.read(SEGMENT).where(at & (F.col("segmentation") == segmentation.id) & F.col("segment_id").isNotNull())
        rows = members.join(known, on="account_id", how="inner").select("segment_id", "kind").toPandas()
        stand = earlier(warehouse, segmentation.id, run["as_of"] + dt.timedelta(days=1), BEGINNING)
        assert stand is not None
        inside = vectors(warehouse.read(ACCOUNT_FEATURE).where(at), segmentation).where(F.col("left_out").isNull())
        labelled = prepared(inside, stand.preparation(segmentation)).join(known, on="account_id", how="inner")
        unsupervised, supervised = majority_share(rows), supervised_accuracy(labelled)
        yield {
            **{name: str(value) if name == "as_of" else value for name, value in run.asDict().items()},
            "planted": planted,
            "accounts": len(rows),
            "majority_share": round(unsupervised, 4),
            "supervised": round(supervised, 4),
            "reached": round(unsupervised / supervised, 4),
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.segments", description=__doc__)
    parser.add_argument("--province", type=Path, required=True)
    for record in compare(parser.parse_args().province):
        print(json.dumps(record, ensure_ascii=False), flush=True)
