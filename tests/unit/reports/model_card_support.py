"""A card of a made-up model, with figures of made-up scores."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
from gridlens.models import metric_kernels as kernels
from gridlens.models.definition import Costs, Gate, ModelDefinition
from gridlens.models.figures import Baseline, Comparison, Figures
from gridlens.models.gate import decide
from gridlens.models.metric_kernels import Counts
from gridlens.models.metrics import ALL, COARSE, figures_of
from gridlens.reports.model_card import Card, RowsOf

BASELINES = (
    Baseline("prior", None, 0.5, 0.081, 0.2811, 0.0744, 0.1, 0.081),
    Baseline("one_rule", "late_share_365d", 0.7312, 0.2211, 0.2544, 0.0701, 0.34, 0.31),
    Baseline("last_value", "late_bills_90d", 0.6821, 0.1921, None, None, 0.28, 0.27),
)
AGAINST = Comparison(4000, 324, 0.79, 0.787, 0.003, -0.004, 0.01, 0.95, 0.2345, 0.2361, 0.81)
CANDIDATES = tuple(
    {
        "algorithm": algorithm,
        "settings": settings,
        "roc_auc": [0.77 + 0.01 * i, 0.775 + 0.01 * i, 0.769],
        "log_loss": [0.24 - 0.001 * i, 0.241, 0.239],
    }
    for i, (algorithm, settings) in enumerate(
        [
            ("logistic_regression", {"ridge": 0.01}),
            ("random_forest", {"trees": 100.0, "max_depth": 8.0}),
            ("gradient_boosted_trees", {"trees": 60.0, "max_depth": 4.0, "step_size": 0.1}),
        ]
    )
)


def definition(**changed: Any) -> ModelDefinition:
    given: dict[str, Any] = {
        "id": "arrears",
        "name_zh": "电费拖欠风险",
        "name_en": "Arrears risk",
        "purpose": "Ranks postpaid accounts by the probability that a bill due next month is still unpaid 30 days after its due date.",
        "limits": "Not a ground for suspending supply; says nothing of prepaid accounts.",
        "owner": "collection",
        "version": 1,
        "population": "is_open and billing_kind = 'postpaid' and bills_due_365d > 0",
        "label": {"function": "bill_unpaid", "arguments": {"days": 30}, "gap_days": 3, "horizon_days": 27},
        "features": [
            {"name": "late_share_365d", "monotone": "increasing", "zh": "一年内逾期账单占比", "en": "late share", "actionable": True},
            {"name": "days_late_max_365d", "zh": "一年内最长逾期天数", "en": "longest delay"},
            {"name": "autopay", "kind": "flag", "zh": "已签代扣", "en": "direct debit agreed", "actionable": True},
            {"name": "category", "kind": "category", "zh": "用电类别", "en": "customer category"},
        ],
        "learner": {"algorithms": [{"kind": "random_forest"}, {"kind": "gradient_boosted_trees"}], "combine": "blend"},
        "bands": [{"id": "low", "zh": "低", "en": "low", "score_from": 0}, {"id": "high", "zh": "高", "en": "high", "score_from": 0.3}],
        "costs": {"in_vain": 2, "missed": 40},
    }
    return ModelDefinition.model_validate({**given, **changed})


def scored(seed: int = 7, rows: int = 4000) -> Figures:
    """Figures of made-up scores that are worth something."""
    rng = np.random.default_rng(seed)
    place = np.rint((rng.normal(size=rows) * 1.3 - 3) * 300).astype(int) * 11
    p = 1 / (1 + np.exp(-place / 3300))
    label = (rng.uniform(size=rows) < np.clip(1.15 * p, 0, 1)).astype(float)
    group = np.where(rng.uniform(size=rows) < 0.7, "residential", "commercial")

    def counts(mask: np.ndarray, coarse: int) -> Counts:
        at, index = np.unique(place[mask] // coarse, return_inverse=True)
        n = np.bincount(index).astype(float)
        y = label[mask]
        loss = -np.log(np.where(y == 1, p[mask], 1 - p[mask])).sum()
        hits, sums = np.bincount(index, weights=y), np.bincount(index, weights=p[mask])
        return Counts(sums / n, n, hits, float(loss), float(((p[mask] - y) ** 2).sum()), at)

    found = {ALL: counts(np.ones(rows, dtype=bool), 1)}
    found |= {("category", name): counts(group == name, COARSE) for name in ("residential", "commercial")}
    return figures_of(found, columns=("category",), capacity=150, costs=Costs(in_vain=2, missed=40))


def full_card(**changed: Any) -> Card:
    """Everything known."""
    figures = scored()
    gate = Gate(min_auc=0.7, min_gain=0.02, max_disparity=1.0)
    given: dict[str, Any] = {
        "definition": definition(),
        "version": "4",
        "known_at": dt.datetime(2026, 4, 1, 2, 0),
        "figures": figures,
        "decision": decide(gate, figures, baselines=BASELINES, against=AGAINST, champion="3"),
        "rows": (
            RowsOf("train", (dt.date(2025, 9, 30), dt.date(2025, 12, 31)), 9200, 741),
            RowsOf("test", (dt.date(2026, 3, 31),), figures.rows, figures.positives),
        ),
        "unseen_figures": scored(9, 1200),
        "train_figures": scored(8, 9200),
        "baselines": BASELINES,
        "against": AGAINST,
        "champion": "3",
        "candidates": CANDIDATES,
        "chosen": ({**CANDIDATES[2], "weight": 0.7}, {**CANDIDATES[1], "weight": 0.3}),
        "importances": (("late_share_365d", 0.52), ("days_late_max_365d", 0.31), ("autopay", 0.12), ("category", 0.05)),
        "left_out": ("contract_capacity_kva",),
        "fingerprints": {"definition": "0123456789abcdef", "train": "89ab" * 8, "test": "cdef" * 8},
        "drift_limits": (("分数或特征偏移", "score or feature, PSI", "0.10"), ("重训", "retrain, PSI of the score", "0.25")),
        "currency": "CNY",
        "run_id": "8c1f00d5",
    }
    return Card(**{**given, **changed})


def bare_card() -> Card:
    """The least that can be known: one class, no groups, nothing beside."""
    counts = Counts(np.array([0.2, 0.4]), np.array([5.0, 3.0]), np.zeros(2), 3.0, 1.0, np.array([-4575, -1338]))
    figures = figures_of({ALL: counts}, capacity=10)
    assert kernels.roc_auc(counts) is None
    return Card(
        definition(costs=None),
        "run 1",
        dt.datetime(2026, 4, 1, 2, 0),
        figures,
        decide(Gate(), figures, champion="2"),
        (RowsOf("train", (), 0, 0), RowsOf("test", (), 8, 0)),
    )
