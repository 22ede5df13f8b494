"""The behaviour graph: who is who, and what is connected with what, since when and how strongly."""

from __future__ import annotations

from gridlens.contracts.account_feature import AS_OF, KNOWN_AT
from gridlens.contracts.entities import PARTY
from gridlens.tables import Field, Table

NODE_TYPES = ("person", "account", "meter", "metering_point", "transformer", "feeder", "area", "product", "ticket", "campaign")
EDGE_TYPES = {
    "holds": "person holds account",
    "supplied_at": "account is supplied at metering_point",
    "measured_by": "metering_point is measured by meter",
    "fed_by": "metering_point is fed by transformer, or by feeder where there is none",
    "part_of": "transformer is part of feeder, feeder of area",
    "located_in": "account is located in area",
    "bought": "account bought product",
    "interested_in": "account looked at product",
    "contacted_about": "account opened ticket",
    "reached_by": "account was reached by campaign",
    "behaves_like": "account behaves like account, one of its nearest among the open accounts",
}
IDENTITY_RULES = {
    "own": "the party alone",
    "document": "same document number, told by its keyed hash",
    "phone_and_kind": "same telephone and same kind of party, where few parties share the number",
    "decision": "a steward's decision",
}

IDENTITY_LINK = Table(
    "identity_link_v1",
    "gold",
    "Which person or company a party is: parties that are the same have one person_id. Nothing is rewritten: events keep their account, consents their party.",
    (
        PARTY,
        AS_OF,
        KNOWN_AT,
        Field("person_id", "string", "Person or company: the smallest party_id of those that are the same"),
        Field("rule", "string", "Strongest rule that links the party with another", allowed=tuple(IDENTITY_RULES)),
        Field("parties", "int", "Parties of the person, this one included"),
        Field("accounts", "int", "Open accounts of the person on as_of"),
    ),
    ("party_id", "as_of", "known_at"),
    partition_by=("as_of",),
    sort_by=("person_id",),
)
PROFILE_EDGE = Table(
    "profile_edge_v1",
    "gold",
    "Edges of the behaviour graph, as known at one moment: typed, timed, weighted.",
    (
        Field("from_type", "string", "Kind of the node at the beginning", allowed=NODE_TYPES),
        Field("from_id", "string", "Node at the beginning"),
        Field("edge_type", "string", "What connects them", allowed=tuple(EDGE_TYPES)),
        Field("to_type", "string", "Kind of the node at the end", allowed=NODE_TYPES),
        Field("to_id", "string", "Node at the end"),
        AS_OF,
        KNOWN_AT,
        Field(
            "valid_from",
            "date",
            "First local day of the connection: of a version, of the first purchase, look, message; of behaves_like as_of itself",
        ),
        Field(
            "valid_to",
            "date",
            "Last local day of the connection: the day before another took its place, the day an account or ticket was closed, "
            "a last subscription ended, of the last look or message",
            null="it still stands on as_of",
        ),
        Field(
            "weight",
            "double",
            "Strength: number of purchases, looks or messages; of behaves_like 1 / (1 + distance); 1 for connections that are or are not",
        ),
        Field("last_seen", "date", "Last local day up to as_of on which something said so"),
    ),
    ("from_type", "from_id", "edge_type", "to_type", "to_id", "valid_from", "as_of", "known_at"),
    partition_by=("as_of",),
    sort_by=("from_type", "from_id"),
    checks={"timed": "valid_to IS NULL OR valid_to >= valid_from"},
)
