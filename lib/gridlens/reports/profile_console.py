"""The profile on a terminal: a headline, the figures, then one short block a section."""

from __future__ import annotations

from collections.abc import Sequence

from gridlens.profile.dealings import Others
from gridlens.profile.picture import Profile, TagShown
from gridlens.reports import profile_words as words
from gridlens.reports.console import print_summary, print_table, print_text
from gridlens.reports.profile_view import energy, headline, key_figures, money, number, percent
from gridlens.reports.profile_words import pair

_BLOCKS = " ▁▂▃▄▅▆▇█"
_ROWS = 6


def print_profile(p: Profile) -> None:
    """The whole picture, the newest first in every list; what is missing says what to run."""
    said = headline(p)
    print_text(said.zh)
    print_text(said.en)
    for section in (_who, _figures, _tags, _load, _peers, _money, _contacts, _events, _network):
        print_text("")
        section(p)
    if p.missing:
        print_text("")
        print_summary("未尽之处 Missing", p.missing)


def _title(section: str) -> str:
    return " ".join(words.SECTIONS[section])


def _who(p: Profile) -> None:
    facts: dict[str, str | None] = {
        "account 户号": p.account,
        "as of 截至": p.as_of.isoformat(),
        "known at": f"{p.known_at:%Y-%m-%d %H:%M} UTC",
    }
    if p.identity:
        i = p.identity
        facts |= {"name 户名": i.name, "phone 电话": i.phone, "address 地址": i.address, "document 证件": i.document, "born 出生": i.born}
    facts |= {"party 客户": p.base["party_id"], "area 供电区": f"{p.base['area_id']} {p.base['org_unit_id']}"}
    for point in p.points[:3]:
        capacity = f", {number(point.contract_capacity_kva)} kVA" if point.contract_capacity_kva else ""
        facts[f"point {point.metering_point_id}"] = f"{point.voltage_level}{capacity}, transformer {point.transformer_id or '—'}"
    print_summary(_title("identity"), facts)


def _figures(p: Profile) -> None:
    print_summary("关键指标 Key figures", {f"{f.zh} {f.en}": f"{f.value} ({f.note_en})" for f in key_figures(p)})


def _tags(p: Profile) -> None:
    if p.tags is None:
        return
    print_summary(
        f"{_title('tags')}: {sum(len(g.tags) for g in p.tags.groups)} hold, {p.tags.unknown} unknown of {p.tags.defined}",
        {f"{g.zh} {g.en}": " · ".join(_tag(tag) for tag in g.tags) for g in p.tags.groups},
    )


def _tag(tag: TagShown) -> str:
    text = f"{tag.zh}={tag.value_zh or tag.value}" if tag.value else tag.zh
    return f"({text}, expired)" if tag.expired else text


def _load(p: Profile) -> None:
    if p.typical_day is None:
        return
    day = p.typical_day
    curves = {"working days 工作日": day.working, "rest days 休息日": day.resting, "feed-in 上网": day.export}
    top = max((v for values in curves.values() for v in values if v is not None), default=0.0)
    shown = {name: f"{spark_line(_hourly(values), top)}" for name, values in curves.items() if any(v is not None for v in values)}
    print_summary(f"{_title('load')}: typical day, 00 to 24 h, up to {number(top, 2)} kW", shown)


def _hourly(values: Sequence[float | None]) -> list[float | None]:
    """The means of each half hour."""
    pairs = [[v for v in values[i : i + 2] if v is not None] for i in range(0, len(values), 2)]
    return [sum(known) / len(known) if known else None for known in pairs]


def spark_line(values: Sequence[float | None], top: float) -> str:
    """One block character a value, up to ``top``; a dot where it is unknown."""
    steps = len(_BLOCKS) - 1
    return "".join("·" if v is None else _BLOCKS[min(steps, max(0, round(v / top * steps)))] if top > 0 else _BLOCKS[0] for v in values)


def _peers(p: Profile) -> None:
    if p.peers:
        rows = {
            " ".join(pair(words.PEERS, peer.feature)): f"above {percent(peer.percentile)} of {p.figures['peer_count']}" for peer in p.peers
        }
        print_summary(_title("peers"), rows)


def _money(p: Profile) -> None:
    rows = [
        {
            "period": f"{b.period_end:%Y-%m}",
            "amount": money(b.amount, p.currency),
            "energy": energy(b.kwh),
            "due": b.due_on.isoformat(),
            "settled": b.settled_on.isoformat() if b.settled_on else "",
            "state": f"{pair(words.BILL_STATES, b.state)[1]}{f', {b.days_late} d' if b.days_late else ''}",
        }
        for b in list(reversed(p.bills))[:_ROWS]
    ]
    print_table(rows, title=_title("money")) if rows else print_text(f"{_title('money')}: no bill yet")


def _contacts(p: Profile) -> None:
    contacts = [
        {"day": c.on, "about": " ".join(pair(words.SERVICE_KINDS, c.kind)), "channel": c.channel, "satisfaction": c.satisfaction}
        for c in p.contacts[:_ROWS]
    ]
    print_table(contacts, title=_title("contacts")) if contacts else print_text(f"{_title('contacts')}: none")
    bought = [{"day": b.on, "product": b.zh or b.product_id, "amount": money(b.amount, p.currency)} for b in p.purchases[:_ROWS]]
    print_table(bought, title=_title("purchases")) if bought else print_text(f"{_title('purchases')}: none")


def _events(p: Profile) -> None:
    rows = [
        {"day": e.on, "event": " ".join(pair(words.EVENTS, e.kind)), "times": e.times, "object": e.object or "", "channel": e.channel or ""}
        for e in p.events[: 2 * _ROWS]
    ]
    print_table(rows, title=_title("events")) if rows else print_text(f"{_title('events')}: none known")


def _network(p: Profile) -> None:
    _others("同一主体的其他户 other accounts of the person", p.same_person, p.currency)
    if p.neighbours:
        _others("同台区邻居 neighbours on the transformer", p.neighbours, p.currency)


def _others(title: str, others: Others, currency: str) -> None:
    rows = [
        {"account": o.account_id, "category": o.category, "energy": energy(o.energy_kwh_365d), "arrears": money(o.arrears_amount, currency)}
        for o in others.shown[:_ROWS]
    ]
    print_table(rows, title=f"{title}: {others.count}") if rows else print_text(f"{title}: none")
