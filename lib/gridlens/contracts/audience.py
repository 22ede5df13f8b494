"""Audiences: who is in one at a moment, and how its size came about."""

from __future__ import annotations

from gridlens.contracts import codes
from gridlens.contracts.account_feature import AS_OF, KNOWN_AT
from gridlens.contracts.entities import ACCOUNT
from gridlens.tables import Field, Table

_AUDIENCE = Field("audience", "string", "Audience (客群), an id of conf/audiences")

AUDIENCE = Table(
    "audience_v1",
    "gold",
    "Members of audiences (客群) as of a day, suppressed accounts left out; who is responsible for each comes along.",
    (
        _AUDIENCE,
        AS_OF,
        KNOWN_AT,
        ACCOUNT,
        Field("party_id", "string", "Person or company that holds the account"),
        Field("org_unit_id", "string", "Who is responsible for the account"),
        Field("area_id", "string", "Area of supply"),
    ),
    ("audience", "as_of", "known_at", "account_id"),
    partition_by=("audience",),
    sort_by=("account_id",),
)

AUDIENCE_SNAPSHOT = Table(
    "audience_snapshot_v1",
    "gold",
    "One row per audience and moment, written after its members: from which definition, how many matched, what each suppression removed.",
    (
        _AUDIENCE,
        AS_OF,
        KNOWN_AT,
        Field("name_zh", "string", "Name in Chinese"),
        Field("name_en", "string", "Name in English"),
        Field("owner", "string", "Team that works the audience"),
        Field("purpose", "string", "Purpose for which consent was asked", allowed=codes.CONSENT_PURPOSES, null="no suppression needs it"),
        Field("channel", "string", "Channel for which consent was asked", allowed=codes.CONSENT_CHANNELS, null="no suppression needs it"),
        Field("version", "int", "Version of the definition"),
        Field(
            "definition", "string", "Fingerprint of the definition, of the audiences it reads and of its suppressions: first 16 hex digits"
        ),
        Field("expression", "string", "Expression as defined"),
        Field("facts", "string", "Fingerprint of the runs that wrote what was read: first 16 hex digits"),
        Field("accounts", "bigint", "Accounts looked at"),
        Field("matched", "bigint", "Accounts for which the expression is true"),
        Field(
            "removals",
            "array<struct<suppression:string,alone:bigint,removed:bigint>>",
            "Suppressions in the order applied: matched accounts that each holds for, and those that it removed because none before it did",
        ),
        Field("size", "bigint", "Members: matched less all that was removed"),
        Field("outside", "bigint", "Members outside the organisation units and areas that the definition names", null="it names none"),
        Field("expired", "array<string>", "Tags read whose value was past its time to live, and counted as unknown"),
        Field("never_computed", "array<string>", "Tags and segments read that no run had computed by the moment; they counted as unknown"),
    ),
    ("audience", "as_of", "known_at"),
    sort_by=("audience",),
    checks={"size": "size <= matched AND matched <= accounts"},
)
