"""A few rows as a Delta table, written without Spark: tests fill their warehouses in milliseconds where a job's append takes seconds.

The table is the one that Warehouse.create would make: same schema, partitions, statistics columns and constraint. What Delta would
refuse, a null or a value that the contract does not know, is refused here.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from gridlens.settings import Settings
from gridlens.tables import Field, Table
from gridlens.warehouse import table_properties
from pyspark.sql.pandas.types import to_arrow_schema

PLAIN: dict[str, Any] = {
    "string": "x",
    "boolean": False,
    "int": 0,
    "bigint": 0,
    "double": 0.0,
    "date": dt.date(2020, 1, 1),
    "timestamp": dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
}


def put(settings: Settings, table: Table, rows: Iterable[Mapping[str, Any]], **usual: Any) -> None:
    """Appends rows in one commit.

    Args:
        settings: whose warehouse, a folder.
        table: where to; made where it is not there.
        rows: what matters of each row; the rest is what ``usual`` says, else null, else something plain that the contract allows.
        usual: values by column; columns that the table lacks do not matter.
    """
    whole = [_whole(table, row, usual) for row in rows]
    folder = Path(settings.warehouse) / table.layer / table.name
    log = folder / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    version = len(list(log.glob("*.json")))
    actions = [] if version else _made(table)
    actions += [_added(folder, table, dict(part), list(group)) for part, group in itertools.groupby(*_by_partition(table, whole))]
    text = "".join(json.dumps(action) + "\n" for action in actions)
    with (log / f"{version:020}.json").open("x", encoding="utf-8") as file:
        file.write(text)


def _whole(table: Table, row: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    """The row with a value for every column."""
    assert not row.keys() - set(table.columns), f"{table.name} has no {', '.join(row.keys() - set(table.columns))}"
    whole = {f.name: row[f.name] if f.name in row else usual.get(f.name, _plain(f)) for f in table.fields}
    for f in table.fields:
        value = whole[f.name]
        assert f.nullable or value is not None, f"{table.name}.{f.name} may not be null"
        assert value is None or f.allowed is None or isinstance(value, list) or value in f.allowed, f"{table.name}.{f.name}: {value}"
    return whole


def _plain(field: Field) -> Any:
    if field.nullable:
        return None
    if field.type.startswith("array"):
        return []
    if field.allowed:
        return field.allowed[0]
    return Decimal(0) if field.type.startswith("decimal") else PLAIN[field.type]


def _by_partition(table: Table, whole: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], Any]:
    def part(row: dict[str, Any]) -> tuple[tuple[str, str], ...]:
        return tuple((name, str(row[name])) for name in table.partition_by)

    return sorted(whole, key=part), part


def _made(table: Table) -> list[dict[str, Any]]:
    """The actions that make the table."""
    return [
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 3}},
        {
            "metaData": {
                "id": str(uuid.uuid4()),
                "format": {"provider": "parquet", "options": {}},
                "schemaString": table.schema.json(),
                "partitionColumns": list(table.partition_by),
                "configuration": table_properties(table),
            }
        },
    ]


def _added(folder: Path, table: Table, part: dict[str, str], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Writes the file of one partition; gives the action that adds it."""
    place = Path(*(f"{name}={value}" for name, value in part.items()), f"part-{uuid.uuid4()}.parquet")
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    schema = pa.schema([f for f in to_arrow_schema(table.schema, timezone="UTC") if f.name not in part])
    pq.write_table(pa.Table.from_pylist(rows, schema), folder / place)
    stats = json.dumps({"numRecords": len(rows)})
    size = (folder / place).stat().st_size
    return {"add": {"path": str(place), "partitionValues": part, "size": size, "modificationTime": 0, "dataChange": True, "stats": stats}}
