"""The card of a version of time to pay: what it is for, what it was fitted on, how good it is and where it ends; Markdown and one page.

It is made as the model card of probabilities is: whole in itself, every text escaped, counts and means of groups with enough accounts, and
nothing about a person.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gridlens import __version__
from gridlens.models.collection_definition import TimeToPayDefinition
from gridlens.models.gate import Decision
from gridlens.models.time_to_pay_judgement import Judgement
from gridlens.reports.card_templates import as_markdown, as_page
from gridlens.reports.model_card_view import Tile, decimal, number

SECTIONS = {
    "purpose": ("用途与边界", "Purpose and limits"),
    "gate": ("准入结论", "Decision of the gate"),
    "figures": ("效果指标", "Figures, out of time"),
    "calibration": ("校准", "Calibration"),
    "data": ("数据", "Data"),
    "features": ("读取的特征", "Features read"),
}
"""Sections of the card, in order."""


@dataclass(frozen=True)
class TimeToPayCard:
    """All that the card says.

    Attributes:
        definition: of the model.
        version: in the registry.
        known_at: moment of knowledge of the training, UTC.
        judged: its figures, out of time.
        decision: of the gate.
        moments: of the features of the bills it was fitted on, oldest first.
        last: last day until which the judging bills were seen.
        train_bills, train_settled: that it was fitted on, and those of them that were settled.
        spread: s of the Weibull distribution.
        fingerprints: of definition and training rows.
        min_group: fifths with fewer accounts are not shown.
        run_id: of the training.
    """

    definition: TimeToPayDefinition
    version: int
    known_at: dt.datetime
    judged: Judgement
    decision: Decision
    moments: tuple[dt.date, ...]
    last: dt.date
    train_bills: int
    train_settled: int
    spread: float
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    min_group: int = 0
    run_id: str = ""


class Line(NamedTuple):
    """One line of the table of concordance; low and high are of the difference."""

    zh: str
    en: str
    concordance: float | None
    difference: float | None = None
    low: float | None = None
    high: float | None = None


def page(card: TimeToPayCard) -> str:
    """The card as one HTML page."""
    return as_page("time_to_pay_card", _context(card))


def markdown(card: TimeToPayCard) -> str:
    """The card as Markdown."""
    return as_markdown("time_to_pay_card", _context(card))


def _context(card: TimeToPayCard) -> dict[str, Any]:
    return {
        "c": card,
        "d": card.definition,
        "j": card.judged,
        "tiles": _tiles(card.judged),
        "lines": _lines(card.judged),
        "sections": SECTIONS,
        "version": __version__,
    }


def _tiles(judged: Judgement) -> tuple[Tile, ...]:
    against = judged.against
    interval = f"{against.confidence:.0%}：{against.low:+.4f} – {against.high:+.4f}" if against else "未比较 not compared"
    return (
        Tile("排序一致性", "concordance", decimal(judged.concordance), f"本户历史均值 own mean {decimal(judged.baseline)}"),
        Tile("较现任冠军", "against champion", f"{against.difference:+.4f}" if against else "—", interval),
        Tile("预计天数", "days expected", number(judged.expected_days, 1), f"已结清实际 settled took {number(judged.days_settled, 1)}"),
        Tile("检验账单", "judging bills", number(judged.bills), f"已结清 settled {number(judged.settled)}"),
    )


def _lines(judged: Judgement) -> tuple[Line, ...]:
    found = [Line("本版本", "this version", judged.concordance)]
    if (against := judged.against) is not None:
        name = f"{judged.champion}"
        found.append(
            Line(
                f"现任冠军 {name}",
                f"champion {name}; this version less it",
                against.other_concordance,
                against.difference,
                against.low,
                against.high,
            )
        )
    return (*found, Line("本户历史均值", "the account's own mean so far", judged.baseline), Line("随机", "chance", 0.5))
