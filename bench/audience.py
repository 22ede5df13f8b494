"""Audiences at the size of a province: ``python -m bench.audience`` prints a line of JSON for each figure.

A million accounts with made-up features, 150 tags of the library computed and written by the tags job, then an audience of ten
terms counted as `gridlens audience count --where` does it, beside plain Spark SQL and DuckDB on the same files in the same run.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from duckdb import DuckDBPyConnection
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.tag import TAG_CURRENT
from gridlens.pipelines.audience import Definitions, read_definitions, run_count
from gridlens.pipelines.declared import tag_library
from gridlens.pipelines.options import TagOptions
from gridlens.pipelines.tags import run_tags
from gridlens.session import get_spark
from gridlens.settings import Settings, load_settings
from gridlens.tables import Field
from gridlens.tags.engine import evaluate
from gridlens.tags.library import TagLibrary
from gridlens.warehouse import Warehouse
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from bench import tags_peer
from bench.measure import Figure, connect, interleaved, median_ratio, parquet, printed

ACCOUNTS = 1_000_000
TAGS = 150
CORES = 2
ROUNDS = 5
AS_OF, KNOWN_AT = dt.date(2026, 3, 31), dt.datetime(2026, 4, 1, 16, tzinfo=dt.UTC)
TEN_TERMS = """
    open_account and customer_category in ('residential', 'commercial') and not prepaid_account
    and (price_sensitive or bill_watcher or usage_watcher) and in_arrears and coalesce(peak_share_class, 'low') <> 'low'
    and not (complained_365d or waiting_for_answer)
"""
"""Ten tags."""
WITH_FEATURES = f"{TEN_TERMS} and energy_kwh_365d > 10 and account_age_days between 365 and 5000"
"""The same and two features: tags and features are joined."""
CODES = {
    "tariff_id": ("residential_tiered", "residential_tiered_tou", "commercial_tou", "industrial_capacity", "agricultural"),
    "payment_channel": ("app", "wechat", "alipay", "bank", "direct_debit", "counter"),
}
"""Of the text columns without a closed list in the contract those that tags compare with codes."""
_HALF = 0.5
_NULLS = 0.03


@dataclass(frozen=True)
class Prepared:
    """A warehouse with features; the 150 tags."""

    spark: SparkSession
    settings: Settings
    tags: TagLibrary
    accounts: int
    rounds: int

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.spark, self.settings)

    @property
    def sizes(self) -> dict[str, int]:
        return {"accounts": self.accounts, "tags": len(self.tags.tags), "cores": CORES, "rounds": self.rounds}


def made_up_features(spark: SparkSession, accounts: int) -> DataFrame:
    """Rows of account_feature_v1, each value a function of the account and the column; the numbers follow their names.

    Shares lie between 0 and 1, counts are mostly 0, amounts of energy and money are spread over some decades, three in a hundred
    values of what may be null are null.
    """
    rows = spark.range(0, accounts, 1, CORES * 4)
    keys = {"account_id": F.format_string("99%08d", "id"), "as_of": F.lit(AS_OF), "known_at": F.lit(KNOWN_AT)}
    ids = {"party_id": F.format_string("PY%08d", "id"), "org_unit_id": _code("OU", 20), "area_id": _code("AR", 100)}
    told = {**keys, **ids}
    return rows.select(*[told.get(f.name, _value(f)).cast(f.type).alias(f.name) for f in ACCOUNT_FEATURE.fields])


def _code(prefix: str, number: int) -> Column:
    return F.format_string(f"{prefix}%03d", F.pmod(F.xxhash64("id", F.lit(prefix)), F.lit(number)))


def _even(name: str) -> Column:
    """A number between 0 and 1 that depends on the account and the name alone."""
    return (F.pmod(F.xxhash64("id", F.lit(name)), F.lit(1_000_003)) + F.lit(_HALF)) / F.lit(1_000_003)


def _value(f: Field) -> Column:
    value = _typed(f)
    return F.when(_even(f"{f.name}/null") > _NULLS, value) if f.nullable else value


def _typed(f: Field) -> Column:
    even = _even(f.name)
    if f.name == "closed_on":
        return F.when(even < 0.03, F.date_sub(F.lit(AS_OF), 30))
    if f.type == "date":
        return F.date_sub(F.lit(AS_OF), F.floor(even * 9000).cast("int"))
    if f.type == "boolean":
        return even < (0.97 if f.name == "is_open" else 0.15)
    if f.type.startswith("array"):
        return F.lit(None)
    if codes := CODES.get(f.name, f.allowed):
        return F.element_at(F.array(*[F.lit(code) for code in codes]), F.floor(even * even * len(codes)).cast("int") + 1)
    if f.type == "string":
        return F.format_string("%02d", F.floor(even * 96).cast("int") + 1)
    if f.type == "int":
        return F.floor(even * 400) if "days" in f.name and "zero" not in f.name else F.floor(-F.ln(even) * 0.7)
    if any(part in f.name for part in ("share", "percentile", "factor", "utilisation", "r2", "regularity", "similarity", "entropy")):
        return even
    if any(part in f.name for part in ("ratio", "growth", "variation", "amplitude", "trend")):
        return even * 2 - (1 if "growth" in f.name or "trend" in f.name else 0)
    return F.exp(even * 8)


def chosen_tags(library: TagLibrary, number: int) -> TagLibrary:
    """``number`` tags that read none but each other, derived ones first, in the order of the library."""
    chosen: set[str] = set()
    needed = {"open_account", "prepaid_account", "bill_watcher", "usage_watcher", "in_arrears", "waiting_for_answer", "peak_share_class"}
    for tag in [*(library.tag(name) for name in sorted(needed)), *reversed(library.tags)]:
        closed = {tag.id}
        for one in reversed(library.tags):
            if one.id in closed:
                closed.update(one.tags)
        if len(chosen | closed) <= number:
            chosen |= closed
    return TagLibrary(tuple(tag for tag in library.tags if tag.id in chosen))


def prepared(folder: Path, accounts: int, rounds: int) -> Prepared:
    """Features written to a new warehouse."""
    settings = load_settings("local", overrides={"root_dir": str(folder), "spark": {"spark.master": f"local[{CORES}]"}})
    spark = get_spark(settings, name="gridlens-bench")
    stage = Prepared(spark, settings, chosen_tags(tag_library(settings), TAGS), accounts, rounds)
    stage.warehouse.append(ACCOUNT_FEATURE, made_up_features(spark, accounts))
    return stage


def tags_figures(stage: Prepared) -> Iterator[Figure]:
    """The tags computed and written, alone beside DuckDB, and by the whole job with changes, catalogue and drift."""
    features, folder = stage.warehouse.read(ACCOUNT_FEATURE), Path(stage.settings.root_dir)
    ours, theirs = folder / "evaluated", folder / "duckdb.parquet"
    connection = connect(CORES)
    tags_peer.prepare(connection, AS_OF)
    translated = tags_peer.query(parquet(features.inputFiles()), stage.tags)
    contenders = {
        "gridlens": lambda: evaluate(features, stage.tags).write.format("delta").mode("overwrite").save(str(ours)),
        "duckdb": lambda: connection.execute(f"COPY ({translated}) TO '{theirs}' (FORMAT parquet)"),
    }
    seconds = interleaved(contenders, stage.rounds)
    written = parquet(stage.spark.read.format("delta").load(str(ours)).inputFiles())
    other = [name for name in stage.tags.ids if _unequal(connection, written, parquet([str(theirs)]), name)]
    detail = {"sizes": stage.sizes, "seconds": seconds, "ratio": median_ratio(seconds["gridlens"], seconds["duckdb"]), "other": other}
    shutil.rmtree(ours)
    theirs.unlink()
    value = statistics.median(seconds["gridlens"])
    yield Figure("tags_evaluated", value, "s", 300.0, value <= 300 and not other, detail)
    steps: list[str] = []
    began = time.perf_counter()
    result = run_tags(stage.spark, stage.settings, TagOptions(), library=stage.tags, say=steps.append)
    seconds = round(time.perf_counter() - began, 1)
    detail = {"sizes": stage.sizes, "changes": result.changes, "steps": [step.strip() for step in steps]}
    yield Figure("tags_job", seconds, "s", 300.0, seconds <= 300, detail)


def _unequal(connection: DuckDBPyConnection, ours: str, theirs: str, tag: str) -> bool:
    """True where an account has another value."""
    row = connection.execute(
        f"SELECT count(*) FROM {ours} a JOIN {theirs} b USING (account_id) WHERE a.{tag} IS DISTINCT FROM b.{tag}"
    ).fetchone()
    return row is None or row[0] > 0


def count_figures(stage: Prepared) -> Iterator[Figure]:
    """Audiences counted warm, against plain SQL on the same files."""
    connection, definitions = connect(CORES), read_definitions(stage.settings)
    for name, where, goal in (("audience_ten_terms", TEN_TERMS, 3.0), ("audience_tags_and_features", WITH_FEATURES, None)):
        counted: dict[str, int] = {}
        joined = where is WITH_FEATURES
        contenders = {
            "gridlens": partial(_ours, stage, definitions, where, counted),
            "spark_sql": partial(_spark_sql, stage, where, counted, joined=joined),
            "duckdb": partial(_duckdb, connection, stage, where, counted, joined=joined),
        }
        seconds = interleaved(contenders, stage.rounds)
        equal = len(set(counted.values())) == 1 and counted["gridlens"] > 0
        value = statistics.median(seconds["gridlens"])
        detail = {"sizes": stage.sizes, "seconds": seconds, "counted": counted, "equal": equal}
        yield Figure(name, value, "s", goal, equal and (goal is None or value <= goal), detail)


def _ours(stage: Prepared, definitions: Definitions, where: str, counted: dict[str, int]) -> None:
    """All that the command does after Spark has started and the definitions are read: moment, what is expired, count."""
    result = run_count(stage.spark, stage.settings, definitions.chosen((), where), definitions)
    assert not result.expired
    assert not result.never_computed
    counted["gridlens"] = int(result.sizes[0].members)


def _spark_sql(stage: Prepared, where: str, counted: dict[str, int], *, joined: bool) -> None:
    tags, features = (stage.warehouse.location(table) for table in (TAG_CURRENT, ACCOUNT_FEATURE))
    source = f"{tags} t JOIN {features} f ON t.account_id = f.account_id" if joined else tags
    row = stage.spark.sql(f"SELECT count(*) AS n FROM {source} WHERE {where}").first()
    counted["spark_sql"] = row["n"] if row else -1


def _duckdb(connection: DuckDBPyConnection, stage: Prepared, where: str, counted: dict[str, int], *, joined: bool) -> None:
    tags, features = (parquet(stage.warehouse.read(table).inputFiles()) for table in (TAG_CURRENT, ACCOUNT_FEATURE))
    source = f"{tags} t JOIN {features} f ON t.account_id = f.account_id" if joined else tags
    row = connection.execute(f"SELECT count(*) FROM {source} WHERE {where}").fetchone()
    counted["duckdb"] = row[0] if row else -1


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 where every figure reached its goal."""
    parser = argparse.ArgumentParser(prog="python -m bench.audience", description=__doc__)
    parser.add_argument("--accounts", type=int, default=ACCOUNTS, help="fewer: a smoke test, its figures mean nothing")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="timed rounds; one more comes first and is not counted")
    parser.add_argument("--folder", type=Path, help="where 2 GB of inputs go while it runs; default the system's temporary folder")
    given = parser.parse_args(arguments)
    os.environ.setdefault("GRIDLENS_MIN_GROUP", "0")  # the count is compared with the peers'
    folder = Path(tempfile.mkdtemp(prefix="gridlens-bench-", dir=given.folder))
    stage = prepared(folder, given.accounts, given.rounds)
    missed = 0
    try:
        for figures in (tags_figures, count_figures):
            missed += printed(figures(stage))
    finally:
        stage.spark.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
