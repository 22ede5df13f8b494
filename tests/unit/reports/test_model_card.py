"""The model card: whole without a network, well-formed, nothing unescaped, and honest where a figure is missing."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from gridlens.models.figures import CalibrationBin
from gridlens.models.metric_kernels import wilson
from gridlens.reports.model_card import TOP_FEATURES, Card, GradeLine, markdown, page, plots
from gridlens.reports.model_card_charts import calibration_chart, gains_chart
from gridlens.reports.model_card_view import SECTIONS, tiles
from model_card_support import BASELINES, bare_card, definition, full_card, scored
from scipy.stats import binomtest

VOID = {"meta", "link", "br", "hr", "img", "input"}
FETCHING = {"script", "link", "iframe", "img", "object", "embed", "form"}
CARDS = [full_card(), bare_card()]
EVIL = "<script>alert('x')</script>\"><img src=x onerror=y>"


class Reader(HTMLParser):
    """Elements that are opened and closed, their attributes, and the visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        self.text = " ".join(" ".join(self.words).split())

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


@pytest.mark.parametrize("card", CARDS, ids=["full", "bare"])
def test_the_page_is_well_formed_and_fetches_nothing(card: Card) -> None:
    text = page(card)
    read = Reader(text)
    assert (read.wrong, read.open) == ([], [])
    ids = [attrs["id"] for _, attrs in read.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert set(SECTIONS) <= set(ids)
    assert {attrs["href"] for _, attrs in read.tags if "href" in attrs} == {f"#{section}" for section in SECTIONS}
    assert not {tag for tag, _ in read.tags} & FETCHING
    assert not re.search(r"https?:|//\w|url\(|@import|None|nan", text)
    assert len(text.encode()) < 200_000
    charts = [attrs for tag, attrs in read.tags if tag == "svg" and attrs.get("role") == "img"]
    assert len(charts) == 2
    assert all(attrs["aria-label"] for attrs in charts)


def test_what_a_reader_needs_to_know_stands_in_both() -> None:
    card = full_card()
    figures = card.figures
    for text in (Reader(page(card)).text, markdown(card)):
        for expected in (
            "电费拖欠风险",
            "collection",
            "Not a ground for suspending supply",
            "billing_kind = 'postpaid'",
            "未准入 challenger",
            f"{figures.roc_auc:.4f}",
            f"{figures.roc_auc_low:.4f}",
            "late_share_365d",
            "0.7312",
            "customers it never saw",
            "0.7870",
            "residential",
            "gradient boosted trees",
            "89ab89ab",
            "2025-09-30, 2025-12-31",
            "9,200",
            "PSI of the score",
            f"{100 * (figures.top[1].precision):.1f} %",
            *(check.sentence for check in card.decision.checks),
        ):
            assert expected in text, expected


def test_every_condition_is_marked_as_it_was_decided() -> None:
    card = full_card()
    marks = [attrs["class"] for tag, attrs in Reader(page(card)).tags if tag == "li"]
    assert marks == ["yes" if check.passed else "no" for check in card.decision.checks]
    assert "no" in marks
    assert re.findall(r"^- (✓|✗) ", markdown(card), flags=re.M) == ["✓" if check.passed else "✗" for check in card.decision.checks]


def test_a_champion_is_called_one() -> None:
    decision = replace(full_card().decision, champion=True)
    assert "准入 champion" in page(full_card(decision=decision))
    assert "未准入" not in page(full_card(decision=decision))


def test_candidates_show_the_chosen_first_with_their_weight() -> None:
    text = markdown(full_card())
    rows = re.findall(r"^\| ([a-z ]+) \| [a-z].*\| (chosen [\d.]+)? *\|$", text, flags=re.M)
    assert rows[1:] == [
        ("gradient boosted trees", "chosen 0.70"),
        ("random forest", "chosen 0.30"),
        ("logistic regression", ""),
    ]


def test_the_least_known_is_told_by_dashes_and_sentences() -> None:
    text = Reader(page(bare_card())).text
    for expected in ("ROC-AUC —", "No group is large enough", "No limits of drift", "Champion 2 could not be compared", "of one class"):
        assert expected in text, expected
    assert "对数损失" in text, "without costs the log loss has its place"


def test_tables_of_the_markdown_keep_their_columns() -> None:
    evil = full_card(definition=definition(name_zh="a|b"), importances=(("x|y", 1.0),), left_out=("u|v",))
    for card in (*CARDS, evil):
        width = 0
        for line in markdown(card).splitlines():
            if line.startswith("|"):
                columns = len(re.findall(r"(?<!\\)\|", line))
                assert width in (0, columns), line
                width = columns
            else:
                width = 0


def test_what_definitions_say_is_text_and_no_markup() -> None:
    card = full_card(definition=definition(purpose=EVIL, limits=EVIL, owner=EVIL, name_zh=EVIL), version=EVIL, run_id=EVIL)
    card = replace(card, importances=((EVIL, 1.0),), fingerprints={EVIL: EVIL}, drift_limits=((EVIL, EVIL, EVIL),))
    read = Reader(page(card))
    assert not {tag for tag, _ in read.tags} & FETCHING
    assert (read.wrong, read.open) == ([], [])
    assert read.text.count(EVIL) >= 8


def test_only_the_weightiest_features_are_shown() -> None:
    many = tuple((f"feature_{i}", 1 / (i + 1)) for i in range(TOP_FEATURES + 5))
    text = Reader(page(full_card(importances=many))).text
    assert f"feature_{TOP_FEATURES - 1} " in text
    assert f"feature_{TOP_FEATURES} " not in text
    assert "另有 5 个特征" in text


def test_tiles_tell_gain_and_cost() -> None:
    figures = scored()
    found = {tile.en: tile for tile in tiles(figures, BASELINES, "CNY")}
    assert found["gain over baseline"].value == f"{(figures.roc_auc or 0) - 0.7312:+.4f}".replace("-", "−")
    assert figures.cost is not None
    assert found["cost a case"].value == f"{figures.cost.at_expected:.2f} CNY"


@pytest.mark.parametrize(("hits", "rows"), [(0, 10), (3, 40), (40, 40), (17, 900)])
def test_the_interval_of_a_rate_is_wilson_s(hits: int, rows: int) -> None:
    known = binomtest(hits, rows).proportion_ci(0.95, method="wilson")
    assert wilson(hits / rows, rows) == pytest.approx((known.low, known.high), abs=1e-6)


def spots(svg: str) -> np.ndarray:
    return np.array([[float(x), float(y)] for x, y in re.findall(r'class="spot" d="M([\d.]+) ([\d.]+)h0"', svg)])


def test_a_calibrated_model_lies_on_the_line() -> None:
    chart = calibration_chart([CalibrationBin(400.0, p, p) for p in (0.01, 0.05, 0.2)])
    at = spots(chart.svg)
    assert at[:, 0] == pytest.approx(100 - at[:, 1], abs=0.01)
    assert [t.text for t in chart.x] == [t.text for t in chart.y]
    assert chart.y[-1].at <= 100
    assert "预测 5.00%" in chart.svg


def test_a_bolder_model_lies_below_the_line() -> None:
    at = spots(calibration_chart([CalibrationBin(400.0, 0.3, 0.1)]).svg)
    assert at[0, 0] > 100 - at[0, 1]


def test_the_gains_curve_begins_with_nothing_and_ends_with_all() -> None:
    svg = gains_chart(((0.0, 0.0), (0.5, 0.9), (1.0, 1.0))).svg
    assert 'class="line working" d="M0 100L50 10L100 0"' in svg
    assert "前 50% 的客户含 90% 的正样本" in svg


def test_a_scorecard_shows_its_grades_in_place_of_bands_and_folds() -> None:
    grades = (GradeLine("A", "好", "good", 640.0, 900, 0.01, 300, 0.02, 0.015), GradeLine("B", "差", "bad", None, 100, 0.2, 0, None, None))
    card = replace(full_card(), grades=grades, candidates=(), chosen=())
    text, html = markdown(card), page(card)
    assert "| A | 好 good | 640 | 900 | 1.00 % | 300 | 2.00 % | 1.50 % |" in text
    assert "| B | 差 bad | — | 100 | 20.00 % | 0 | — | — |" in text
    assert "<td>A<small>好 good</small></td>" in html
    for said in (text, html):
        assert "folds" not in said
        assert "分数分档" not in said


def test_of_any_table_nothing_is_said_of_accounts() -> None:
    for said in (markdown(replace(full_card(), of_accounts=False)), page(replace(full_card(), of_accounts=False))):
        assert "within 30 days" not in said
        assert "适用客户" not in said
        assert "分数分档" not in said
        assert "预测目标" in said


def test_figures_that_are_not_out_of_time_do_not_say_so() -> None:
    alone = replace(BASELINES[2], name="residual", feature=None)
    card = replace(full_card(), out_of_time=False, baselines=(alone,))
    for said in (markdown(card), page(card)):
        assert "out of time" not in said
        assert "Figures, on rows not learnt from" in said
        assert "residual of principal components" in said
    assert "Figures, out of time" in markdown(full_card())


def test_charts_stand_alone() -> None:
    pictures = plots(full_card())
    assert set(pictures) == {"calibration", "gains"}
    for text in pictures.values():
        root = ElementTree.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert len(root.findall("{http://www.w3.org/2000/svg}text")) > 6
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
