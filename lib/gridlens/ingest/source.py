"""Source definitions (``conf/sources/*.yml``): what a file, table or query holds and how it maps to a bronze contract."""

from __future__ import annotations

import hashlib
import json
import zoneinfo
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from gridlens.contracts.entities import ENTITIES
from gridlens.definitions import parse_definitions
from gridlens.ingest.fields import Clock, FieldSource, Frozen, Intervals, KnownFrom, Mapping

Place = tuple[str | int, ...]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]

INTERVAL_MAPPED = ("metering_point_id", "channel")
"""Fields of meter_interval that ``columns`` gives; the rest follows from ``intervals``."""
DATE_OF = {
    "meter_interval": "local_date",
    "meter_register": "read_date",
    "bill": "issued_on",
    "payment": "paid_at",
    "service_event": "opened_at",
    "outage_event": "started_at",
    "purchase": "purchased_on",
    "interaction": "occurred_at",
    "inspection": "inspected_on",
    "energy_survey": "surveyed_on",
    "weather": "local_date",
    "campaign_receipt": "occurred_at",
    "customer": "valid_from",
    "supply_point": "valid_from",
    "product": "valid_from",
    "consent": "valid_from",
}
"""The date that ``known_from: days_after`` counts from, where ``of`` names no other."""


class Options(Frozen):
    """How a file is written.

    Attributes:
        delimiter: one character.
        encoding: utf-8 (with or without BOM) or gb18030 (GBK and GB2312 are parts of it).
        header: true where the first line names the columns.
        columns: their names where there is no header.
        null_values: cells that mean "no value", after trimming.
        decimal: the decimal mark of numbers.
    """

    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    encoding: Literal["utf-8", "gb18030"] = "utf-8"
    header: bool = True
    columns: tuple[str, ...] = ()
    null_values: tuple[str, ...] = ("", "NULL", "null", "\\N")
    decimal: Literal[".", ","] = "."

    @field_validator("delimiter")
    @classmethod
    def _plain_delimiter(cls, value: str) -> str:
        if not value.isascii() or value.isalnum() or value in '"\n\r\0.+-':
            raise ValueError(f"{value!r} cannot delimit fields; use , ; | or a tab")
        return value

    @model_validator(mode="after")
    def _columns_named_once(self) -> Options:
        if self.header == bool(self.columns):
            raise ValueError("give columns exactly where header is false")
        if self.decimal == self.delimiter:
            raise ValueError("decimal mark and delimiter cannot be the same character")
        return self


class Jdbc(Frozen):
    """A query over JDBC; the secrets stay in the environment.

    Attributes:
        url_env, user_env, password_env: names of environment variables.
        query: the SELECT.
        partition_column, lower, upper, partitions: numeric or date column to read in parallel, with its bounds.
        driver: JDBC driver class, where Spark cannot tell it from the URL.
    """

    url_env: str
    user_env: str | None = None
    password_env: str | None = None
    query: str
    partition_column: str | None = None
    lower: str | None = None
    upper: str | None = None
    partitions: int = Field(default=1, ge=1, le=1000)
    driver: str | None = None

    @model_validator(mode="after")
    def _bounds(self) -> Jdbc:
        if (self.partitions > 1) != all((self.partition_column, self.lower, self.upper)):
            raise ValueError("partitions above 1 go together with partition_column, lower and upper")
        return self


class SourceFile(Frozen):
    """One source: files, a Delta or Hive table, or a JDBC query, and its way into one bronze contract.

    Attributes:
        name: of the source, unique.
        entity: the bronze contract.
        kind: files, table or jdbc.
        format: of files (csv, parquet, jsonl) or of a table given by ``path`` (delta, parquet).
        path: glob below the root.
        may_be_empty: true where no file at all is no mistake; else it is refused before anything is loaded.
        table: name on the catalogue.
        key: columns that identify a row of a table or query; its locator.
        zone: IANA zone of local dates and times.
        clock: how times run over clock changes.
        columns: contract field to its origin.
        intervals: layout of interval readings (meter_interval only).
        known_from: when the rows were known.
    """

    name: Name
    entity: str
    kind: Literal["files", "table", "jdbc"] = "files"
    format: Literal["csv", "parquet", "jsonl", "delta"] | None = None
    path: str | None = None
    may_be_empty: bool = False
    table: str | None = None
    jdbc: Jdbc | None = None
    key: tuple[str, ...] = ()
    options: Options = Options()
    zone: str
    clock: Clock = "wall"
    columns: dict[str, Mapping]
    intervals: Intervals | None = None
    known_from: KnownFrom

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in zoneinfo.available_timezones() or ("/" not in value and value != "UTC"):
            raise ValueError(f"{value} is no IANA time zone such as Asia/Shanghai")
        return value

    @field_validator("entity")
    @classmethod
    def _known_entity(cls, value: str) -> str:
        if value not in ENTITIES:
            raise ValueError(f"{value} is no bronze contract; expected one of {', '.join(ENTITIES)}")
        return value

    @field_validator("path")
    @classmethod
    def _below_root(cls, value: str | None) -> str | None:
        if value is not None and (value.startswith("/") or ".." in Path(value).parts or ":" in value):
            raise ValueError(f"{value} must be relative to the root folder")
        return value

    @model_validator(mode="after")
    def _kind_fits(self) -> SourceFile:
        if self.kind == "files" and (self.path is None or self.format not in ("csv", "parquet", "jsonl") or self.table or self.jdbc):
            raise ValueError("files need path and format (csv, parquet or jsonl) and take no table or jdbc")
        if self.kind == "table" and ((self.table is None) == (self.path is None) or self.jdbc):
            raise ValueError("a table needs either table (its name) or path with format delta or parquet")
        if self.kind == "table" and self.path and self.format not in ("delta", "parquet"):
            raise ValueError("a table by path needs format delta or parquet")
        if self.kind == "jdbc" and (self.jdbc is None or self.path or self.table):
            raise ValueError("jdbc needs its jdbc part and takes no path or table")
        if self.may_be_empty and self.kind != "files":
            raise ValueError("may_be_empty is for files; a table or a query may be empty anyway")
        if (self.kind == "files") == bool(self.key):
            raise ValueError("give key (the columns that identify a row) exactly for a table or a query")
        return self

    @property
    def fingerprint(self) -> str:
        """Of all that decides how a row is read; where the files lie is left out, and so is what a definition leaves at its default."""
        said = self.model_dump(mode="json", exclude={"path", "may_be_empty"}, exclude_defaults=True)
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def is_text(self) -> bool:
        return self.kind == "files" and self.format in ("csv", "jsonl")

    @property
    def needed_columns(self) -> tuple[str, ...]:
        """Every source column that the definition names (matrix members apart), each once, in order."""
        names = [spec.column for spec in self.columns.values()]
        names.append(self.known_from.column)
        if self.intervals:
            part = self.intervals
            names += [part.label, part.value, *part.columns, *part.drop, part.complete.column if part.complete else None]
        return tuple(dict.fromkeys(n for n in (*names, *self.key) if n is not None))


def load_sources(path: str | Path) -> list[SourceFile]:
    """The sources of one definition file; raises DefinitionError naming file, line and field."""
    defined = parse_definitions(SourceFile, path, under="sources")
    seen: set[str] = set()
    for item in defined:
        for place, sentence in problems(item.value):
            raise item.error(sentence, at=place)
        if item.value.name in seen:
            raise item.error(f"the source {item.value.name} is defined twice; give one another name", at=("name",))
        seen.add(item.value.name)
    return [item.value for item in defined]


def problems(source: SourceFile) -> Iterator[tuple[Place, str]]:
    """What does not fit the contract: (place in the definition, one sentence)."""
    fields = {f.name: f for f in ENTITIES[source.entity][1]}
    mappable = fields if source.entity != "meter_interval" else {name: fields[name] for name in INTERVAL_MAPPED}
    for name, spec in source.columns.items():
        if spec.optional and source.format != "jsonl":
            yield ("columns", name, "optional"), "only JSON lines may leave a field out; every other format has its columns"
        if name not in mappable:
            yield ("columns", name), f"{name} is no field of {source.entity} that columns can give; expected one of {', '.join(mappable)}"
    by_member = source.intervals is not None and source.intervals.layout == "matrix_by_point"
    for name, field in mappable.items():
        given_by_matrix = by_member and name == "metering_point_id"
        if given_by_matrix and name in source.columns:
            yield ("columns", name), "the columns of a matrix_by_point are the points; leave metering_point_id out"
        if not field.nullable and name not in source.columns and not given_by_matrix:
            yield ("columns",), f"the field {name} of {source.entity} is missing; map it to a column or a constant"
    if (source.entity == "meter_interval") != (source.intervals is not None):
        yield ("intervals",), "intervals belong to the entity meter_interval, and to no other"
    if source.intervals and source.key and source.intervals.is_matrix:
        yield ("intervals", "layout"), "a matrix is read from files only"
    yield from _known_from_problems(source)
    if source.format == "jsonl" and not source.options.header:
        yield ("options", "header"), "JSON lines name their own fields; leave header and columns out"


def _known_from_problems(source: SourceFile) -> Iterator[tuple[Place, str]]:
    lag = source.known_from
    if lag.file_modified and source.kind != "files":
        yield ("known_from",), "file_modified is for files; use a column or days_after"
    if lag.days_after is not None:
        of = lag.of or DATE_OF.get(source.entity)
        kinds = {f.name: f.type for f in ENTITIES[source.entity][1]}
        if of is None or kinds.get(of) not in ("date", "timestamp"):
            yield ("known_from",), f"days_after needs of: a date or timestamp field of {source.entity}"


def identity_mapping(source: SourceFile) -> dict[str, FieldSource]:
    """The mapped fields of the contract, in its order."""
    return {f.name: source.columns[f.name] for f in ENTITIES[source.entity][1] if f.name in source.columns}
