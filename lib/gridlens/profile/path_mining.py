"""Frequent paths by MLlib's PrefixSpan, and who walked them: a path is walked where its steps occur in order, others between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from pyspark.ml.fpm import PrefixSpan
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import BooleanType, IntegerType, LongType, StructField, StructType

from gridlens.arrow import list_lengths, map_rows
from gridlens.profile.paths import PathSettings

Pattern = tuple[str, ...]
_CHUNK = 4096
"""Accounts handled together: the kernel keeps one table of positions for each step."""
_COUNTS = StructType(
    [
        StructField("pattern", IntegerType(), False),
        StructField("with_outcome", BooleanType(), False),
        StructField("days", IntegerType(), False),
        StructField("accounts", LongType(), False),
    ]
)


def frequent_paths(sequences: DataFrame, settings: PathSettings) -> list[tuple[Pattern, int]]:
    """Paths that enough accounts walked, with their number; the most frequent first, at most ``max_patterns``.

    Args:
        sequences: one row an account with the outcome, ``steps`` in order.
        settings: least support, longest path, PrefixSpan's local size.
    """
    items = sequences.select(F.transform("steps", lambda step: F.array(step)).alias("sequence"))
    span = PrefixSpan(minSupport=settings.min_support, maxPatternLength=settings.max_steps, maxLocalProjDBSize=settings.max_local_items)
    found = span.findFrequentSequentialPatterns(items).where(F.col("freq") >= settings.min_accounts)
    path = F.flatten("sequence").alias("path")
    rows = found.select(path, "freq").orderBy(F.desc("freq"), F.size("path"), "path").limit(settings.max_patterns).collect()
    return [(tuple(row["path"]), row["freq"]) for row in rows]


def path_counts(sequences: DataFrame, patterns: Sequence[Pattern]) -> DataFrame:
    """Who walked the patterns: pattern (its index), with_outcome, days from its first step to the window's end, accounts.

    Where an account walked a pattern several times the latest beginning counts.

    Args:
        sequences: with_outcome, steps and days, one row an account.
        patterns: to look for; their steps are what is told apart.
    """
    names = sorted({step for pattern in patterns for step in pattern})
    number = {name: index + 1 for index, name in enumerate(names)}
    coded = [tuple(number[step] for step in pattern) for pattern in patterns]
    known = F.array(*[F.lit(name) for name in names]) if names else F.array().cast("array<string>")
    codes = F.transform("steps", lambda step: F.array_position(known, step).cast("int")).alias("codes")

    def count(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        for start in range(0, batch.num_rows, _CHUNK):
            yield _counted(batch.slice(start, _CHUNK), coded)

    parts = map_rows(sequences.select("with_outcome", codes, "days"), count, _COUNTS)
    return parts.groupBy("pattern", "with_outcome", "days").agg(F.sum("accounts").alias("accounts"))


def _counted(batch: pa.RecordBatch, patterns: Sequence[tuple[int, ...]]) -> pa.RecordBatch:
    outcome = batch.column("with_outcome").to_numpy(zero_copy_only=False).astype(bool)
    codes, days = padded(batch.column("codes"), 0), padded(batch.column("days"), 0)
    begins = latest_begins(codes, patterns)
    rows = []
    for index, begin in enumerate(begins):
        walked = np.flatnonzero(begin >= 0)
        cells, accounts = np.unique(days[walked, begin[walked]] * 2 + outcome[walked], return_counts=True)
        rows += [(index, bool(cell % 2), int(cell // 2), int(count)) for cell, count in zip(cells, accounts, strict=True)]
    columns = list(zip(*rows, strict=True)) or [()] * len(_COUNTS)
    types = (pa.int32(), pa.bool_(), pa.int32(), pa.int64())
    return pa.RecordBatch.from_arrays([pa.array(c, type=t) for c, t in zip(columns, types, strict=True)], names=_COUNTS.names)


def padded(lists: pa.Array, fill: int) -> np.ndarray:
    """Lists of integers as one array, filled up at the end. Shape (rows, longest)."""
    lengths = np.maximum(list_lengths(lists), 0)
    result = np.full((len(lengths), int(lengths.max(initial=0))), fill, dtype=np.int32)
    inside = np.arange(result.shape[1]) < lengths[:, None]
    result[inside] = lists.flatten().to_numpy(zero_copy_only=False)
    return result


def latest_begins(codes: np.ndarray, patterns: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
    """Where each sequence begins to walk each pattern, as late as possible.

    Walked backwards from the end, each step taken where it last occurs before the one after it: that is the latest beginning
    of all, and -1 only where there is no way at all.

    Args:
        codes: of the steps, positive; other values are no step of any pattern. Shape (rows, longest).
        patterns: codes of their steps.

    Returns:
        For each pattern an index into the sequence, -1 where it is not walked. Shape (rows,).
    """
    rows, longest = codes.shape
    last = {code: _last_before(codes, code) for code in {code for pattern in patterns for code in pattern}}
    every = np.arange(rows)
    result = []
    for pattern in patterns:
        at = np.full(rows, longest, dtype=np.int32)
        for code in reversed(pattern):
            at = np.where(at >= 0, last[code][every, np.maximum(at, 0)], -1)
        result.append(at)
    return result


def _last_before(codes: np.ndarray, code: int) -> np.ndarray:
    """Index of the last occurrence before each position, -1 where there is none. Shape (rows, longest + 1)."""
    rows, longest = codes.shape
    result = np.full((rows, longest + 1), -1, dtype=np.int32)
    positions = np.where(codes == code, np.arange(longest, dtype=np.int32), -1)
    if longest:
        result[:, 1:] = np.maximum.accumulate(positions, axis=1)
    return result
