"""The page: whole without a network, well-formed, nothing unescaped, and honest where nothing is known."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from gridlens.contracts import account_feature, codes
from gridlens.contracts.graph import EDGE_TYPES
from gridlens.contracts.trajectory import EVENT_TYPES
from gridlens.errors import PlatformError
from gridlens.profile.dealings import Bought
from gridlens.profile.picture import Identity, Profile
from gridlens.reports.console import print_json
from gridlens.reports.profile_console import print_profile, spark_line
from gridlens.reports.profile_page import page, write_page
from gridlens.reports.profile_words import CHANNELS, EDGES, ICON_OF, PEERS, PRODUCTS, SECTIONS, SERVICE_KINDS
from profile_support import AS_OF, much_known, nothing_known

VOID = {"meta", "link", "br", "hr", "img", "input"}
FETCHING = {"script", "link", "iframe", "img", "object", "embed", "form"}
PICTURES = [much_known(), nothing_known()]


class Reader(HTMLParser):
    """Elements opened and closed, ids, links and visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.mark.parametrize("picture", PICTURES, ids=["much known", "nothing known"])
def test_well_formed_with_every_section_and_nothing_to_fetch(picture: Profile) -> None:
    text = page(picture)
    read = Reader(text)
    assert (read.wrong, read.open) == ([], [])
    ids = [attrs["id"] for _, attrs in read.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert set(SECTIONS) <= set(ids)
    links = [attrs["href"] for _, attrs in read.tags if "href" in attrs]
    assert {link.removeprefix("#") for link in links if link} <= set(ids)
    assert all(link and link.startswith("#") for link in links)
    assert not {tag for tag, _ in read.tags} & FETCHING
    assert not re.search(r"https?:|//\w|url\(|@import", text)
    assert len(text.encode()) < 300_000


def test_charts_say_what_they_are() -> None:
    charts = [attrs for tag, attrs in Reader(page(much_known())).tags if tag == "svg" and attrs.get("role") == "img"]
    assert len(charts) == 5
    assert all(attrs["aria-label"] for attrs in charts)


def test_figures_states_and_gaps_are_told() -> None:
    text = Reader(page(much_known())).text
    for expected in (
        "4,321 kWh",
        "高于 42 % 的同类",
        "欠费 11 天",
        "逾期结清 5 天",
        "¥80.50",
        "−¥20",
        "家用充电桩",
        "客群 夜间用电",
        "浏览 ×3 view · App · 家用充电桩",
        "search · App · 电价",
        "用电水平：高",
        "¥60",
    ):
        assert expected in text, expected
    assert "未含 3 个计量点" in text


def test_an_expired_tag_is_marked() -> None:
    chips = [attrs for tag, attrs in Reader(page(much_known())).tags if (attrs.get("class") or "").startswith("chip ")]
    assert [("expired" in (c["class"] or ""), "2025-01-01" in (c["title"] or "")) for c in chips] == [(False, False), (True, True)]


def test_nothing_known_says_what_to_run() -> None:
    text = Reader(page(nothing_known())).text
    for expected in ("run features", "run tags", "run trajectory", "run graph", "run ingest", "还没有账单", "没有服务工单", "未登记户名"):
        assert expected in text, expected


def test_what_sources_wrote_is_text_and_no_markup() -> None:
    evil = "<script>alert('x')</script>\"><img src=x onerror=y>"
    bought = Bought(AS_OF, "D1", evil, evil, "pv", None, much_known().purchases[0].amount, evil)
    shown = replace(much_known().points[0], meter_id=evil, tariff_id=evil)
    text = page(much_known(identity=Identity(evil, evil, evil, evil, None), purchases=(bought,), points=(shown,)))
    read = Reader(text)
    assert not {tag for tag, _ in read.tags} & FETCHING
    assert (read.wrong, read.open) == ([], [])
    assert evil in read.text
    assert "<script" not in text


def test_a_page_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="cannot be written"):
        write_page(nothing_known(), tmp_path / "nowhere" / "page.html")
    write_page(nothing_known(), tmp_path / "page.html")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize("picture", PICTURES, ids=["much known", "nothing known"])
def test_the_terminal_tells_every_picture(picture: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    print_profile(picture)
    told = capsys.readouterr().out
    assert "居民生活客户" in told
    for text in picture.missing.values():
        assert text in told
    print_json(picture)
    assert '"account": "1001"' in capsys.readouterr().out


def test_every_code_has_its_words_and_its_icon() -> None:
    assert set(ICON_OF) == set(EVENT_TYPES)
    assert set(EDGES) == set(EDGE_TYPES)
    assert set(PRODUCTS) == set(codes.PRODUCT_CATEGORIES)
    assert set(SERVICE_KINDS) == set(codes.SERVICE_KINDS)
    channels = (codes.PAYMENT_CHANNELS, codes.SERVICE_CHANNELS, codes.INTERACTION_CHANNELS, codes.CONSENT_CHANNELS)
    assert set(CHANNELS) == {channel for kind in channels for channel in kind}
    assert set(PEERS) == set(account_feature.PEERS)


def test_spark_lines() -> None:
    assert spark_line([0.0, None, 1.0, 2.0], 2.0) == " ·▄█"
    assert spark_line([0.0], 0.0) == " "
