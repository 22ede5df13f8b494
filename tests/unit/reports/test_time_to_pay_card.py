"""The card of time to pay: its figures in both forms, nothing unescaped, and honest where a figure is missing."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

from gridlens.models.collection_definition import TimeToPayDefinition
from gridlens.models.concordance_difference import Difference
from gridlens.models.definition import ModelFeature
from gridlens.models.time_to_pay_judgement import Fifth, Judgement
from gridlens.reports.time_to_pay_card import SECTIONS, TimeToPayCard, markdown, page

DEFINITION = TimeToPayDefinition(
    baseline="days_to_pay_mean_365d", features=(ModelFeature(name="late_share_365d", zh="逾期占比", en="late share"),)
)
BARE = Judgement(dt.date(2025, 12, 31), 1234, 1200, None, None, None, None)
FULL = replace(
    BARE,
    concordance=0.8061,
    baseline=0.8002,
    expected_days=13.149,
    days_settled=12.871,
    champion=3,
    against=Difference(1234, 20, 0.8061, 0.8094, -0.0033, -0.0121, 0.0055, 0.95),
    fifths=(Fifth(2, 240, 247, 246, 9.5, 9.1, 0.987, 0.991),),
    hidden_bills=11,
)
EVIL = "<script>alert('x')</script>\"><img src=x onerror=y>"


def card(judged: Judgement = FULL, **changed: Any) -> TimeToPayCard:
    made = TimeToPayCard(
        definition=DEFINITION,
        version=4,
        known_at=dt.datetime(2026, 3, 2, 16, tzinfo=dt.UTC),
        judged=judged,
        decision=judged.decision(min_gain=0, tolerance=0.01),
        moments=(dt.date(2025, 10, 31), dt.date(2025, 11, 30)),
        last=dt.date(2026, 2, 28),
        train_bills=5000,
        train_settled=4321,
        spread=0.5,
        fingerprints={"definition": "89ab89ab"},
        min_group=15,
        run_id="20260302-1",
    )
    return replace(made, **changed)


def text_of(made: TimeToPayCard) -> str:
    """What is read on the page; it is well-formed."""
    body = page(made).split("<body>", 1)[1].split("</body>", 1)[0]
    return " ".join(" ".join(ElementTree.fromstring(body.strip()).itertext()).split())


def test_what_a_reader_needs_to_know_stands_in_both() -> None:
    for text in (text_of(card()), markdown(card())):
        for expected in (
            "缴费用时", "Time to pay", "未准入 challenger", "用于催收清单", "collection list",
            "0.8061", "0.8002", "0.8094", "-0.0033", "-0.0121", "jackknife over 20 groups",
            "13.15", "12.87", "247", "9.5", "98.7 %", "99.1 %", "fewer than 15 accounts",
            "2025-10-31, 2025-11-30", "4,321", "679", "34", "2026-03-02 16:00", "late_share_365d", "逾期占比", "late share",
            "days_to_pay_mean_365d", "89ab89ab", "20260302-1",
        ):  # fmt: skip
            assert expected in text, expected
        assert "beyond the tolerance of 0.0100" in text


def test_the_least_known_is_told_by_dashes_and_sentences() -> None:
    for text in (text_of(card(BARE)), markdown(card(BARE))):
        assert "No fifth has accounts enough" in text
        assert "have no pair to compare" in text
        assert "champion 3" not in text
        assert not re.search(r"None|nan\b", text)
    assert "排序一致性 concordance —" in text_of(card(BARE))


def test_the_page_fetches_nothing_and_its_links_are_there() -> None:
    text = page(card())
    assert not re.search(r"https?:|//\w|url\(|@import|<script|<img", text)
    assert set(re.findall(r'href="#(\w+)"', text)) == set(SECTIONS) == set(re.findall(r'<section class="card" id="(\w+)"', text))


def test_what_definitions_say_is_text_and_no_markup() -> None:
    feature = DEFINITION.features[0].model_copy(update={"name": EVIL, "zh": EVIL, "en": "a|b"})
    evil = DEFINITION.model_copy(update={"features": (feature,), "baseline": EVIL})
    judged = replace(FULL, against=None, lost=EVIL)
    made = card(judged, definition=evil, run_id=EVIL, fingerprints={EVIL: "x"})
    assert "<script" not in page(made)
    assert EVIL in text_of(made)
    (line,) = [line for line in markdown(made).splitlines() if line.startswith("| `")]
    assert len(re.findall(r"(?<!\\)\|", line)) == 4
    assert "<script" not in markdown(made)
