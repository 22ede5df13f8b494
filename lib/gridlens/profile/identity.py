"""Which parties are one person or company: by document, by telephone where it tells, by stewards' decisions.

Numbers are compared by keyed hashes (HMAC-SHA-256, see :mod:`gridlens.pseudonyms`), because a plain hash of an identity or
telephone number can be found out by hashing them all. The hashes live inside the run and stand in no table.
Links say who is who; nothing is rewritten. So without the link everything is as it was before.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from gridlens.profile.components import components, computed
from gridlens.profile.contact_keys import document_key, phone_key
from gridlens.profile.decisions import Decisions
from gridlens.pseudonyms import pseudonymise

PHONE_PARTIES = 3
"""Most parties that one telephone number may tell to be the same: a customer whom two or three systems registered anew. A number
of more parties is a shop's, an agent's or a caretaker's; it would merge a whole staircase."""
DOCUMENT_PARTIES = 20
"""Most parties of one document number; a number of more is something that clerks type where there is none."""
PERSON_PARTIES = 20
"""Most parties that chains of telephone numbers may make one person."""
REFUSALS = {
    "document_of_many": f"document numbers of more than {DOCUMENT_PARTIES} parties",
    "phone_of_many": f"telephone numbers of more than {PHONE_PARTIES} parties of one kind",
    "phone_against_documents": "telephone numbers of parties whose documents differ",
    "person_too_large": f"persons of more than {PERSON_PARTIES} parties, not linked by telephone",
    "person_against_documents": "persons whose documents differ, not linked by telephone",
}


@dataclass(frozen=True)
class Resolution:
    """Who is who.

    Attributes:
        links: party_id, person_id, rule (one of IDENTITY_RULES) and parties, one row a party.
        refused: reason (one of REFUSALS) and count, of what was not believed.
    """

    links: DataFrame
    refused: DataFrame


def party_evidence(identity: DataFrame, accounts: DataFrame, key: SecretStr) -> DataFrame:
    """What tells a party, hashed: the newest numbers that stand at each of its accounts.

    Args:
        identity: customer_identity as known, one row for each account_id and valid_from, none that begins after as_of.
        accounts: account, likewise.
        key: of the hashes; they are compared with one another only, so a key made for this run does as well.

    Returns:
        party_id, party_kind, document, phone; the last two null where there is nothing to compare.
    """
    order = F.struct("valid_from", "known_from", "_content_hash")
    numbers = identity.groupBy("account_id", "party_id").agg(F.max_by(F.struct("document_number", "phone"), order).alias("n"))
    kinds = accounts.groupBy("account_id", "party_id").agg(F.max_by("party_kind", order).alias("party_kind"))
    told = numbers.join(kinds, on=["account_id", "party_id"], how="left").select(
        "party_id", "party_kind", document_key(F.col("n.document_number")).alias("document"), phone_key(F.col("n.phone")).alias("phone")
    )
    return pseudonymise(told.distinct(), key, columns=("document", "phone"))


def resolve(evidence: DataFrame, decisions: Decisions) -> Resolution:
    """Parties that are the same.

    Parties with one document number are; so are a few of one kind with one telephone number, unless their documents differ;
    so are those of whom a steward says so, and what these connect. Who is said to be different leaves with those that decisions
    make the same as him: no number ties them any more.

    Args:
        evidence: of :func:`party_evidence`.
        decisions: of stewards.
    """
    evidence = computed(evidence)
    first = _resolved(evidence, evidence, decisions)
    leaving = _leaving(first.links, decisions)
    if not leaving:
        return first
    return _resolved(evidence, evidence.where(~F.col("party_id").isin(sorted(leaving))), decisions)


def _leaving(links: DataFrame, decisions: Decisions) -> frozenset[str]:
    """The parties that must not be tied by numbers, because they are where a decision says they are not."""
    named = sorted({party for pair in decisions.different for party in pair})
    if not named:
        return frozenset()
    rows = links.where(F.col("party_id").isin(named)).select("party_id", "person_id").collect()  # as many as decisions name
    person = {row["party_id"]: row["person_id"] for row in rows}
    joined = [second for first, second in decisions.different if second in person and person.get(first) == person[second]]
    return frozenset().union(*[decisions.leaving(party) for party in joined])


def _resolved(everybody: DataFrame, evidence: DataFrame, decisions: Decisions) -> Resolution:
    """As :func:`resolve`, ``evidence`` being what may be used of ``everybody``'s."""
    parties = everybody.select("party_id").distinct()
    documents = computed(_documents(evidence))
    decided = _decided(parties, decisions)
    units = computed(_units(parties, documents, decided))
    phones = computed(_phones(evidence, units))
    people = computed(_people(units, phones))
    shares = documents.where("usable AND parties > 1").select("party_id").distinct().withColumn("by_document", F.lit(True))
    by_decision = decided.select(F.explode(F.array("a", "b")).alias("party_id")).distinct().withColumn("by_decision", F.lit(True))
    found = people.join(shares, on="party_id", how="left").join(by_decision, on="party_id", how="left")
    rule = (
        F.when(F.col("by_decision"), "decision")
        .when(F.col("by_document"), "document")
        .when(F.col("parties") > 1, "phone_and_kind")
        .otherwise("own")
    )
    return Resolution(computed(found.select("party_id", "person_id", rule.alias("rule"), "parties")), _refused(documents, phones, people))


def _documents(evidence: DataFrame) -> DataFrame:
    """party_id, document, how many parties have it, the smallest of them, and whether it tells anything."""
    of_document = Window.partitionBy("document")
    rows = evidence.select("party_id", "document").where("document IS NOT NULL").distinct()
    counted = rows.withColumns({"parties": F.count("*").over(of_document), "low": F.min("party_id").over(of_document)})
    return counted.withColumn("usable", F.col("parties") <= DOCUMENT_PARTIES)


def _decided(parties: DataFrame, decisions: Decisions) -> DataFrame:
    """The pairs that are the same by decision, where both are known."""
    pairs = parties.sparkSession.createDataFrame(list(decisions.same), "a string, b string")
    known_a, known_b = parties.select(F.col("party_id").alias("a")), parties.select(F.col("party_id").alias("b"))
    return pairs.join(known_a, on="a", how="left_semi").join(known_b, on="b", how="left_semi").select("a", "b")


def _units(parties: DataFrame, documents: DataFrame, decided: DataFrame) -> DataFrame:
    """party_id, unit (what documents and decisions make one) and whether the unit has a document."""
    edges = documents.where("usable AND parties > 1").select(F.col("party_id").alias("a"), F.col("low").alias("b")).unionByName(decided)
    found = components(edges).withColumnsRenamed({"node": "party_id", "component": "unit"})
    having = documents.where("usable").select("party_id").distinct().withColumn("has", F.lit(True))
    joined = parties.join(found, on="party_id", how="left").join(having, on="party_id", how="left")
    unit = joined.select("party_id", F.coalesce("unit", "party_id").alias("unit"), F.coalesce("has", F.lit(False)).alias("has"))
    return unit.withColumn("documented", F.max("has").over(Window.partitionBy("unit"))).drop("has")


def _phones(evidence: DataFrame, units: DataFrame) -> DataFrame:
    """unit, the smallest unit with the same number and kind, how many units and documented units share it; where it is shared."""
    rows = evidence.where("phone IS NOT NULL AND party_kind IS NOT NULL").select("party_id", "party_kind", "phone")
    having = rows.join(units, on="party_id", how="inner").select("phone", "party_kind", "unit", "documented").distinct()
    shared = Window.partitionBy("phone", "party_kind")
    counted = having.withColumns(
        {
            "low": F.min("unit").over(shared),
            "sharing": F.count("*").over(shared),
            "documents": F.count_if("documented").over(shared),
        }
    )
    return counted.where("sharing > 1").withColumn("usable", (F.col("sharing") <= PHONE_PARTIES) & (F.col("documents") <= 1))


def _people(units: DataFrame, phones: DataFrame) -> DataFrame:
    """party_id, person_id, parties of the person, and why telephones were not believed where they were not."""
    edges = phones.where("usable").select(F.col("unit").alias("a"), F.col("low").alias("b"))
    found = components(edges).withColumnsRenamed({"node": "unit", "component": "whole"})
    joined = units.join(found, on="unit", how="left").withColumn("whole", F.coalesce("whole", "unit"))
    of_whole = Window.partitionBy("whole")
    measured = joined.withColumns(
        {
            "size": F.count("*").over(of_whole),
            "linked": F.min("unit").over(of_whole) != F.max("unit").over(of_whole),
            "first": F.min(F.when(F.col("documented"), F.col("unit"))).over(of_whole),
            "last": F.max(F.when(F.col("documented"), F.col("unit"))).over(of_whole),
        }
    )
    why = F.when(F.col("linked") & (F.col("first") != F.col("last")), "person_against_documents").when(
        F.col("linked") & (F.col("size") > PERSON_PARTIES), "person_too_large"
    )
    chosen = measured.select(
        "party_id", why.alias("refused"), "whole", F.when(why.isNull(), F.col("whole")).otherwise(F.col("unit")).alias("person_id")
    )
    return chosen.withColumn("parties", F.count("*").over(Window.partitionBy("person_id")).cast("int"))


def _refused(documents: DataFrame, phones: DataFrame, people: DataFrame) -> DataFrame:
    many = documents.where("NOT usable").select(F.lit("document_of_many").alias("reason"), F.col("document").alias("what"))
    reason = F.when(F.col("sharing") > PHONE_PARTIES, "phone_of_many").otherwise("phone_against_documents")
    shared = phones.where("NOT usable").select(reason.alias("reason"), F.concat_ws(" ", "phone", "party_kind").alias("what"))
    persons = people.where("refused IS NOT NULL").select(F.col("refused").alias("reason"), F.col("whole").alias("what"))
    return many.unionByName(shared).unionByName(persons).groupBy("reason").agg(F.countDistinct("what").alias("count"))
