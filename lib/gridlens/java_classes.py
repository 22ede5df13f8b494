"""The process from which Java's archive of classes is made: ``python -m gridlens.java_classes FILE`` (java_archive.py)."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Sequence
from pathlib import Path

from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F

from gridlens.session import get_spark
from gridlens.settings import load_settings


def main(arguments: Sequence[str]) -> int:
    """Loads the classes; Java writes the archive to the path given when it ends."""
    to = Path(arguments[0])
    settings = load_settings("local", overrides={"root_dir": str(to.parent / "root")})
    options = f'{settings.spark.get("spark.driver.extraJavaOptions", "")} "-XX:ArchiveClassesAtExit={to}"'
    spark = get_spark(settings.model_copy(update={"spark": {**settings.spark, "spark.driver.extraJavaOptions": options}}))
    _load(spark, to.parent)
    spark.stop()
    return 0


def _load(spark: SparkSession, scratch: Path) -> None:
    """What nearly every command does: Delta tables written, merged and read, files read, rows joined and ranked, Python called."""
    table, files = f"delta.`{scratch / 'table'}`", str(scratch / "files")
    rows = spark.range(1000).select(F.col("id"), (F.col("id") % 7).cast("string").alias("kind"), F.lit(dt.date(2026, 1, 1)).alias("day"))
    spark.sql(f"CREATE TABLE {table} (id BIGINT NOT NULL, kind STRING, day DATE) USING DELTA PARTITIONED BY (day)")
    rows.write.format("delta").mode("append").save(str(scratch / "table"))
    rows.createOrReplaceTempView("coming")
    spark.sql(f"MERGE INTO {table} t USING coming s ON t.id = s.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")
    for form in ("csv", "json", "parquet"):
        rows.write.mode("overwrite").format(form).save(f"{files}/{form}")
        spark.read.format(form).schema(rows.schema).load(f"{files}/{form}").count()
    read = spark.read.format("delta").load(str(scratch / "table")).where(F.col("kind").isin("1", "2"))
    newest = F.row_number().over(Window.partitionBy("kind").orderBy(F.desc("id")))
    ranked = read.withColumn("rank", newest).where("rank <= 3").join(rows.select("id"), on="id", how="left_semi")
    ranked.groupBy("kind").agg(F.max_by("id", "day"), F.collect_list(F.struct("id", "day"))).collect()
    read.mapInArrow(lambda batches: batches, read.schema).toPandas()
    spark.sql(f"DESCRIBE HISTORY {table}").collect()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
