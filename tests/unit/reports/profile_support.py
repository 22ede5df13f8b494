"""Pictures of customers made by hand: one of whom much is known, and one of whom nothing is."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

from gridlens.pipelines.profile import FIGURES
from gridlens.profile.dealings import Bill, Bought, Contact, Edge, Event, Other, Others, Paid
from gridlens.profile.picture import Identity, Peer, Point, Profile, Segment, TagGroup, Tags, TagShown, TypicalDay, Year

AS_OF = dt.date(2026, 3, 31)
BASE = {
    "party_id": "PY1",
    "party_kind": "person",
    "category": "residential",
    "industry_code": None,
    "billing_kind": "postpaid",
    "autopay": True,
    "opened_on": dt.date(2020, 5, 4),
    "closed_on": None,
    "area_id": "AR01",
    "org_unit_id": "OU001",
}
NUMBERS = {"bills_due_365d": 12, "late_bills_365d": 1, "complaints_365d": 1, "contacts_365d": 2, "days_outstanding": 11}
FLOATS = {"energy_kwh_365d": 4321.0, "arrears_amount": 80.5, "bill_amount_365d": 2400.0, "energy_kwh_365d_percentile": 0.42}


def bill(month: int, *, state: str = "settled", amount: str = "100.00", late: int = 0) -> Bill:
    end = dt.date(2026, month, 28)
    settled = None if state in ("open", "overdue") else end + dt.timedelta(days=late)
    return Bill(f"B{month}", end.replace(day=1), end, end, end, Decimal(200), Decimal(amount), Decimal(0), settled, state, late)


def nothing_known() -> Profile:
    """An account that was opened and no more."""
    missing = {
        "figures": "run features",
        "tags": "run tags",
        "trajectory": "run trajectory",
        "graph": "run graph",
        "readings": "run ingest",
    }
    return Profile(
        account="1001",
        as_of=AS_OF,
        known_at=dt.datetime(2026, 4, 1, 16, tzinfo=dt.UTC),
        currency="CNY",
        base=BASE,
        identity=None,
        points=(),
        figures={},
        tags=None,
        segments=(),
        typical_day=None,
        year=None,
        bills=(),
        payments=(),
        contacts=(),
        purchases=(),
        events=(),
        edges=(),
        neighbours=None,
        same_person=Others(0, ()),
        peers=(),
        names={},
        missing=missing,
    )


def much_known(**changes: Any) -> Profile:
    """A household with everything that a page can show."""
    figures: dict[str, Any] = dict.fromkeys(FIGURES) | NUMBERS | FLOATS | {"has_pv": True, "peer_count": 30, "peer_group": "residential"}
    tag = TagShown("late_payer", "逾期户", "Late payer", None, None, None, "Pays late", "late > 1", AS_OF, False)
    level = TagShown("level", "用电水平", "Level", "high", "高", "high", "How much", "kwh", dt.date(2025, 1, 1), True)
    other = Other("1002", "commercial", True, 50_000.0, 30_000.0, 12.0, False)
    whole = replace(
        nothing_known(),
        identity=Identity("张*", "100****1234", "样例市第1区0001路***", "**** 1234", "1960s"),
        points=(Point("P1", "M1", "T1", "F1", "0.22kV", 8.0, "tou", True),),
        figures=figures,
        tags=Tags(AS_OF, 10, 2, (TagGroup("payment_credit", "缴费与信用", "Payment", (tag, level)),)),
        segments=(Segment("behaviour", "behaviour-03", "夜间用电", "night-heavy", 0.6),),
        typical_day=TypicalDay((1.0,) * 95 + (None,), (0.5,) * 96, (0.1,) * 96, 60, 30, AS_OF, ("valley",) * 32 + ("peak",) * 64),
        year=Year(dt.date(2025, 4, 1), (None, *range(364)), ((),) * 363 + ((1.0,) * 24, (2.0,) * 24), ("working",) * 364 + ("holiday",), 3),
        bills=(bill(1, state="late", late=5), bill(2, state="overdue", amount="80.50", late=11), bill(3, state="open")),
        payments=(Paid(AS_OF, Decimal("-20.00"), "alipay", False), Paid(AS_OF, Decimal("50.00"), "wechat", True)),
        contacts=(Contact(AS_OF, "complaint", "app", False, 2),),
        purchases=(Bought(AS_OF, "D1", "家用充电桩", "Charger", "ev_charging", None, Decimal(2900), "app"),),
        events=(
            Event(AS_OF, "late_payment", "app", None, Decimal("60.00"), 1),
            Event(AS_OF, "view", "app", "D1", None, 3),
            Event(AS_OF, "search", "app", "tariff", None, 1),
        ),
        edges=(Edge("supplied_at", "metering_point", "P1", AS_OF, None, 1.0),),
        neighbours=Others(40, (other,)),
        same_person=Others(1, (other,)),
        peers=(Peer("energy_kwh_365d", 4321.0, "kWh", 0.42), Peer("load_factor", None, "", None)),
        names={"D1": "家用充电桩"},
        missing={},
    )
    return replace(whole, **changes)
