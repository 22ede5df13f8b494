"""How many of the nearest accounts hashing finds, and how fast: ``python -m bench.alike --province DIR``, the root_dir of a finished run.

Beside gridlens's buckets, in the same session: every pair compared (numpy, one machine), MLlib's approxSimilarityJoin with the
same projections, and its approxNearestNeighbors for single accounts.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.profile.alike import CHOSEN, Hashing, nearest_of_all, nearest_within, robust_scales, scaled
from gridlens.session import get_spark
from gridlens.settings import load_settings
from gridlens.warehouse import Warehouse
from pyspark.ml.feature import BucketedRandomProjectionLSH, VectorAssembler
from pyspark.sql import functions as F

K = 5
ASKED = 20


def measure(root: Path, plans: list[Hashing]) -> pd.DataFrame:
    """Method, seconds and the part of the true K nearest that it finds."""
    settings = load_settings("local", overrides={"root_dir": str(root)})
    warehouse = Warehouse(get_spark(settings, name="gridlens-alike"), settings)
    features = warehouse.read(ACCOUNT_FEATURE).where("is_open")
    rows = scaled(features, robust_scales(features)).persist()
    table = rows.orderBy("account_id").toPandas()
    begun = time.monotonic()
    own, other, distance = nearest_within(table[list(CHOSEN)].to_numpy(), K)
    names = table["account_id"].to_numpy()
    wanted = set(zip(names[own], names[other], strict=True))
    radius = float(np.quantile(distance, 0.5))
    lines = [{"method": f"every pair of {len(names)}, numpy", "seconds": time.monotonic() - begun, "recall": 1.0, "rows": len(own)}]
    for plan in plans:
        begun = time.monotonic()
        found = {(r["account_id"], r["other_id"]) for r in nearest_of_all(rows, k=K, hashing=plan).collect()}
        told = f"buckets {plan.bands} x {plan.hashes}, width {plan.width}"
        lines.append({"method": told, "seconds": time.monotonic() - begun, "recall": len(found & wanted) / len(wanted), "rows": len(found)})
    vectors = VectorAssembler(inputCols=list(CHOSEN), outputCol="point").transform(rows).select("account_id", "point").persist()
    lsh = BucketedRandomProjectionLSH(inputCol="point", outputCol="hashes", bucketLength=0.1, numHashTables=3, seed=1).fit(vectors)
    begun = time.monotonic()
    joined = lsh.approxSimilarityJoin(vectors, vectors, radius, "distance").where("datasetA.account_id <> datasetB.account_id")
    pairs = joined.select(F.col("datasetA.account_id").alias("a"), F.col("datasetB.account_id").alias("b")).collect()
    within = {pair for pair, near in zip(zip(names[own], names[other], strict=True), distance <= radius, strict=True) if near}
    recall = len(within & {(row["a"], row["b"]) for row in pairs}) / len(within)
    lines.append({"method": f"MLlib join within {radius:.2f}", "seconds": time.monotonic() - begun, "recall": recall, "rows": len(pairs)})
    asked = vectors.orderBy("account_id").limit(ASKED).collect()
    begun = time.monotonic()
    hits = 0
    for row in asked:
        near = lsh.approxNearestNeighbors(vectors, row["point"], K + 1).select("account_id").collect()
        hits += len({(row["account_id"], one["account_id"]) for one in near} & wanted)
    lines.append(
        {"method": "MLlib neighbours of one", "seconds": (time.monotonic() - begun) / ASKED, "recall": hits / (K * ASKED), "rows": K}
    )
    return pd.DataFrame(lines).round({"seconds": 2, "recall": 3})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.alike", description=__doc__)
    parser.add_argument("--province", type=Path, required=True)
    parser.add_argument("--width", type=float, nargs="*", default=[0.5, 0.75, 1.0])
    given = parser.parse_args()
    plans = [Hashing(), *[Hashing(width=width) for width in given.width]]
    print(measure(given.province, plans).to_string(index=False))
