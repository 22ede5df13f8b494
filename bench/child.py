"""One job in a process of its own: ``python -m bench.child JOB FOLDER POINTS CORES HEAP ROUNDS`` prints seconds and memory as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from gridlens.session import get_spark
from gridlens.settings import load_settings

from bench import jobs
from bench.measure import interleaved
from bench.memory import java_child, live_heap_mb, peak_mb
from bench.stage import Stage

JOBS = {"features": jobs.features_written, "ingest": jobs.ingest}


def run_child(job: str, stage: Stage, *, cores: int, heap: str, rounds: int) -> dict[str, Any]:
    """Seconds of each round and peak memory of one job in a new process with its own session.

    Args:
        job: features or ingest.
        stage: its prepared inputs.
        cores: of ``local[cores]``.
        heap: of the Java process, such as 2g.
        rounds: timed ones; one more comes before.
    """
    arguments = [job, str(stage.folder), str(stage.points), str(cores), heap, str(rounds)]
    done = subprocess.run([sys.executable, "-m", "bench.child", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"benchmark {job} with {stage.points} points failed: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def main(arguments: list[str]) -> None:
    job, folder, points, cores, heap, rounds = arguments
    stage = Stage(Path(folder), int(points))
    spark_conf = {"spark.master": f"local[{cores}]", "spark.driver.memory": heap}
    settings = load_settings("local", overrides={"root_dir": folder, "spark": spark_conf})
    spark = get_spark(settings, name="gridlens-bench")
    run = JOBS[job]
    seconds = interleaved({job: lambda: run(spark, stage)}, int(rounds))[job]
    java = java_child()
    report = {"seconds": seconds, "python_peak_mb": peak_mb(os.getpid()), "java_peak_mb": peak_mb(java), "java_live_mb": live_heap_mb(java)}
    spark.stop()
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1:])
