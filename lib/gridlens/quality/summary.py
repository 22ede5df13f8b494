"""Figures for the data-quality report: what share of the intervals is missing, flagged, objected to, estimated."""

from __future__ import annotations

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import LongType, StructField, StructType

from gridlens.arrow import Arrays, map_blocks
from gridlens.contracts.codes import OPINION_CODES, QUALITY_CODES

_BY = ("channel", "local_month")


def quality_summary(blocks: DataFrame, estimates: DataFrame) -> DataFrame:
    """Shares of all intervals by channel and month, as channel, local_month, metric, value.

    Metrics: ``intervals`` and ``blocks`` (counts); ``missing_share`` (no value, whatever the reason);
    ``quality_<name>_share`` for each of codes.QUALITY_CODES but measured; ``opinion_<name>_share`` for each of
    codes.OPINION_CODES but none; ``estimated_share`` (missing, with an estimate). Shares are 0 to 1.

    Args:
        blocks: silver.interval_day.
        estimates: silver.interval_estimate of the same days.
    """
    facts = (
        _counted(blocks, "quality", QUALITY_CODES, also=("missing_count",))
        .groupBy(*_BY)
        .agg(
            F.count(F.lit(1)).alias("blocks"),
            F.sum("cells").alias("intervals"),
            F.sum("missing_count").alias("missing"),
            *[F.sum(f"code_{code}").alias(f"quality_{code}") for code in QUALITY_CODES],
        )
    )
    opinions = (
        _counted(estimates, "opinion", OPINION_CODES, also=("estimated_count",))
        .groupBy(*_BY)
        .agg(
            F.sum("estimated_count").alias("estimated"),
            *[F.sum(f"code_{code}").alias(f"opinion_{code}") for code in OPINION_CODES],
        )
    )
    joined = facts.join(opinions, on=list(_BY), how="left")
    metrics: dict[str, Column] = {
        "blocks": F.col("blocks").cast("double"),
        "intervals": F.col("intervals").cast("double"),
        "missing_share": _share("missing"),
        **{f"quality_{name}_share": _share(f"quality_{code}") for code, (name, _) in QUALITY_CODES.items() if code},
        **{f"opinion_{name}_share": _share(f"opinion_{code}") for code, (name, _) in OPINION_CODES.items() if code},
        "estimated_share": _share("estimated"),
    }
    wide = joined.select(*_BY, *[column.alias(name) for name, column in metrics.items()])
    return wide.unpivot(list(_BY), list(metrics), "metric", "value").select(*_BY, "metric", "value")


def _share(count: str) -> Column:
    return F.when(F.col("intervals") > 0, F.coalesce(F.col(count), F.lit(0)) / F.col("intervals")).otherwise(F.lit(0.0)).cast("double")


def _counted(df: DataFrame, column: str, known: dict[int, tuple[str, str]], *, also: tuple[str, ...]) -> DataFrame:
    """How often each code stands in each row's list: columns ``code_<n>`` and ``cells``."""
    keep = (*_BY, *also)
    fields = [df.schema[name] for name in keep] + [StructField(name, LongType()) for name in ("cells", *(f"code_{code}" for code in known))]

    def count(arrays: Arrays) -> dict[str, np.ndarray]:
        matrix = arrays[column]
        cells = np.full(len(matrix), matrix.shape[1], dtype=np.int64)
        return {"cells": cells, **{f"code_{code}": (matrix == code).sum(axis=1) for code in known}}

    return map_blocks(df, count, schema=StructType(fields), keep=keep, inputs=(column,))
