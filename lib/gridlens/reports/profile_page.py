"""The profile as one self-contained page: style, charts and icons inline, nothing fetched, every text escaped."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from gridlens import __version__
from gridlens.errors import PlatformError
from gridlens.profile.dealings import Event
from gridlens.profile.picture import Profile, TagShown
from gridlens.reports import profile_charts as charts
from gridlens.reports import profile_heat as heat
from gridlens.reports import profile_view as view
from gridlens.reports import profile_words as words

_RECENT_BILLS = 6


def write_page(profile: Profile, path: Path) -> None:
    """Writes the page; an older file is replaced whole. PlatformError where it cannot be written."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(page(profile), encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise PlatformError(f"the page {path} cannot be written ({error.strerror}): choose a folder that exists and is yours") from error


def page(profile: Profile) -> str:
    """The page's text."""
    return _templates().get_template("profile.html").render(_context(profile))


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_text), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": view.number, "energy": view.energy, "percent": view.percent}
    return environment


def _text(name: str) -> str:
    return files("gridlens.reports").joinpath("templates", name).read_text(encoding="utf-8")


def _context(p: Profile) -> dict[str, Any]:
    return {
        "p": p,
        "style": Markup(_text("profile.css")),
        "words": {name: dict(table) for name, table in _WORDS.items()},
        "pair": words.pair,
        "money": lambda amount: view.money(amount, p.currency),
        "sections": words.SECTIONS,
        "headline": view.headline(p),
        "sector": view.sector(p),
        "tiles": view.key_figures(p),
        "chip": _chip,
        "load": _load(p),
        "bill": _money(p),
        "icon": lambda event: words.ICON_OF.get(event, "dot"),
        "about": lambda event: _about(p, event),
        "connections": [e for e in p.edges if e.kind != "contacted_about"],
        "months": _by_month(p),
        "levels": range(heat.LEVELS),
        "version": __version__,
    }


_WORDS: Mapping[str, Mapping[str, words.Pair]] = {
    "category": words.CATEGORIES,
    "billing": words.BILLING,
    "party": words.PARTIES,
    "channel": words.CHANNELS,
    "service": words.SERVICE_KINDS,
    "product": words.PRODUCTS,
    "state": words.BILL_STATES,
    "peer": words.PEERS,
    "event": words.EVENTS,
    "edge": words.EDGES,
}


def _chip(tag: TagShown) -> dict[str, str]:
    """The texts of one tag."""
    zh = f"{tag.zh}：{tag.value_zh or tag.value}" if tag.value else tag.zh
    en = f"{tag.en}: {tag.value_en or tag.value}" if tag.value else tag.en
    expired = f"（已过期 expired，{tag.computed_on}）" if tag.expired else ""
    return {"zh": zh, "en": en, "title": f"{en} — {tag.description}{expired}", "css": "expired" if tag.expired else ""}


def _about(p: Profile, event: Event) -> str:
    """What an event concerns: a product's name, a page, or the id that the source gave."""
    if event.object is None or event.kind in words.OF_A_BILL:
        return ""
    return p.names.get(event.object) or words.pair(words.PAGES, event.object)[0]


def _load(p: Profile) -> dict[str, Any]:
    day, year = p.typical_day, p.year
    return {
        "day": charts.typical_day_chart(day) if day else None,
        "periods": charts.period_labels(day.periods) if day else [],
        "calendar": heat.calendar_chart(year) if year and any(v is not None for v in year.kwh) else None,
        "hours": heat.hours_chart(year) if year else None,
    }


def _money(p: Profile) -> dict[str, Any]:
    bills = p.bills
    return {
        "amount": charts.bills_chart(bills, p.currency) if bills else None,
        "energy": charts.energy_chart(bills, p.currency) if bills else None,
        "blank": range(charts.SLOTS - len(bills)),
        "recent": list(reversed(bills))[:_RECENT_BILLS],
        "late": [b for b in bills if b.state == "late"],
        "overdue": [b for b in bills if b.state == "overdue"],
        "unclear": [b for b in bills if b.state == "unclear"],
    }


def _by_month(p: Profile) -> list[tuple[str, list[Any]]]:
    """The events by month, newest first."""
    months: dict[str, list[Any]] = {}
    for event in p.events:
        months.setdefault(f"{event.on:%Y-%m}", []).append(event)
    return list(months.items())
