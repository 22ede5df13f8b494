"""Operations: what was run, which files are known, how every source row was classified, how good the data is."""

from __future__ import annotations

from gridlens.tables import Field, Table

RUN_LOG = Table(
    "run_log",
    "ops",
    "One row per run, written last: parameters, definitions, counts, time, outcome.",
    (
        Field("run_id", "string", "Run"),
        Field("job", "string", "Job: ingest, features, maintain, migrate"),
        Field("started_at", "timestamp", "Begin, UTC"),
        Field("ended_at", "timestamp", "End, UTC"),
        Field("outcome", "string", "How it ended", allowed=("succeeded", "failed", "nothing_new")),
        Field("message", "string", "Reason of a failure in one sentence", null="no failure"),
        Field("as_of", "date", "Last local day included", null="job without it"),
        Field("known_at", "timestamp", "Moment of knowledge, UTC", null="job without it"),
        Field("parameters", "string", "Options and settings as JSON, secrets masked"),
        Field("fingerprints", "string", "Fingerprints of the definitions used, as JSON"),
        Field(
            "tables_in",
            "string",
            "Tables that the run read before it wrote them itself, as JSON",
            null="written by an earlier version, or before `gridlens migrate`",
        ),
        Field("tables_out", "string", "Rows written by table, as JSON"),
        Field("version", "string", "Version of gridlens"),
    ),
    ("run_id",),
)
INGEST_FILE = Table(
    "ingest_file",
    "ops",
    "Files that were loaded; a file is recognised by its content. Written last, when its batch stands whole.",
    (
        Field("_source", "string", "Source"),
        Field("_file_id", "string", "Fingerprint of the content"),
        Field("path", "string", "Path relative to the root"),
        Field("length", "bigint", "Size", unit="bytes"),
        Field("modified_us", "bigint", "Modification time since 1970, UTC", unit="µs"),
        Field("_batch_id", "string", "Batch that loaded the content"),
    ),
    ("_source", "_file_id", "path"),
)
ROW_DISPOSITION = Table(
    "row_disposition",
    "ops",
    "Source rows that arrived as a duplicate of a known row, or already superseded by a newer one. Sparse: all other rows that are not in quarantine were accepted.",
    (
        Field("_source", "string", "Source"),
        Field("_batch_id", "string", "Batch"),
        Field("_locator", "string", "Where the source row stands"),
        Field("disposition", "string", "How it was classified", allowed=("duplicate", "superseded")),
    ),
    ("_batch_id", "_locator"),
)
BATCH_ACCOUNT = Table(
    "batch_account",
    "ops",
    "The account of every batch: rows read = accepted + superseded + duplicate + quarantined, counted from the committed tables.",
    (
        Field("_source", "string", "Source"),
        Field("_batch_id", "string", "Batch"),
        Field("entity", "string", "Contract"),
        Field("file_count", "bigint", "Files in the batch"),
        Field("row_count", "bigint", "Source rows read"),
        Field("accepted", "bigint", "Rows that went to silver"),
        Field("superseded", "bigint", "Rows older than what was known already"),
        Field("duplicate", "bigint", "Rows that were known already"),
        Field("quarantined", "bigint", "Rows rejected; a matrix line only where all its readings are"),
        Field(
            "bad_cells",
            "bigint",
            "Unreadable optional cells in rows that were kept; of a matrix also the rejected readings of lines that were kept",
        ),
        Field("flagged", "bigint", "Rows with a broken rule of severity flag"),
        Field("rules_fingerprint", "string", "Rule set applied"),
        Field("source_fingerprint", "string", "Fingerprint of the source's definition that the rows were read with"),
    ),
    ("_batch_id",),
    checks={"adds_up": "row_count = accepted + superseded + duplicate + quarantined"},
)
QUALITY_METRIC = Table(
    "quality_metric",
    "ops",
    "Figures of data quality by run.",
    (
        Field("run_id", "string", "Run"),
        Field("subject", "string", "Table or source that the figure is about"),
        Field("metric", "string", "Name of the figure"),
        Field("value", "double", "Value", null="not defined, for example a share of nothing"),
    ),
    ("run_id", "subject", "metric"),
)
MIGRATION = Table(
    "migration",
    "ops",
    "Additive schema changes that were applied.",
    (
        Field("table_name", "string", "Table, with its layer"),
        Field("change", "string", "What was done"),
        Field("version", "string", "Version of gridlens that asked for it"),
        Field("applied_at", "timestamp", "When, UTC"),
    ),
    ("table_name", "change"),
)
OPS: dict[str, Table] = {t.name: t for t in (RUN_LOG, INGEST_FILE, ROW_DISPOSITION, BATCH_ACCOUNT, QUALITY_METRIC, MIGRATION)}
