"""Who is who, on parties made by hand and on random ones against a plain-Python resolution."""

from __future__ import annotations

from itertools import combinations

from gridlens.profile.decisions import Decisions
from gridlens.profile.identity import DOCUMENT_PARTIES, PERSON_PARTIES, PHONE_PARTIES, party_evidence, resolve
from gridlens.profile.links import person_consents
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from identity_support import union_find
from pydantic import SecretStr
from pyspark.sql import SparkSession

Evidence = list[tuple[str, str | None, str | None, str | None]]
SCHEMA = "party_id string, party_kind string, document string, phone string"
NONE = Decisions()
KEY = SecretStr("a key of more than sixteen characters")


def resolved(spark: SparkSession, evidence: Evidence, decisions: Decisions = NONE) -> tuple[dict[str, tuple[str, str]], dict[str, int]]:
    """(person, rule) of each party, and what was refused."""
    found = resolve(spark.createDataFrame(evidence, SCHEMA), decisions)
    links = {row["party_id"]: (row["person_id"], row["rule"], row["parties"]) for row in found.links.collect()}
    refused = {row["reason"]: row["count"] for row in found.refused.collect()}
    sizes = [person for person, _, _ in links.values()]
    assert {party: size for party, (_, _, size) in links.items()} == {party: sizes.count(links[party][0]) for party in links}
    return {party: (person, rule) for party, (person, rule, _) in links.items()}, refused


def person(kind: str, prefix: str, count: int, document: str | None, phone: str | None) -> Evidence:
    return [(f"{prefix}{i:02d}", kind, document, phone) for i in range(count)]


def test_each_rule(spark: SparkSession) -> None:
    links, refused = resolved(
        spark,
        [
            ("D1", "person", "doc", "p1"),
            ("D2", "person", "doc", None),  # the same document
            ("D2", "person", "doc", "p2"),  # whose second account says another telephone
            ("D3", "person", None, "p2"),  # that only a telephone tells
            ("C1", "company", "uscc", None),
            ("C2", "company", "uscc", None),
            ("F1", "person", "wife", "home"),  # a family: one telephone, documents of their own
            ("F2", "person", "husband", "home"),
            ("K1", "person", None, "shop"),  # a shopkeeper and her shop are two customers
            ("K2", "company", None, "shop"),
            *person("person", "A", PHONE_PARTIES + 1, None, "agent"),
            *person("person", "B", PHONE_PARTIES, None, "sister"),
            *person("person", "N", DOCUMENT_PARTIES + 1, "not at hand", None),
        ],
    )
    assert {party: links[party] for party in ("D1", "D2", "D3", "C1", "C2", "B00", "B02")} == {
        "D1": ("D1", "document"),
        "D2": ("D1", "document"),
        "D3": ("D1", "phone_and_kind"),
        "C1": ("C1", "document"),
        "C2": ("C1", "document"),
        "B00": ("B00", "phone_and_kind"),
        "B02": ("B00", "phone_and_kind"),
    }
    alone = [party for party in links if party[0] in "FKAN"]
    assert {party: links[party] for party in alone} == {party: (party, "own") for party in alone}
    assert refused == {"phone_against_documents": 1, "phone_of_many": 1, "document_of_many": 1}


def test_chains_of_telephones_do_not_swallow_the_town(spark: SparkSession) -> None:
    long, short = PERSON_PARTIES + 1, 4
    chain = [(f"L{i:02d}", "person", None, f"l{j}") for i in range(long) for j in (i, i + 1)]
    chain += [(f"S{i}", "person", None, f"s{j}") for i in range(short) for j in (i, i + 1)]
    chain += [("T0", "person", "one", "t0"), ("T1", "person", None, "t0"), ("T1", "person", None, "t1"), ("T2", "person", "two", "t1")]
    links, refused = resolved(spark, chain)
    assert {links[f"L{i:02d}"][1] for i in range(long)} == {"own"}
    assert {links[f"S{i}"][0] for i in range(short)} == {"S0"}
    assert {links[party] for party in ("T0", "T1", "T2")} == {("T0", "own"), ("T1", "own"), ("T2", "own")}
    assert refused == {"person_too_large": 1, "person_against_documents": 1}


def test_decisions_join_and_part_and_can_be_taken_back(spark: SparkSession) -> None:
    evidence: Evidence = [("A", "person", "x", None), ("B", "person", "x", None), ("C", "person", "x", None), ("D", "person", None, None)]
    before, _ = resolved(spark, evidence)
    assert {party: before[party][0] for party in before} == {"A": "A", "B": "A", "C": "A", "D": "D"}
    joined, _ = resolved(spark, evidence, Decisions(same=(("C", "D"), ("D", "unknown"))))
    assert joined == {"A": ("A", "document"), "B": ("A", "document"), "C": ("A", "decision"), "D": ("A", "decision")}
    parted, _ = resolved(spark, evidence, Decisions(same=(("C", "D"),), different=(("A", "C"), ("A", "unknown"))))
    assert parted == {"A": ("A", "document"), "B": ("A", "document"), "C": ("C", "decision"), "D": ("C", "decision")}
    assert resolved(spark, evidence)[0] == before


def test_the_strictest_consent_of_a_person_holds_and_each_party_keeps_its_own(spark: SparkSession) -> None:
    said = [
        ("A", "sms", "marketing", True),
        ("B", "sms", "marketing", False),
        ("A", "app", "marketing", True),
        ("C", "sms", "marketing", True),
    ]
    consents = spark.createDataFrame(said, "party_id string, channel string, purpose string, granted boolean")

    def of(links: list[tuple[str, str]]) -> set[tuple[str, str, bool, int]]:
        rows = person_consents(consents, spark.createDataFrame(links, "party_id string, person_id string")).collect()
        return {(row["person_id"], row["channel"], row["granted"], row["parties"]) for row in rows}

    assert of([("A", "A"), ("B", "A"), ("C", "C")]) == {("A", "sms", False, 2), ("A", "app", True, 1), ("C", "sms", True, 1)}
    unmerged = {("A", "sms", True, 1), ("B", "sms", False, 1), ("A", "app", True, 1), ("C", "sms", True, 1)}
    assert of([("A", "A"), ("B", "B"), ("C", "C")]) == of([]) == unmerged


def test_evidence_is_hashed_and_of_the_newest_version(spark: SparkSession) -> None:
    identity = spark.sql(
        """SELECT * FROM VALUES ('1', 'A', '9111 0000 X', '10011112222', '2025-01-01', '2025-01-02', 1),
        ('1', 'A', '9111 0000 X', '10033334444', '2026-01-01', '2026-01-02', 2),
        ('2', 'B', '91110000x', '86 10033334444', '2025-01-01', '2025-01-02', 3), ('3', 'C', '0', null, '2025-01-01', '2025-01-02', 4)
        AS t(account_id, party_id, document_number, phone, valid_from, known_from, _content_hash)"""
    )
    kinds = identity.selectExpr("account_id", "party_id", "'company' AS party_kind", "valid_from", "known_from", "_content_hash")
    rows = {row["party_id"]: row for row in party_evidence(identity, kinds, KEY).collect()}
    assert rows["A"]["document"] == rows["B"]["document"] != rows["A"]["phone"] == rows["B"]["phone"]
    assert (rows["C"]["document"], rows["C"]["phone"], rows["C"]["party_kind"]) == (None, None, "company")
    assert "9111" not in str(rows)
    assert "1003" not in rows["A"]["phone"]


def by_hand(evidence: Evidence) -> dict[str, str]:
    """The rules without decisions, in plain Python."""

    def sharing(position: int) -> dict[tuple[str, ...], set[str]]:
        found: dict[tuple[str, ...], set[str]] = {}
        for row in evidence:
            if row[position] is not None:
                key = (str(row[position]),) if position == 2 else (str(row[3]), str(row[1]))
                found.setdefault(key, set()).add(row[0])
        return found

    parties = {row[0] for row in evidence}
    pairs = [(party, party) for party in parties]
    for group in sharing(2).values():
        pairs += combinations(sorted(group), 2)
    unit = union_find(pairs)
    documented = {unit[row[0]] for row in evidence if row[2] is not None}
    edges = [(one, one) for one in set(unit.values())]
    for group in sharing(3).values():
        units = {unit[party] for party in group}
        if len(units) <= PHONE_PARTIES and len(units & documented) <= 1:
            edges += combinations(sorted(units), 2)
    whole = union_find(edges)
    result = {}
    for party in parties:
        mates = {one for one in set(unit.values()) if whole[one] == whole[unit[party]]}
        size = sum(unit[other] in mates for other in parties)
        believed = len(mates) == 1 or (len(mates & documented) <= 1 and size <= PERSON_PARTIES)
        result[party] = whole[unit[party]] if believed else unit[party]
    return result


ROW = st.tuples(
    st.integers(0, 30).map(lambda n: f"P{n:02d}"),
    st.just("person"),
    st.one_of(st.none(), st.sampled_from([f"d{n}" for n in range(12)])),
    st.one_of(st.none(), st.sampled_from([f"t{n}" for n in range(16)])),
)


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(evidence=st.lists(ROW, min_size=20, max_size=60))
def test_random_parties(spark: SparkSession, evidence: Evidence) -> None:
    assert {party: who for party, (who, _) in resolved(spark, evidence)[0].items()} == by_hand(evidence)
