"""What a committed batch holds, counted in source rows, and its rejected rows for the quarantine.

A source row mostly makes one bronze row. A matrix line makes one for each reading: it is quarantined where all of them are
rejected; where some are, the line is kept, and the rejected readings are counted apart as bad cells and shown in quarantine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

_CELLS_SHOWN = 20


@dataclass(frozen=True)
class Measure:
    """What a committed batch holds.

    Attributes:
        row_count: source rows.
        quarantined: source rows rejected as a whole.
        bad_cells: unreadable optional cells in rows that were kept, and rejected readings of matrix lines that were kept.
        cells_rejected: the latter alone.
        flagged: kept source rows with a broken rule of severity flag.
        judged: rows that rules looked at: source rows, or the readings of a matrix.
        broken: such rows by rule of severity stop.
    """

    row_count: int
    quarantined: int
    bad_cells: int
    cells_rejected: int
    flagged: int
    judged: int
    broken: dict[str, int]

    @property
    def melted(self) -> bool:
        """True where a source row made several bronze rows."""
        return self.judged > self.row_count


def measure(bronze: DataFrame, stop_rules: Sequence[str] = ()) -> Measure:
    """Counts a committed batch in one pass without a shuffle; a matrix with rejected or flagged readings in a second one, by line."""
    rejected, kept = F.col("_rejected"), ~F.col("_rejected")
    rules = F.transform(_defects(bronze), lambda d: d["rule"])
    columns = {
        "row_count": F.count_if("_head"),
        "judged": F.count("*"),
        "rejected": F.count_if(rejected),
        "bad_cells": F.sum(F.when(kept, F.coalesce(F.size("_bad_cells"), F.lit(0)))),
        "flagged": F.count_if(kept & _flags(bronze)),
        **{f"rule:{rule}": F.count_if(F.array_contains(rules, rule)) for rule in stop_rules},
    }
    row = bronze.agg(*[column.alias(name) for name, column in columns.items()]).first()
    found = {name: int(value or 0) for name, value in (row.asDict() if row else {}).items()}
    broken = {name.removeprefix("rule:"): count for name, count in found.items() if name.startswith("rule:")}
    quarantined, flagged, cells = found["rejected"], found["flagged"], 0
    if found["judged"] > found["row_count"] and (quarantined or flagged):
        quarantined, flagged, cells = _by_line(bronze)
    return Measure(found["row_count"], quarantined, found["bad_cells"] + cells, cells, flagged, found["judged"], broken)


def _defects(bronze: DataFrame) -> Column:
    return F.coalesce("_defects", F.array().cast(bronze.schema["_defects"].dataType))


def _flags(bronze: DataFrame) -> Column:
    """True where a row breaks a rule of severity flag."""
    return F.exists(_defects(bronze), lambda d: d["severity"] == "flag")


def _by_line(bronze: DataFrame) -> tuple[int, int, int]:
    """Of source rows that made several: those rejected whole, those kept with a flag, and the rejected rows of those kept."""
    rejected = F.col("_rejected")
    lines = bronze.groupBy("_locator").agg(
        F.bool_and(rejected).alias("whole"),
        F.count_if(rejected).alias("cells"),
        F.bool_or(~rejected & _flags(bronze)).alias("flagged"),
    )
    cells = F.sum(F.when(~F.col("whole"), F.col("cells")))
    row = lines.agg(F.count_if("whole"), F.count_if("flagged"), cells).first()
    return (int(row[0]), int(row[1]), int(row[2] or 0)) if row else (0, 0, 0)


def kept_lines(bronze: DataFrame, *, melted: bool) -> DataFrame:
    """The source rows that were not rejected as a whole, as one column ``_locator``."""
    kept = bronze.where(~F.col("_rejected")).select("_locator")
    return kept.distinct() if melted else kept


def quarantine_rows(bronze: DataFrame, entity: str, rules_fingerprint: str, *, melted: bool) -> DataFrame:
    """Rejected rows of a batch in the form of the quarantine, one for each source row.

    Of a matrix line all broken rules stand there, and its text: the line, where a reading could not be read or the first one was
    rejected, and the rejected readings themselves (column, date, value; the first few).
    """
    rejected = bronze.where("_rejected")
    text, defects = F.col("_raw"), F.col("_defects")
    if melted:
        shown = F.struct(~F.col("_head"), F.col("_bad_cells").isNull(), text.alias("text"))
        texts = F.array_distinct(F.transform(F.array_sort(F.collect_set(shown)), lambda one: one["text"]))
        lined = F.nullif(F.array_join(F.slice(texts, 1, _CELLS_SHOWN), "\n"), F.lit(""))
        broken = F.array_distinct(F.flatten(F.collect_list("_defects")))
        rejected = rejected.groupBy("_source", "_batch_id", "_locator").agg(lined.alias("text"), broken.alias("defects"))
        text, defects = F.col("text"), F.col("defects")
    return rejected.select(
        "_source",
        "_batch_id",
        "_locator",
        F.lit(entity).alias("entity"),
        text.alias("source_text"),
        defects.alias("defects"),
        F.lit(rules_fingerprint).alias("rules_fingerprint"),
    )
