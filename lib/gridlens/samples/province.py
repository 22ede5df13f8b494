"""Writes a synthetic province: the source files that a company's systems would deliver, and the hidden truth beside them.

Spark generates one supply district at a time in ``mapInArrow``; the number of files follows from the size
of the province alone, and every random number from the seed, so that the files are the same on any machine
and any number of cores. ``folder`` must be a path that driver and executors share (local disk, a mount, a volume).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from gridlens.billing.book import load_tariffs
from gridlens.conffiles import packaged
from gridlens.errors import SettingsError
from gridlens.samples import publish
from gridlens.samples.deliver import district_files, province_files
from gridlens.samples.dirt import Delivery
from gridlens.samples.lines import block
from gridlens.samples.tariffs import Schedules, schedules_of
from gridlens.samples.world import Parameters, World

DISTRICTS_A_FILE = 25
"""About 42 MB of curves a file."""


@dataclass(frozen=True)
class Summary:
    """What ``write_province`` did: files and bytes by kind; ``written`` is False where the folder was complete already."""

    folder: Path
    written: bool
    accounts: int
    files: dict[str, int]
    bytes: dict[str, int]


def write_province(
    spark: SparkSession,
    folder: str | Path,
    *,
    accounts: int = 5000,
    months: int = 24,
    curve_days: int = 90,
    end_date: dt.date = dt.date(2026, 3, 31),
    seed: int = 20260331,
    curves: bool = True,
    tariffs: str | Path | None = None,
    keep: Callable[[Path], None] | None = None,
) -> Summary:
    """Writes the province into ``folder``, or does nothing where it stands there already with the same parameters.

    Args:
        accounts: number of customers' accounts. months: of registers and bills, up to ``end_date``'s month.
        curve_days: days of 15-minute curves before ``end_date``, that day included.
        curves: False leaves the curves out (a million accounts have 140 GB of them).
        tariffs: folder of tariff definitions; default the installed one.
        keep: asked before a province of other parameters is cleared away; raises where it has to stay.

    Raises:
        SettingsError: a parameter is out of range, or the folder holds something else.
        DefinitionError: a tariff has no price for one of the months.
    """
    parameters = Parameters(accounts, months, curve_days, end_date, seed, curves)
    _check(parameters)
    book = load_tariffs(tariffs or packaged() / "tariffs")
    target, identity = Path(folder), publish.identity(parameters, book.fingerprints)
    if keep is not None and not publish.same(target, identity):
        keep(target)
    found = publish.complete(target, identity)
    if found is not None:
        return Summary(target, False, accounts, found.files, found.bytes)
    world = World(parameters)
    publish.begin(target, identity)
    _generate(spark, world, schedules_of(world, book), DISTRICTS_A_FILE).write.mode("overwrite").partitionBy("kind").text(
        str(target / publish.STAGING)
    )
    done = publish.finish(target, identity)
    return Summary(target, True, accounts, done.files, done.bytes)


def _check(p: Parameters) -> None:
    for name, value, low, high in (
        ("accounts", p.accounts, 1, 20_000_000),
        ("months", p.months, 2, 60),
        ("curve_days", p.curve_days, 1, 1830),
    ):
        if not low <= value <= high:
            raise SettingsError(f"{name} is {value}, expected {low} to {high}; choose another")
    if not dt.date(2022, 1, 1) <= p.end_date <= dt.date(2028, 12, 31):
        raise SettingsError(f"end_date is {p.end_date}, expected a day of 2022 to 2028; choose another")


def _generate(spark: SparkSession, world: World, schedules: Schedules, districts_a_file: int) -> DataFrame:
    """The texts of all files: columns ``kind`` and ``value`` (many lines), each partition a file of each kind, in order."""
    files = -(-world.districts // districts_a_file)
    texts = spark.range(0, world.districts, 1, files).mapInArrow(_Generator(world, schedules), "kind string, position bigint, value string")
    return texts.sortWithinPartitions("kind", "position").select("kind", "value")


class _Generator:
    """Turns batches of district numbers into texts by kind; a header comes before the first text of its kind.

    A kind without any row (a small province has no outage) still gets a file beside district 0: of its header alone, of JSON
    lines an empty one.
    """

    def __init__(self, world: World, schedules: Schedules) -> None:
        self._world = world
        self._schedules = schedules

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        begun: set[str] = set()
        expected: dict[str, str] = {}
        for batch in batches:
            for number in batch.column(0).to_pylist():
                delivery = Delivery()
                if number == 0:
                    province_files(self._world, delivery)
                district_files(self._world, self._schedules, number, delivery)
                expected |= delivery.headers if number == 0 else {}
                for kind, parts in delivery.lines.items():
                    header = delivery.headers[kind]
                    if header and kind not in begun:
                        yield _batch(kind, -1, header)
                    begun.add(kind)
                    yield _batch(kind, number, block(pa.concat_arrays(parts)))
        for kind in sorted(expected.keys() - begun):
            if "/" not in kind:
                yield _batch(kind, -1, expected[kind])


def _batch(kind: str, position: int, value: str) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array([kind]), pa.array([position], pa.int64()), pa.array([value])], names=["kind", "position", "value"]
    )
