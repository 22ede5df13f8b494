"""Renders the templates of cards, as a page and as Markdown; what both share: filters, style, and how a value stands in a cell."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from gridlens.reports import model_card_view as view


def as_page(name: str, context: Mapping[str, Any]) -> str:
    """The template ``name``.html as one HTML page, every text escaped; ``style`` is given."""
    return (
        _environment(escape=True).get_template(f"{name}.html").render(context, style=Markup(_text("profile.css") + _text("model_card.css")))
    )


def as_markdown(name: str, context: Mapping[str, Any]) -> str:
    """The template ``name``.md as Markdown."""
    text = _environment(escape=False).get_template(f"{name}.md").render(context)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


@cache
def _environment(*, escape: bool) -> Environment:
    environment = Environment(
        loader=FunctionLoader(_text), autoescape=escape, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    filters: dict[str, Callable[..., Any]] = {
        "number": view.number,
        "percent": view.percent,
        "decimal": view.decimal,
        "cell": lambda value: str(value).replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;"),
    }
    environment.filters |= filters
    return environment


def _text(name: str) -> str:
    return files("gridlens.reports").joinpath("templates", name).read_text(encoding="utf-8")
