"""Membership by hand-made rows: three-valued expressions, suppressions in order and alone, consents, contacts, terms, overlap."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from audience_support import CONSENT, CONTACTED, GRADE_D, SMS, accounts, audience, library, suppression
from gridlens.audiences.facts import DAYS_SINCE_CONTACT, consent_column, consent_flags, last_contacts
from gridlens.audiences.membership import Removal, Tally, flagged, matched, members, tallies
from gridlens.audiences.overlap import Outside, Shared, outside_members, shared_members
from gridlens.audiences.terms import TermCount, term_counts, terms_of
from pyspark.sql import DataFrame, SparkSession


def asked(**fields: Any) -> dict[str, Any]:
    return {"suppressions": ["no_consent", "grade_d", "contacted"], "purpose": "marketing", "channel": "sms"} | fields


def test_each_suppression_is_counted_in_order_and_alone(spark: SparkSession, tmp_path: Path) -> None:
    found = library(tmp_path, [audience("late_ones", "late", **asked(org_units=["u1"]))])
    rows = accounts(
        spark,
        {"late": True, SMS: True, "grade": "A"},
        {"late": True, SMS: True, "grade": "A", "org_unit_id": "u2"},
        {"late": True, SMS: False, "grade": "D", DAYS_SINCE_CONTACT: 3},
        {"late": True, "grade": "A"},  # no consent ever given
        {"late": True, SMS: True, "grade": "D", DAYS_SINCE_CONTACT: 6},
        {"late": True, SMS: True},  # whether its grade is D is not known: not approached
        {"late": True, SMS: True, "grade": "A", DAYS_SINCE_CONTACT: 6},
        {"late": True, SMS: True, "grade": "A", DAYS_SINCE_CONTACT: 7},
        {"late": False, SMS: True, "grade": "D"},
        {SMS: True, "grade": "D"},  # late or not is not known: no member
    )
    chosen = [found.audience("late_ones")]
    matches = matched(rows, chosen, chosen)
    (tally,) = tallies(matches, chosen)
    removals = (Removal("no_consent", 2, 2), Removal("grade_d", 3, 2), Removal("contacted", 3, 1))
    assert tally == Tally("late_ones", 8, removals, 3, 1)
    assert tally.matched == sum(one.removed for one in tally.removals) + tally.size
    assert sorted(row["account_id"] for row in members(matches).collect()) == ["a01", "a02", "a08"]


def test_unknown_may_be_kept_but_never_where_a_tag_is_not_served(spark: SparkSession, tmp_path: Path) -> None:
    rule = suppression("grade_d", "expression", where="coalesce(grade = 'D', false)", unknown="keep")
    chosen = [library(tmp_path, [audience("everybody", "true", suppressions=["grade_d"])], [rule]).audience("everybody")]
    rows = accounts(spark, {"grade": "D"}, {"grade": "A"}, {})
    assert [tally.size for tally in tallies(matched(rows, chosen, chosen), chosen)] == [2]
    assert [tally.size for tally in tallies(matched(rows, chosen, chosen, unserved=["grade"]), chosen)] == [0]
    assert [tally.size for tally in tallies(matched(rows, chosen, chosen, unserved=["late"]), chosen)] == [2]


def test_several_audiences_in_one_pass_and_by_name(spark: SparkSession, tmp_path: Path) -> None:
    found = library(
        tmp_path,
        [
            audience("homes", "home", suppressions=["grade_d"]),
            audience("late_homes", "homes and late"),
            audience("not_homes", "not homes and kwh > 1"),
            audience("nobody", "late and not late"),
        ],
    )
    rows = accounts(
        spark,
        {"home": True, "late": True, "grade": "D", "kwh": 5.0},
        {"home": True, "grade": "A", "kwh": 5.0},
        {"home": False, "late": True, "kwh": 5.0},
        {"kwh": 5.0, "late": True},
    )
    matches = matched(rows, found.audiences, found.audiences)
    sizes = {tally.audience: (tally.matched, tally.size, tally.outside) for tally in tallies(matches, found.audiences)}
    # A named audience is its expression, without its suppressions; who is not known to be in it is not in it.
    assert sizes == {"homes": (2, 1, None), "late_homes": (1, 1, None), "not_homes": (2, 2, None), "nobody": (0, 0, None)}
    apart = [tallies(matched(rows, [one], found.with_inputs([one])), [one])[0] for one in found.audiences]
    assert {one.audience: (one.matched, one.size, one.outside) for one in apart} == sizes


def test_terms_tell_what_each_holds_for(spark: SparkSession, tmp_path: Path) -> None:
    found = library(tmp_path, [audience("homes", "home"), audience("x", "homes and (late or kwh > 3) and grade in ('A', 'B')")])
    rows = accounts(
        spark,
        {"home": True, "late": True, "grade": "A"},
        {"home": True, "late": False, "kwh": 4.0, "grade": "C"},
        {"home": True, "kwh": 1.0, "grade": "A"},
        {"late": True, "grade": "B"},
    )
    total, counts = term_counts(flagged(rows, [found.audience("homes")]), terms_of(found.audience("x"), found.types))
    assert total == 4
    assert [(one.holds, one.unknown, one.remaining) for one in counts] == [(3, 0, 3), (3, 1, 2), (3, 0, 1)]
    assert counts[0] == TermCount("homes", 3, 0, 3)


CONSENTS = [
    ("p1", "sms", "marketing", True),
    ("p1", "call", "marketing", False),
    ("p2", "sms", "marketing", True),
    ("p3", "sms", "marketing", False),
    ("p4", "sms", "analytics", True),
    ("p5", "sms", "marketing", True),
]


def test_consent_is_for_channel_and_purpose_and_a_persons_refusal_counts_everywhere(spark: SparkSession) -> None:
    rows = spark.createDataFrame(CONSENTS, "party_id string, channel string, purpose string, granted boolean").coalesce(1)
    links = spark.createDataFrame([("p2", "p2"), ("p3", "p2"), ("p5", "p5"), ("p6", "p5")], "party_id string, person_id string").coalesce(1)

    def consenting(which: DataFrame | None) -> set[str]:
        flags = consent_flags(rows, {("sms", "marketing"), ("call", "marketing")}, which).collect()
        assert not [row for row in flags if row[consent_column("call", "marketing")]]
        return {row["party_id"] for row in flags if row[SMS]}

    assert consenting(None) == {"p1", "p2", "p5"}
    assert consenting(links) == {"p1", "p5"}


def test_contacts_count_back_from_the_end_of_the_day(spark: SparkSession) -> None:
    until = dt.datetime(2026, 3, 31, 16, tzinfo=dt.UTC)

    def at(hours: float) -> dt.datetime:
        return until - dt.timedelta(hours=hours)

    interactions = [("a1", "message_sent", at(1)), ("a1", "message_sent", at(500)), ("a2", "login", at(1)), ("a3", "message_sent", at(24))]
    interactions += [("a4", "message_sent", at(-1))]  # after the day
    receipts = [("a2", "delivered", at(167.9)), ("a5", "failed", at(2)), ("a3", "opened", at(49)), ("a4", "unsubscribed", at(168))]
    rows = last_contacts(
        spark.createDataFrame(interactions, "account_id string, kind string, occurred_at timestamp").coalesce(1),
        spark.createDataFrame(receipts, "account_id string, status string, occurred_at timestamp").coalesce(1),
        until=until,
    )
    assert {row["account_id"]: row[DAYS_SINCE_CONTACT] for row in rows.collect()} == {"a1": 0, "a2": 6, "a3": 1, "a4": 7}


def test_overlap_and_territory_hide_small_groups(spark: SparkSession, tmp_path: Path) -> None:
    found = library(tmp_path, [audience("a", "late", org_units=["u1", "u2"]), audience("b", "home", areas=["n1"]), audience("c", "late")])
    people = [("u1", 40, "ab"), ("u2", 3, "ab"), ("u3", 20, "ab"), ("u3", 9, "bc"), ("u1", 30, "c"), ("u4", 25, "a")]
    rows = [
        (name, f"{unit}-{number}-{audiences}", unit, "n2" if unit == "u3" else "n1")
        for unit, count, audiences in people
        for number in range(count)
        for name in audiences
    ]
    frame = spark.createDataFrame(rows, "audience string, account_id string, org_unit_id string, area_id string").coalesce(1)
    assert shared_members(frame, limit=15) == [
        Shared("a", "b", "all", 63),
        Shared("a", "b", "u1", 40),
        Shared("a", "b", "others", 23),
        Shared("b", "c", "all", "<15"),
    ]
    assert outside_members(frame, found.audiences, limit=15) == [
        Outside("a", "all", 45),
        Outside("a", "u3/n2", 20),
        Outside("a", "u4/n1", 25),
        Outside("b", "all", 29),
        Outside("b", "u3/n2", 29),
    ]
    assert [row.accounts for row in shared_members(frame, limit=0)] == [63, 40, 3, 20, 9, 9]


@pytest.mark.parametrize("definition", [CONSENT, GRADE_D, CONTACTED], ids=lambda one: one["kind"])
def test_one_suppression_alone(spark: SparkSession, tmp_path: Path, definition: dict[str, Any]) -> None:
    chosen = [library(tmp_path, [audience("x", "true", **asked(suppressions=[definition["id"]]))]).audience("x")]
    rows = accounts(spark, {SMS: True, "grade": "A"}, {SMS: False, "grade": "D", DAYS_SINCE_CONTACT: 0})
    assert [row["account_id"] for row in members(matched(rows, chosen, chosen)).collect()] == ["a01"]
