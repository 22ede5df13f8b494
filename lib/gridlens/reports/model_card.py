"""The card of a model's version: what it is for, what it was fitted on, how good it is and where it ends; Markdown and one page.

The page is whole in itself: style and charts inline, nothing fetched, every text escaped. It holds counts and rates of groups with enough
rows, and nothing about a person.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from gridlens import __version__
from gridlens.models.definition import ModelDefinition
from gridlens.models.figures import Baseline, Comparison, Figures
from gridlens.models.gate import Decision
from gridlens.reports import model_card_charts as charts
from gridlens.reports import model_card_view as view
from gridlens.reports.card_templates import as_markdown, as_page

TOP_FEATURES = 15
TOP_CANDIDATES = 12


@dataclass(frozen=True)
class RowsOf:
    """The rows of one part (``train`` or ``test``): their moments, oldest first, and counts."""

    part: str
    moments: tuple[dt.date, ...]
    rows: int
    positives: int


@dataclass(frozen=True)
class GradeLine:
    """A grade of a scorecard, on its training rows and on the test rows; None where it has none there."""

    id: str
    zh: str
    en: str
    points_from: float | None
    rows: int
    bad_rate: float | None
    test_rows: int
    test_bad_rate: float | None
    test_pd: float | None


@dataclass(frozen=True)
class Card:
    """All that the card says.

    Attributes:
        definition: of the model.
        version: in the registry, or the run's name where nothing was registered.
        known_at: moment of knowledge of the training, UTC.
        figures: on the test rows.
        decision: of the gate.
        rows: the parts that were fitted and judged on.
        out_of_time: False where the rows that judge are of the same time as those learnt from.
        of_accounts: False where it is of any table, whose label, population and bands say nothing of accounts.
        grades: of a scorecard, best first; it has no bands, folds or candidates.
        unseen_figures: on the test rows of customers that are in no training row; None where they were not judged.
        train_figures: on the training rows; None where they were not judged.
        baselines: on the test rows.
        against: the version and the champion on the same rows; None where there was none.
        champion: that champion's version.
        candidates: a row each: algorithm, settings (mapping), roc_auc and log_loss by fold.
        chosen: those of the candidates that the version holds, with their weight.
        importances: feature and its share, largest first.
        left_out: features that had no value in the training rows.
        fingerprints: of definition, training rows, test rows and so on.
        drift_limits: what is measured after every scoring: name in Chinese, in English, limit.
        min_group: groups with fewer rows are not shown.
        currency: of costs.
        run_id: of the training.
    """

    definition: ModelDefinition
    version: str
    known_at: dt.datetime
    figures: Figures
    decision: Decision
    rows: tuple[RowsOf, ...]
    of_accounts: bool = True
    out_of_time: bool = True
    grades: tuple[GradeLine, ...] = ()
    unseen_figures: Figures | None = None
    train_figures: Figures | None = None
    baselines: tuple[Baseline, ...] = ()
    against: Comparison | None = None
    champion: str | None = None
    candidates: Sequence[Mapping[str, Any]] = ()
    chosen: Sequence[Mapping[str, Any]] = ()
    importances: Sequence[tuple[str, float]] = ()
    left_out: Sequence[str] = ()
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    drift_limits: Sequence[tuple[str, str, str]] = ()
    min_group: int = 100
    currency: str = ""
    run_id: str = ""

    @property
    def test(self) -> RowsOf | None:
        return next((rows for rows in self.rows if rows.part == "test"), None)


def page(card: Card) -> str:
    """The card as one HTML page."""
    return as_page("model_card", _context(card))


def markdown(card: Card) -> str:
    """The card as Markdown."""
    return as_markdown("model_card", _context(card))


def plots(card: Card) -> dict[str, str]:
    """The card's charts as pictures that stand alone (SVG), by name."""
    calibration, gains = charts.calibration_chart(card.figures.calibration), charts.gains_chart(card.figures.gains)
    return {
        "calibration": charts.picture(calibration, "预测概率 predicted", "实际比例 observed"),
        "gains": charts.picture(gains, "处理客户占比 share of customers, highest score first", "正样本占比 share of positives"),
    }


def _context(card: Card) -> dict[str, Any]:
    return {
        "c": card,
        "d": card.definition,
        "f": card.figures,
        "tiles": view.tiles(card.figures, card.baselines, card.currency),
        "lines": view.lines(card.figures, card.unseen_figures, card.train_figures, card.baselines, card.against, card.champion),
        "calibration": charts.calibration_chart(card.figures.calibration),
        "gains": charts.gains_chart(card.figures.gains),
        "importances": view.importances(card.importances[:TOP_FEATURES], card.definition),
        "more_features": max(len(card.importances) - TOP_FEATURES, 0),
        "candidates": _candidates(card),
        "more_candidates": max(len(card.candidates) - TOP_CANDIDATES, 0),
        "sections": view.SECTIONS if card.out_of_time else {**view.SECTIONS, "figures": view.OUT_OF_HALF},
        "version": __version__,
    }


def _candidates(card: Card) -> list[dict[str, Any]]:
    """The best candidates by mean log loss of the folds."""
    chosen = {(row["algorithm"], str(dict(row.get("settings", {})))): row.get("weight") for row in card.chosen}
    rows = []
    for row in card.candidates:
        settings = dict(row.get("settings", {}))
        auc, loss = list(row["roc_auc"]), list(row["log_loss"])
        rows.append(
            {
                "algorithm": str(row["algorithm"]).replace("_", " "),
                "settings": ", ".join(f"{name} {_short(value)}" for name, value in settings.items()) or "—",
                "roc_auc": fmean(auc),
                "spread": max(auc) - min(auc),
                "log_loss": fmean(loss),
                "chosen": (row["algorithm"], str(settings)) in chosen,
                "weight": chosen.get((row["algorithm"], str(settings))),
            }
        )
    return sorted(rows, key=lambda row: (not row["chosen"], row["log_loss"]))[:TOP_CANDIDATES]


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)
