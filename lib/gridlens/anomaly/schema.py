"""Schemas of what kernels give."""

from __future__ import annotations

from pyspark.sql.types import ArrayType, DataType, DoubleType, IntegerType, StringType, StructField, StructType

_TYPES: dict[str, DataType] = {
    "double": DoubleType(),
    "int": IntegerType(),
    "string": StringType(),
    "array<double>": ArrayType(DoubleType()),
}


def struct_of(**fields: str) -> StructType:
    """A schema from names and types, all of them nullable."""
    return StructType([StructField(name, _TYPES[kind]) for name, kind in fields.items()])
