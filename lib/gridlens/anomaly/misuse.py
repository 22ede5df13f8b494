"""Business under a household tariff (高价低接): households that use energy as businesses do."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pyspark.ml import PipelineModel
from pyspark.ml.classification import RandomForestClassifier
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.anomaly.alerts import OWN_COLUMNS, by_kind, probability, worth
from gridlens.anomaly.definition import Misuse, UsageDefinition
from gridlens.anomaly.rows import HALVES, half_of
from gridlens.contracts.anomaly import FOUND_NOTHING, TARIFF_MISUSE, USAGE_ALERT

UNKNOWN = -1000.0
"""In the place of a feature that is not known: trees tell it from every value."""
MAX_ACCOUNTS = 20_000
"""Of each class to learn from, about."""
_CERTAIN = 0.995


def business_shares(features: DataFrame, household: Column, misuse: Misuse) -> DataFrame | None:
    """``account_id``, ``is_open``, ``label`` (1 for a business) and ``share`` of the trees that say business; None where there are too few.

    Each account is judged by a forest that learnt from the other half of the accounts, households and businesses weighing the same. The
    few businesses among the households that it learns from are labels that are wrong, and too few to matter.

    Args:
        features: of one moment, a row an account; energy_kwh_365d says who was there.
        household: true for those with a household tariff.
        misuse: the definition.
    """
    values = [F.coalesce(F.col(name).cast("double"), F.lit(UNKNOWN)).alias(name) for name in misuse.features]
    label = F.when(household, 0.0).otherwise(1.0).alias("label")
    rows = features.where(F.col("energy_kwh_365d") > 0).select("account_id", "is_open", half_of().alias("half"), label, *values).persist()
    try:
        counts = {row["label"]: row["count"] for row in rows.groupBy("label").count().collect()}
        if min(counts.get(0.0, 0), counts.get(1.0, 0)) < misuse.least_accounts:
            return None
        learnt = rows.where(_chosen(counts)).withColumn("weight", 1 / F.when(F.col("label") == 1, counts[1.0]).otherwise(counts[0.0]))
        halves = [_forest(learnt.where(F.col("half") != half).coalesce(2), misuse, half) for half in range(HALVES)]
    finally:
        rows.unpersist()
    share = F.lit(None).cast("double")
    judged = rows
    for half, model in enumerate(halves):
        judged = model.transform(judged)
        share = F.when(F.col("half") == half, vector_to_array(F.col(f"_probability_{half}"))[1]).otherwise(share)
    return judged.select("account_id", "is_open", "label", share.alias("share"))


def misuse_odds(shares: DataFrame) -> DataFrame:
    """``account_id`` and ``log_odds`` that a household is a business, of every open household. Args: shares: of :func:`business_shares`."""
    households = shares.where((F.col("label") == 0) & F.col("is_open"))  # of who has left there is much to learn, and nobody to visit
    held = F.greatest(F.least("share", F.lit(_CERTAIN)), F.lit(1 - _CERTAIN))
    return households.select("account_id", F.log(held / (1 - held)).alias("log_odds"))


def _chosen(counts: Mapping[float, int]) -> Column:
    shares = {label: min(1.0, MAX_ACCOUNTS / count) for label, count in counts.items()}
    share = F.when(F.col("label") == 1, shares[1.0]).otherwise(shares[0.0])
    return F.pmod(F.xxhash64(F.lit("misuse"), F.col("account_id")), F.lit(1_000_000)) < share * 1_000_000


def _forest(examples: DataFrame, misuse: Misuse, half: int) -> PipelineModel:
    assembler = VectorAssembler(inputCols=list(misuse.features), outputCol=f"_features_{half}")
    forest = RandomForestClassifier(
        featuresCol=assembler.getOutputCol(),
        labelCol="label",
        weightCol="weight",
        rawPredictionCol=f"_raw_{half}",
        probabilityCol=f"_probability_{half}",
        predictionCol=f"_prediction_{half}",
        numTrees=misuse.trees,
        maxDepth=misuse.max_depth,
        minInstancesPerNode=3,
        maxMemoryInMB=1024,
        cacheNodeIds=True,
        seed=misuse.seed,
    )
    return PipelineModel([assembler, forest.fit(assembler.transform(examples))])


def misuse_alerts(
    odds: DataFrame, energy: DataFrame, facts: DataFrame, visited: DataFrame, rates: Mapping[str, float], definition: UsageDefinition
) -> DataFrame:
    """Alerts of business under a household tariff, without rank and curves.

    A household where that was found already is no alert: its tariff is being put right.

    Args:
        odds: of :func:`misuse_odds`.
        energy: account_id, energy_kwh_365d.
        facts, visited, rates, definition: as for change_alerts.
    """
    assert definition.misuse is not None
    rows = odds.join(energy, on="account_id", how="inner").join(facts, on="account_id", how="left")
    rows = rows.join(visited, on="account_id", how="left").withColumn("kind", F.lit(TARIFF_MISUSE))
    rows = rows.where(~F.coalesce(F.col("last_finding") == TARIFF_MISUSE, F.lit(False)))
    shifted = F.col("log_odds") + math.log(definition.prior / (1 - definition.prior))
    normal = F.when(F.col("last_finding") == FOUND_NOTHING, math.log(definition.visits.normal_odds)).otherwise(0.0)
    kwh = F.col("energy_kwh_365d") * (definition.recovery_days / 365)
    rows = rows.withColumns(
        {
            "evidence_probability": probability(shifted),
            "probability": probability(shifted + normal),
            "hit_rate": by_kind(rates),
            "recoverable_kwh": kwh,
            "price": F.lit(definition.misuse.price_difference),
            "peers": F.coalesce("peers", F.lit("all")),
        }
    )
    rows = rows.where(F.col("probability") >= definition.least_probability)
    rows = rows.withColumns(worth(kwh * F.lit(definition.misuse.price_difference)))
    return rows.select(*[_known(rows, name) for name in OWN_COLUMNS])


def _known(rows: DataFrame, name: str) -> Column:
    """The column, or null where the alert says nothing of it."""
    return F.col(name) if name in rows.columns else F.lit(None).cast(USAGE_ALERT[name].type).alias(name)
