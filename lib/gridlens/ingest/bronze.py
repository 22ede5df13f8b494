"""Source rows as bronze rows: contract columns, lineage, content hash, defects and the source text of what is rejected."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.bronze import BRONZE, DEFECTS
from gridlens.contracts.entities import ENTITIES
from gridlens.ingest.files import InputFile
from gridlens.ingest.intervals import to_interval_contract
from gridlens.ingest.mapping import to_contract
from gridlens.ingest.rows import read_rows
from gridlens.ingest.source import SourceFile

MALFORMED = "malformed_row"
UNREADABLE = "unreadable_cell"
INCOMPLETE = "incomplete_day"


def staged(
    spark: SparkSession, source: SourceFile, files: Sequence[InputFile], *, batch_id: str, defects: Column | None = None
) -> DataFrame:
    """Every source row of ``files`` as rows of the bronze table of ``source.entity``; nothing is written.

    Args:
        spark: the session.
        source: the definition.
        files: with fingerprints (``read_fingerprints``).
        batch_id: of the load.
        defects: array<struct<rule, severity, detail>> over the business columns, from the rules; null where none is broken.
    """
    return BRONZE[source.entity].conform(judged(contract_rows(spark, source, files), source, batch_id=batch_id, defects=defects))


def contract_rows(spark: SparkSession, source: SourceFile, files: Sequence[InputFile]) -> DataFrame:
    """The rows of ``files`` under the contract's names, before any rule looks at them."""
    rows = read_rows(spark, source, files)
    return to_interval_contract(rows, source) if source.intervals else to_contract(rows, source)


def judged(rows: DataFrame, source: SourceFile, *, batch_id: str, defects: Column | None) -> DataFrame:
    """``rows`` with content hash, defects, verdict, and the source text of the rejected ones."""
    rules = defects if defects is not None else F.lit(None).cast(DEFECTS)
    # A step of its own: in one expression with what is made of it, every rule would be looked at three times a row.
    hashed = rows.withColumn("_content_hash", content_hash(rows, source)).withColumn("_rules", rules)
    found = hashed.withColumn("_defects", _all_defects(hashed))
    rejected = F.coalesce(F.exists("_defects", lambda d: d["severity"] == "reject"), F.lit(False))
    found = found.withColumn("_rejected", F.when(F.col("_defects").isNull(), F.lit(False)).otherwise(rejected))
    return (
        found.withColumn("_raw", F.when(F.col("_rejected"), F.col("_raw")))
        .withColumn("_source", F.lit(source.name))
        .withColumn("_batch_id", F.lit(batch_id))
    )


def content_hash(rows: DataFrame, source: SourceFile) -> Column:
    """xxhash64 of the business columns, and of ``known_from`` where a column declares it.

    Which columns are null goes in as well: xxhash64 alone skips nulls, so that a value could move to the next column unseen.
    """
    names = [f.name for f in ENTITIES[source.entity][1] if f.name != "values"]
    names += ["_digest"] if source.intervals else []
    names += ["known_from"] if source.known_from.column is not None else []
    nulls = [F.when(F.col(name).isNull(), F.lit(1 << i)).otherwise(F.lit(0)).cast("bigint") for i, name in enumerate(names)]
    pattern = nulls[0]
    for bit in nulls[1:]:
        pattern = pattern + bit
    return F.xxhash64(*[F.col(name) for name in names], pattern)


def _defect(rule: str, severity: str, detail: Column) -> Column:
    return F.struct(F.lit(rule).alias("rule"), F.lit(severity).alias("severity"), detail.alias("detail"))


def _all_defects(rows: DataFrame) -> Column:
    """A malformed row has that one defect; any other its unreadable cells, its incomplete day, and its broken rules (``_rules``)."""
    rules = F.col("_rules")
    marks = [F.when(F.col("_bad_cells").isNotNull(), _defect(UNREADABLE, "flag", _unreadable_detail(rows)))]
    some = F.col("_bad_cells").isNotNull()
    if "_flag" in rows.columns:
        marks.append(F.when(F.col("_flag").isNotNull(), _defect(INCOMPLETE, "flag", F.col("_flag"))))
        some = some | F.col("_flag").isNotNull()
    built_in = F.filter(F.array(*marks), lambda d: d.isNotNull())
    ours = F.when(some, F.when(rules.isNull(), built_in).otherwise(F.concat(built_in, rules))).otherwise(rules)
    malformed = F.array(_defect(MALFORMED, "reject", F.col("_problem")))
    return F.when(F.col("_problem").isNotNull(), malformed).otherwise(ours).cast(DEFECTS)


def _unreadable_detail(rows: DataFrame) -> Column:
    text = F.concat(F.lit("unreadable: "), F.array_join("_bad_cells", ", "))
    if "bad_intervals" not in rows.columns:
        return text
    places = F.concat(F.lit(" (intervals "), F.array_join(F.col("bad_intervals").cast("array<string>"), ", "), F.lit(")"))
    return F.concat(text, F.when(F.col("bad_intervals").isNotNull(), places).otherwise(F.lit("")))
