"""Small audience libraries for the tests: a definition with every field filled in, of which a test states what matters to it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import yaml
from gridlens.audiences.facts import DAYS_SINCE_CONTACT, consent_column
from gridlens.audiences.library import AudienceLibrary, load_audiences
from pyspark.sql import DataFrame, SparkSession

COLUMNS = {
    "account_id": "string",
    "party_id": "string",
    "org_unit_id": "string",
    "area_id": "string",
    "as_of": "date",
    "opened_on": "date",
    "kwh": "double",
    "late": "boolean",
    "home": "boolean",
    "grade": "string",
}
SCHEMA = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())


AS_OF = dt.date(2026, 3, 31)
SMS = consent_column("sms", "marketing")


def accounts(spark: SparkSession, *rows: dict[str, Any]) -> DataFrame:
    """Wide rows; a01, a02, … of parties p01, p02, …, all else null where a row does not say."""
    filled = []
    for number, row in enumerate(rows, 1):
        given = {"account_id": f"a{number:02}", "party_id": f"p{number:02}", "org_unit_id": "u1", "area_id": "n1", "as_of": AS_OF} | row
        filled.append(given)
    columns = [*[part.split()[0] for part in SCHEMA.split(", ")], SMS, DAYS_SINCE_CONTACT]
    schema = f"{SCHEMA}, {SMS} boolean, {DAYS_SINCE_CONTACT} int"
    return spark.createDataFrame([tuple(row.get(name) for name in columns) for row in filled], schema).coalesce(1)


def audience(identity: str, where: str, **fields: Any) -> dict[str, Any]:
    """A definition; ``fields`` replace or add to the fields that every audience has."""
    common = {
        "id": identity,
        "name_zh": f"客群 {identity}",
        "name_en": f"Audience {identity}",
        "owner": "marketing",
        "where": where,
        "version": 1,
        "reason": "What the test is about, in a sentence",
    }
    return common | fields


def suppression(identity: str, kind: str, **fields: Any) -> dict[str, Any]:
    """A definition of a suppression."""
    return {
        "id": identity,
        "name_zh": f"抑制 {identity}",
        "name_en": f"Suppression {identity}",
        "kind": kind,
        "reason": "What the test is about, in a sentence",
    } | fields


CONSENT = suppression("no_consent", "consent")
GRADE_D = suppression("grade_d", "expression", where="grade = 'D'")
CONTACTED = suppression("contacted", "contact", days=7)
SUPPRESSIONS = [CONSENT, GRADE_D, CONTACTED]


def write(folder: Path, definitions: list[dict[str, Any]], suppressions: list[dict[str, Any]] | None = None) -> tuple[Path, Path]:
    """The two files."""
    files = folder / "audiences.yml", folder / "suppressions.yml"
    contents = {"audiences": definitions}, {"suppressions": SUPPRESSIONS if suppressions is None else suppressions}
    for file, content in zip(files, contents, strict=True):
        file.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return files


def library(folder: Path, definitions: list[dict[str, Any]], suppressions: list[dict[str, Any]] | None = None) -> AudienceLibrary:
    """The definitions written to ``folder`` and loaded."""
    audiences, rules = write(folder, definitions, suppressions)
    return load_audiences([audiences], [rules], COLUMNS)
