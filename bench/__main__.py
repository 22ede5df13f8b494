"""``python -m bench``: prints one line of JSON for each figure."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from gridlens.session import get_spark
from gridlens.settings import load_settings
from pyspark.sql import SparkSession

from bench.figures import FIGURES, OWN_PROCESSES, Bench, Figure
from bench.stage import Stage, prepare_blocks, prepare_files, prepare_readings

POINTS = {"full": 4096, "small": 128, "large": 16384}
"""Metering points; 90 days of 96 readings each: 35 million readings, 1.1 million, 142 million."""
_ALL = {"blocks", "files"}
WHOLE = {"features": {"blocks"}, "ingest": {"files"}, "scaling": _ALL, "memory": _ALL, "workers": _ALL}
QUARTER = {"rows": {"blocks", "readings"}, "scaling": _ALL, "memory": _ALL}
"""Inputs of either size by the figures that need them."""
CORES = 2
ROUNDS = 3


def run_bench(scale: str, only: Sequence[str], folder: Path, *, rounds: int) -> Iterator[Figure]:
    """Prepares the inputs in ``folder`` and measures; the session ends with the last figure that needs it."""
    whole, quarter = Stage(folder / "whole", POINTS[scale]), Stage(folder / "quarter", POINTS[scale] // 4)
    settings = load_settings("local", overrides={"root_dir": str(folder), "spark": {"spark.master": f"local[{CORES}]"}})
    spark = get_spark(settings, name="gridlens-bench")
    bench = Bench(lambda: spark, whole, quarter, CORES, rounds)
    try:
        _prepare(spark, bench, only)
        for name in (n for n in FIGURES if n in only and n not in OWN_PROCESSES):
            yield from FIGURES[name](bench)
    finally:
        spark.stop()
    for name in (n for n in OWN_PROCESSES if n in only):
        yield from FIGURES[name](bench)


def _prepare(spark: SparkSession, bench: Bench, only: Sequence[str]) -> None:
    for stage, needs in ((bench.whole, WHOLE), (bench.quarter, QUARTER)):
        inputs = set().union(*(needs.get(name, set()) for name in only))
        if "blocks" in inputs:
            prepare_blocks(spark, stage)
        if "readings" in inputs:
            prepare_readings(spark, stage)
        if "files" in inputs:
            prepare_files(spark, stage)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 where every figure reached its goal."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(FIGURES), help="figures to measure; default all")
    parser.add_argument(
        "--scale", choices=list(POINTS), default="full", help="small: a smoke test, it means nothing; large: four times full"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="timed rounds; one more comes first and is not counted")
    parser.add_argument("--json-file", type=Path, help="also write the lines to this file")
    parser.add_argument("--folder", type=Path, help="where 3 GB (large: 12) go while it runs; default the system's temporary folder")
    given = parser.parse_args(arguments)
    if given.folder:
        given.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="gridlens-bench-", dir=given.folder))
    lines: list[str] = []
    missed = 0
    try:
        for figure in run_bench(given.scale, given.only or list(FIGURES), folder, rounds=given.rounds):
            lines.append(json.dumps(figure.as_dict()))
            print(lines[-1], flush=True)
            missed += figure.ok is False
            if given.json_file:
                given.json_file.write_text("\n".join(lines) + "\n")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
