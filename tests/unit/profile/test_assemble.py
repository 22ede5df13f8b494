"""Rows become records: whose point it is and since when, and like events of a day."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from gridlens.profile.assemble import bought, current_points, folded_events, holdings, identity


def day(n: int) -> dt.date:
    return dt.date(2026, 1, n)


def version(point: str, on: int, account: str, *, capacity: float | None = 8.0, factor: float = 1.0) -> dict[str, Any]:
    rest = dict.fromkeys(("meter_id", "transformer_id", "feeder_id", "voltage_level", "tariff_id", "has_pv"))
    key = {"metering_point_id": point, "valid_from": day(on), "account_id": account}
    return {**rest, **key, "contract_capacity_kva": capacity, "multiplier": factor}


def test_a_point_is_held_from_version_to_version_and_may_come_back() -> None:
    versions = [version("p", 9, "a"), version("p", 1, "a"), version("p", 3, "a", factor=20.0), version("p", 5, "b"), version("q", 2, "b")]
    assert holdings(versions, "a") == {"p": [(day(1), day(3), 1.0), (day(3), day(5), 20.0), (day(9), None, 1.0)]}
    assert holdings(versions, "c") == {}


def test_points_held_now_come_first_the_largest_at_the_head() -> None:
    versions = [
        version("gone", 1, "a"),
        version("gone", 5, "b"),
        version("small", 1, "a", capacity=None),
        version("large", 1, "a", capacity=50.0),
    ]
    assert list(holdings(versions, "a")) == ["large", "small", "gone"]
    assert [point.metering_point_id for point in current_points(versions, "a")] == ["large", "small"]


def test_like_events_of_a_day_are_one() -> None:
    def event(on: int, kind: str, amount: Decimal | None = None) -> dict[str, Any]:
        return {"local_date": day(on), "event_type": kind, "channel": "app", "object": None, "amount": amount}

    folded = folded_events(
        [event(3, "payment", Decimal(5)), event(3, "view"), event(3, "payment", Decimal(2)), event(2, "view"), event(3, "view")]
    )
    assert [(e.on, e.kind, e.times, e.amount) for e in folded] == [
        (day(3), "payment", 2, Decimal(7)),
        (day(3), "view", 2, None),
        (day(2), "view", 1, None),
    ]


def test_a_product_that_the_catalogue_does_not_have_keeps_its_id() -> None:
    row = {"purchased_on": day(1), "product_id": "D9", "ended_on": day(8), "amount": Decimal(1), "channel": "app"}
    assert (bought(row, {}, day(7)).zh, bought(row, {}, day(7)).ended_on, bought(row, {}, day(8)).ended_on) == (None, None, day(8))


def test_an_identity_never_leaves_unmasked() -> None:
    row = {
        "name": "张三丰",
        "phone": "10012345678",
        "address": "样例市第1区0001路12号",
        "document_number": "000000196501011234",
        "birth_year": 1965,
    }
    shown = identity(row, company=False)
    assert shown is not None
    assert not {str(value) for value in row.values()} & set(vars(shown).values())
    assert identity(None, company=False) is None
