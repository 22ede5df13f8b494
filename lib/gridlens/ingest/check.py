"""The dry run of a source: how its columns map, what the first rows become, what would be rejected and why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.entities import ENTITIES
from gridlens.ingest.bronze import staged
from gridlens.ingest.files import InputFile
from gridlens.ingest.source import SourceFile
from gridlens.tables import Sensitivity


@dataclass(frozen=True)
class MappedField:
    """One contract field: its type, and the column, constant or rule that it comes from (empty where nothing does)."""

    name: str
    type: str
    origin: str


@dataclass(frozen=True)
class Objection:
    """A rule that rows break: how many source rows, whether they are rejected, and examples (locator, reason)."""

    rule: str
    severity: str
    rows: int
    examples: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class SourceCheck:
    """What ``gridlens sources check`` shows. ``sample`` holds the first rows as text, personal fields masked."""

    source: str
    entity: str
    files: tuple[str, ...]
    fields: tuple[MappedField, ...]
    source_rows: int
    bronze_rows: int
    rejected_rows: int
    objections: tuple[Objection, ...]
    sample: tuple[dict[str, str], ...]


def check(
    spark: SparkSession, source: SourceFile, files: Sequence[InputFile], *, limit: int = 5, defects: Column | None = None
) -> SourceCheck:
    """Reads all of ``files`` (with fingerprints) as an ingest would, and writes nothing.

    Args:
        spark: the session.
        source: the definition.
        files: the files to look at.
        limit: rows and examples to show.
        defects: what the rules object to, as for ``staged``.
    """
    if not files:  # a source that may be empty
        return SourceCheck(source.name, source.entity, (), mapped_fields(source), 0, 0, 0, (), ())
    rows = staged(spark, source, files, batch_id="check", defects=defects)
    total = rows.agg(
        F.count("*").alias("rows"),
        F.count_if("_head").alias("heads"),
        F.count_if("_rejected").alias("rejected"),
    ).collect()[0]
    names = [f.name for f in ENTITIES[source.entity][1]]
    sample = rows.where(~F.col("_rejected")).select("_locator", "known_from", *names).limit(limit)
    as_text = [json.loads(row[0]) for row in sample.select(F.to_json(F.struct(*sample.columns))).collect()]
    return SourceCheck(
        source=source.name,
        entity=source.entity,
        files=tuple(f.relative for f in files),
        fields=mapped_fields(source),
        source_rows=total["heads"],
        bronze_rows=total["rows"],
        rejected_rows=total["rejected"],
        objections=_objections(rows.select("_locator", F.explode("_defects").alias("defect")), limit),
        sample=tuple(_masked(source, row) for row in as_text),
    )


def _objections(found, limit: int) -> tuple[Objection, ...]:  # type: ignore[no-untyped-def]
    """Rules by how many rows break them. Only rows with a defect are exploded: they are few, or the source is unfit."""
    example = F.struct(F.col("_locator").alias("locator"), F.col("defect.detail").alias("detail"))
    counted = found.groupBy(F.col("defect.rule").alias("rule"), F.col("defect.severity").alias("severity")).agg(
        F.count("*").alias("rows"), F.min(example).alias("least"), F.max(example).alias("greatest")
    )
    rows = sorted(counted.collect(), key=lambda r: (-r["rows"], r["rule"]))
    return tuple(
        Objection(
            r["rule"],
            r["severity"],
            r["rows"],
            tuple(dict.fromkeys((e["locator"], e["detail"]) for e in (r["least"], r["greatest"])))[:limit],
        )
        for r in rows
    )


def mapped_fields(source: SourceFile) -> tuple[MappedField, ...]:
    """Every field of the contract with its origin in the source."""
    found = []
    for field in ENTITIES[source.entity][1]:
        spec = source.columns.get(field.name)
        origin = ""
        if spec is not None:
            origin = spec.column if spec.column is not None else f"constant {spec.constant}"
        elif source.intervals is not None:
            origin = _interval_origin(source, field.name)
        found.append(MappedField(field.name, field.type, origin))
    return tuple(found)


def _interval_origin(source: SourceFile, name: str) -> str:
    part = source.intervals
    if part is None:
        return ""
    matrix = "the other columns" if part.is_matrix else ""
    origins = {
        "metering_point_id": "names of the other columns",
        "local_date": part.label or "names of the other columns",
        "values": part.value or matrix or f"{part.columns[0]} to {part.columns[-1]}",
        "resolution_minutes": f"constant {part.resolution_minutes}",
        "first_interval": "0" if part.is_daily or part.layout == "wide_day" else str(part.label or "names of the other columns"),
        "value_kind": f"constant {part.stored_kind}",
        "multiplied": f"constant {str(part.multiplied).lower()}",
        "zone": f"constant {source.zone}",
    }
    return origins.get(name, "")


def _masked(source: SourceFile, row: dict[str, object]) -> dict[str, str]:
    personal = {f.name for f in ENTITIES[source.entity][1] if f.sensitivity is Sensitivity.PERSONAL}
    return {name: "***" if name in personal else str(value) for name, value in row.items()}
