"""From rows as read to the records of the picture; identities are masked here, before anything else sees them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from gridlens.masking import decade, mask_address, mask_document, mask_name, mask_phone
from gridlens.profile.dealings import Bought, Edge, Event, Other, Others
from gridlens.profile.picture import Identity, Point, Segment

Row = Mapping[str, Any]
Spans = Mapping[str, Sequence[tuple[dt.date, dt.date | None, float]]]


def identity(row: Row | None, *, company: bool) -> Identity | None:
    """A row of customer_identity, masked."""
    if row is None:
        return None
    return Identity(
        name=mask_name(row["name"], company=company),
        phone=mask_phone(row["phone"]),
        address=mask_address(row["address"]),
        document=mask_document(row["document_number"]),
        born=decade(row["birth_year"]),
    )


def current_points(versions: Sequence[Row], account: str) -> tuple[Point, ...]:
    """The points whose newest version is the account's, those of most capacity first.

    Args:
        versions: rows of metering_point as known, each of another (metering_point_id, valid_from).
        account: the account.
    """
    newest: dict[str, Row] = {}
    for row in sorted(versions, key=lambda row: row["valid_from"]):
        newest[row["metering_point_id"]] = row
    own = [Point(**{name: row[name] for name in Point.__dataclass_fields__}) for row in newest.values() if row["account_id"] == account]
    return tuple(sorted(own, key=lambda point: (-(point.contract_capacity_kva or 0), point.metering_point_id)))


def holdings(versions: Sequence[Row], account: str) -> Spans:
    """Of each metering point that the account holds or held: (first day, day after the last or None, multiplier) in order.

    The points that it holds now come first, those of most capacity at the head.
    """
    spans: dict[str, list[tuple[dt.date, dt.date | None, float]]] = {}
    ordered = sorted(versions, key=lambda row: (row["metering_point_id"], row["valid_from"]))
    for row, after in zip_longest(ordered, ordered[1:]):
        if row["account_id"] == account:
            same = after is not None and after["metering_point_id"] == row["metering_point_id"]
            spans.setdefault(row["metering_point_id"], []).append(
                (row["valid_from"], after["valid_from"] if same else None, row["multiplier"])
            )
    now = [point.metering_point_id for point in current_points(versions, account)]
    return {point: spans[point] for point in [*now, *sorted(spans.keys() - set(now))]}


def bought(row: Row, products: Mapping[str, Row], as_of: dt.date) -> Bought:
    """A purchase with what the catalogue says about its product; what ends after ``as_of`` has not ended."""
    ended = row["ended_on"] if row["ended_on"] is not None and row["ended_on"] <= as_of else None
    product = products.get(row["product_id"], {})
    names = product.get("name_zh"), product.get("name_en"), product.get("category")
    return Bought(row["purchased_on"], row["product_id"], *names, ended, row["amount"], row["channel"])


def folded_events(rows: Sequence[Row]) -> tuple[Event, ...]:
    """Like events of one day as one, their amounts summed; in the order of the first of each."""
    counted: dict[tuple[dt.date, str, str | None, str | None], list[Decimal | None]] = {}
    for row in rows:
        counted.setdefault((row["local_date"], row["event_type"], row["channel"], row["object"]), []).append(row["amount"])
    return tuple(Event(on, kind, channel, about, _sum(amounts), len(amounts)) for (on, kind, channel, about), amounts in counted.items())


def _sum(amounts: Sequence[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


def segment(row: Row) -> Segment:
    """A segment with its names."""
    return Segment(row["segmentation"], row["segment_id"], row["name_zh"], row["name_en"], row["confidence"])


def edge(row: Row) -> Edge:
    """An edge that begins at the account."""
    return Edge(row["edge_type"], row["to_type"], row["to_id"], row["valid_from"], row["valid_to"], row["weight"])


def others(count: int, rows: Sequence[Row]) -> Others:
    """Accounts beside this one."""
    return Others(count, tuple(Other(**{name: row[name] for name in Other.__dataclass_fields__}) for row in rows))
