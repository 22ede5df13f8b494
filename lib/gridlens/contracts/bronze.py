"""Bronze: every source row as received, good or bad, with where it came from. Append-only."""

from __future__ import annotations

from dataclasses import replace

from gridlens.contracts.entities import ENTITIES
from gridlens.tables import Field, Sensitivity, Table

DEFECTS = "array<struct<rule:string,severity:string,detail:string>>"

KNOWN_FROM = Field(
    "known_from",
    "timestamp",
    "Moment from which the company knew the row, UTC; as the source declares it",
    null="the row is rejected and its date unreadable",
)
LINEAGE = (
    Field("_source", "string", "Name of the source definition"),
    Field("_batch_id", "string", "Batch that brought the row; made from its files' contents and the definition that read them"),
    Field("_file_id", "string", "Fingerprint of the file's content; the table or query for other sources"),
    Field(
        "_locator",
        "string",
        "Where the row stands: file and line (`file:12`), or file, byte offset of the block and line in it (`file@134217728+12`), or the key",
    ),
    Field(
        "_head",
        "boolean",
        "True on the first bronze row made from a source row (a wide row can make many); counting these counts source rows",
    ),
    Field("_content_hash", "bigint", "xxhash64 of the business columns"),
    Field("_bad_cells", "array<string>", "Optional cells that could not be read and became null", null="none"),
    Field("_defects", DEFECTS, "Rules broken", null="none"),
    Field("_rejected", "boolean", "True where a rule of severity reject was broken: the row goes to quarantine, not to silver"),
    Field("_raw", "string", "Source text of a rejected row", null="not rejected", sensitivity=Sensitivity.PERSONAL),
)


def _bronze_field(field: Field) -> Field:
    """A business field as bronze keeps it: nullable and free of value lists, because rejected rows stay here too."""
    return replace(field, null=field.null or "unreadable or empty in a rejected row", allowed=None)


BRONZE: dict[str, Table] = {
    name: Table(
        name=name,
        layer="bronze",
        doc=doc,
        fields=(*(_bronze_field(f) for f in fields), KNOWN_FROM, *LINEAGE),
        keys=("_batch_id", "_locator", *(keys if name == "meter_interval" else ())),
    )
    for name, (doc, fields, keys) in ENTITIES.items()
}
