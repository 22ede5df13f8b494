"""One ``Table`` declaration per table: name, layer, fields with unit and sensitivity, keys, layout, checks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from enum import Enum

from pyspark.sql import DataFrame
from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    ByteType,
    DataType,
    DateType,
    DecimalType,
    DoubleType,
    IntegerType,
    LongType,
    ShortType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from gridlens.errors import ContractError


class Sensitivity(str, Enum):
    """How freely a column may travel. ``personal`` never enters logs, exports (unless asked), statistics or MLflow."""

    PUBLIC = "public"
    INTERNAL = "internal"
    PERSONAL = "personal"


@dataclass(frozen=True)
class Field:
    """One column of a contract.

    Attributes:
        name: column name.
        type: Spark SQL type, such as ``string`` or ``array<double>``.
        doc: meaning in one sentence.
        unit: physical unit, or None where there is none.
        allowed: the closed list of values, or None where open.
        null: why the value may be null; None says NOT NULL.
        sensitivity: who may see it.
    """

    name: str
    type: str
    doc: str
    unit: str | None = None
    allowed: tuple[str, ...] | None = None
    null: str | None = None
    sensitivity: Sensitivity = Sensitivity.INTERNAL

    @property
    def nullable(self) -> bool:
        return self.null is not None

    @property
    def data_type(self) -> DataType:
        return _TYPES.setdefault(self.type, _ddl_type(self.type))

    @property
    def countable(self) -> bool:
        """True where Delta may keep minimum and maximum (never of personal values; of nested and boolean ones it cannot)."""
        return self.sensitivity is not Sensitivity.PERSONAL and not self.type.startswith(("array", "struct", "boolean"))


_TYPES: dict[str, DataType] = {}
_SIMPLE_TYPES: dict[str, type[DataType]] = {
    "boolean": BooleanType,
    "tinyint": ByteType,
    "smallint": ShortType,
    "int": IntegerType,
    "bigint": LongType,
    "double": DoubleType,
    "string": StringType,
    "date": DateType,
    "timestamp": TimestampType,
}


def _ddl_type(ddl: str) -> DataType:
    """A Spark type from its SQL name; parsed here because Spark's own parser needs a session."""
    if ddl.startswith("array<"):
        return ArrayType(_ddl_type(ddl[6:-1]))
    if ddl.startswith("struct<"):
        parts = [part.split(":", 1) for part in ddl[7:-1].split(",")]
        return StructType([StructField(name.strip(), _ddl_type(kind.strip())) for name, kind in parts])
    if ddl.startswith("decimal("):
        precision, scale = ddl[8:-1].split(",")
        return DecimalType(int(precision), int(scale))
    return _SIMPLE_TYPES[ddl]()


@dataclass(frozen=True)
class Table:
    """A table's declaration; reads and writes go through it.

    Attributes:
        name: bare name, unique in the warehouse.
        layer: ``bronze``, ``silver``, ``gold`` or ``ops``.
        doc: the business sentence.
        fields: the columns in order.
        keys: the columns that identify a row.
        partition_by: layout folders.
        sort_by: order inside files, for file statistics.
        checks: constraint name to SQL condition, enforced by Delta itself.
        open: columns of definitions that were withdrawn stay in the table.
    """

    name: str
    layer: str
    doc: str
    fields: tuple[Field, ...]
    keys: tuple[str, ...]
    partition_by: tuple[str, ...] = ()
    sort_by: tuple[str, ...] = ()
    checks: dict[str, str] = dataclass_field(default_factory=dict)
    open: bool = False

    def __post_init__(self) -> None:
        names = [f.name for f in self.fields]
        for name in (*self.keys, *self.partition_by, *self.sort_by):
            if name not in names:
                raise ContractError(f"table {self.name}: {name} is used as a key or in the layout but is not declared as a field")
        if len(set(names)) != len(names):
            raise ContractError(f"table {self.name}: a field is declared twice")

    def __getitem__(self, name: str) -> Field:
        for f in self.fields:
            if f.name == name:
                return f
        raise KeyError(name)

    @property
    def columns(self) -> list[str]:
        return [f.name for f in self.fields]

    @property
    def schema(self) -> StructType:
        """The Spark schema; NOT NULL fields are non-nullable."""
        return StructType([StructField(f.name, f.data_type, f.nullable) for f in self.fields])

    @property
    def statistics(self) -> list[str]:
        """Columns whose minimum and maximum each file keeps: those that prune (keys, order, dates, batch), never personal ones.

        The rest would cost a comparison for every row written and prune nothing.
        """
        wanted = {*self.keys, *self.sort_by, "_batch_id", "_file_id", *(f.name for f in self.fields if f.type in ("date", "timestamp"))}
        return [f.name for f in self.fields if f.countable and f.name in wanted - {"_locator", *self.partition_by}]

    @property
    def personal(self) -> list[str]:
        return [f.name for f in self.fields if f.sensitivity is Sensitivity.PERSONAL]

    def conform(self, df: DataFrame) -> DataFrame:
        """``df`` with exactly this table's columns, in order; raises ContractError on a missing column or another type."""
        missing = [f.name for f in self.fields if f.name not in df.columns]
        if missing:
            raise ContractError(f"table {self.name}: the data lacks the column(s) {', '.join(missing)}")
        actual = df.schema
        wrong = [
            f"{f.name} is {actual[f.name].dataType.simpleString()}, expected {f.type}"
            for f in self.fields
            if actual[f.name].dataType.simpleString() != f.data_type.simpleString()
        ]
        if wrong:
            raise ContractError(f"table {self.name}: {'; '.join(wrong)}")
        return df.select(*self.columns)

    def check_condition(self) -> str | None:
        """The one CHECK constraint that Delta enforces: the declared conditions and every closed list of values.

        One constraint instead of several because each costs a commit and a scan of its own.
        """
        conditions = list(self.checks.values())
        for f in self.fields:
            if f.allowed is not None and not f.type.startswith("array"):
                null_too = f" OR {f.name} IS NULL" if f.nullable else ""
                conditions.append(literal_in(f.name, f.allowed) + null_too)
        return " AND ".join(f"({condition})" for condition in conditions) or None


def empty(df: DataFrame) -> bool:
    """True where ``df`` has no row (reads one row at the most)."""
    return not df.limit(1).count()


def literal_in(column: str, values: Sequence[object]) -> str:
    """``column IN (…)`` with typed SQL literals: moments, dates and strings only (RELIABILITY 4: literal values let MERGE prune)."""

    def one(value: object) -> str:
        if isinstance(value, dt.datetime):
            return f"TIMESTAMP'{value.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S.%f}Z'"
        if isinstance(value, dt.date):
            return f"DATE'{value.isoformat()}'"
        return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"

    return f"{column} IN ({', '.join(one(v) for v in values)})" if values else "false"
