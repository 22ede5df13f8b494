"""A small warehouse for the tests of audiences: forty accounts, two tags, consents, messages, and definitions of its own."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from delta_writer import put
from gridlens.conffiles import packaged
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.silver import SILVER
from gridlens.contracts.tag import TAG_CATALOGUE, tag_current_table
from gridlens.pipelines.declared import tag_library
from gridlens.settings import Settings

AS_OF, KNOWN_AT = dt.date(2026, 3, 31), dt.datetime(2026, 4, 1, 16, tzinfo=dt.UTC)
EARLIER, KNOWN_EARLIER = dt.date(2026, 3, 28), dt.datetime(2026, 3, 29, 16, tzinfo=dt.UTC)
ACCOUNTS = 40

AUDIENCES = """
audiences:
  - id: debtors
    name_zh: 欠费客户
    name_en: Debtors
    owner: collection
    org_units: [U1]
    where: in_arrears and energy_kwh_90d >= 10
    purpose: collection
    channel: sms
    suppressions: [no_consent, open_complaint, recently_contacted]
    version: 1
    reason: Everybody of the test who owes something
  - id: big_debtors
    name_zh: 欠费大户
    name_en: Big debtors
    owner: key_accounts
    where: debtors and energy_kwh_90d >= 20
    version: 1
    reason: Of the debtors those that use much
  - id: large_homes
    name_zh: 大住宅
    name_en: Large homes
    owner: marketing
    where: energy_kwh_90d >= 5 and days_since(opened_on) > 30
    version: 1
    reason: Features alone, so that no tag can expire
"""


TAG = """
  - id: {id}
    name_zh: 标签
    name_en: Tag
    category: payment_credit
    kind: rule
    expression: {expression}
    inputs: [{input}]
    owner: collection
    version: 1
    ttl_days: 3
    sensitivity: internal
    refresh: daily
    reason: What the tests of audiences read
    description: What the tests of audiences read
"""
TAGS = "tags:" + "".join(
    TAG.format(id=name, expression=expression, input=expression.split()[0])
    for name, expression in (("in_arrears", "arrears_amount > 0"), ("open_complaint", "open_complaints >= 1"), ("open_account", "is_open"))
)
SUPPRESSIONS = """
suppressions:
  - {id: no_consent, name_zh: 未授权, name_en: No consent, kind: consent, reason: As the law demands it}
  - {id: open_complaint, name_zh: 投诉未结, name_en: Open, kind: expression, where: open_complaint, reason: An offer makes it worse}
  - {id: recently_contacted, name_zh: 近期已触达, name_en: Contacted, kind: contact, days: 14, reason: Against tiring people}
"""


def account(number: int) -> str:
    return f"A{number:03}"


def feature_rows(as_of: dt.date, known_at: dt.datetime) -> list[dict[str, Any]]:
    """Forty accounts: number n uses n kWh; even ones are U1's."""
    return [
        {
            "account_id": account(n),
            "party_id": f"P{n:03}",
            "as_of": as_of,
            "known_at": known_at,
            "org_unit_id": f"U{1 + n % 2}",
            "area_id": "N1",
            "party_kind": "person",
            "category": "residential",
            "billing_kind": "postpaid",
            "energy_kwh_90d": float(n),
        }
        for n in range(ACCOUNTS)
    ]


def catalogue_row(tag: Any, as_of: dt.date, known_at: dt.datetime) -> dict[str, Any]:
    definition = tag.definition
    return {
        "tag_id": tag.id,
        "as_of": as_of,
        "known_at": known_at,
        "ttl_days": definition.ttl_days,
        "category": definition.category,
        "inputs": list(definition.inputs),
        "definition": tag.stamp,
    }


def write_conf(folder: Path) -> None:
    """The tests' own definitions; the packaged files of the same names count as empty, which saves reading 249 tags each time."""
    for kind in ("tags", "audiences"):
        (folder / kind).mkdir()
        for file in (packaged() / kind).glob("*.yml"):
            (folder / kind / file.name).write_text(f"{kind}: []\n", encoding="utf-8")
    (folder / "tags" / "own.yml").write_text(TAGS, encoding="utf-8")
    (folder / "suppressions.yml").write_text(SUPPRESSIONS, encoding="utf-8")
    (folder / "audiences" / "own.yml").write_text(AUDIENCES, encoding="utf-8")


def fill(settings: Settings) -> None:
    """Accounts 0 to 39 at two moments; from 10 on in arrears, tags computed three days ago, consents, one complaint, two messages."""
    library = tag_library(settings)
    put(settings, ACCOUNT_FEATURE, [*feature_rows(EARLIER, KNOWN_EARLIER), *feature_rows(AS_OF, KNOWN_AT)])
    tags = [library.tag(name) for name in ("in_arrears", "open_complaint")]
    values = {"in_arrears": lambda n: n >= 10, "open_complaint": lambda n: n == 12}
    current = tag_current_table(column for column in library.columns if column.id in values)
    at = {"as_of": EARLIER, "known_at": KNOWN_EARLIER}
    put(settings, current, [{"account_id": account(n), **at, **{t: f(n) for t, f in values.items()}} for n in range(ACCOUNTS)])
    put(settings, TAG_CATALOGUE, [catalogue_row(tag, EARLIER, KNOWN_EARLIER) for tag in tags])
    known = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    consents = [
        {"party_id": f"P{n:03}", "channel": "sms", "purpose": "collection", "granted": n != 14, "valid_from": dt.date(2026, 1, 1)}
        for n in range(ACCOUNTS)
        if n != 16
    ]
    consents.append(consents[18 - 1] | {"party_id": "P018", "granted": False, "valid_from": dt.date(2026, 3, 1)})
    put(settings, SILVER["consent"], [row | {"known_from": known} for row in consents])
    late = {"party_id": "P020", "channel": "sms", "purpose": "collection", "granted": False, "valid_from": dt.date(2026, 3, 1)}
    put(settings, SILVER["consent"], [late | {"known_from": KNOWN_AT + dt.timedelta(hours=1)}])  # became known too late
    message = {"channel": "sms", "kind": "message_sent"}
    put(
        settings,
        SILVER["interaction"],
        [
            message | {"interaction_id": f"I{n}", "account_id": account(n), "occurred_at": when, "known_from": when + dt.timedelta(hours=1)}
            for n, when in ((22, dt.datetime(2026, 3, 30, 1, tzinfo=dt.UTC)), (24, dt.datetime(2026, 3, 1, tzinfo=dt.UTC)))
        ],
    )
