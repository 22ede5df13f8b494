"""Figures and drift as rows of their tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gridlens.contracts.model import MODEL_DRIFT, MODEL_FIGURE
from gridlens.models.drift import Drift
from gridlens.models.figures import Baseline, Comparison, Figures, GroupFigures

EVERYONE = {"group_column": "all", "group_value": "all"}
_SAME = (
    "rows",
    "positives",
    "mean_score",
    "roc_auc",
    "roc_auc_low",
    "roc_auc_high",
    "pr_auc",
    "log_loss",
    "brier",
    "calibration_error",
    "calibration_slope",
    "ks",
    "ratio",
)
_OF_A_BASELINE = ("feature", "roc_auc", "pr_auc", "log_loss", "brier", "capture_at_10", "precision_at_capacity")


def figure_rows(
    parts: Mapping[str, Figures],
    *,
    baselines: Iterable[Baseline] = (),
    against: Comparison | None = None,
    of: Mapping[str, Any],
) -> list[tuple[Any, ...]]:
    """Rows of model_figure_v1, fields in the contract's order.

    Args:
        parts: the version's figures under ``test``, and ``train`` and ``unseen`` where they are known.
        baselines: on the test rows.
        against: the champion on the test rows.
        of: model_id, model_version, as_of, known_at and run_id.
    """
    rows: list[dict[str, Any]] = []
    for part, figures in parts.items():
        rows.append({"part": part, **EVERYONE, **_everyone(figures)})
        rows += [{"part": part, **_group(group)} for group in figures.groups]
    test = parts["test"]
    counted = {**EVERYONE, "rows": test.rows, "positives": test.positives, "observed_rate": test.rate}
    rows += [{"part": b.name, **counted, **{name: getattr(b, name) for name in _OF_A_BASELINE}} for b in baselines]
    if against is not None:
        of_both = {"rows": against.rows, "positives": against.positives, "observed_rate": against.positives / against.rows}
        rows.append({"part": "champion", **EVERYONE, **of_both, "roc_auc": against.other_roc_auc, "log_loss": against.other_log_loss})
    return [tuple({**row, **of}.get(name) for name in MODEL_FIGURE.columns) for row in rows]


def _everyone(figures: Figures) -> dict[str, Any]:
    return {
        **{name: getattr(figures, name) for name in _SAME},
        "observed_rate": figures.rate,
        "capture_at_10": figures.top[-1].capture,
        "precision_at_capacity": figures.capacity.precision,
        "recall_at_capacity": figures.capacity.recall,
        "selected": figures.capacity.cases / figures.rows,
        "cost_per_row": figures.cost.at_expected if figures.cost else None,
    }


def _group(group: GroupFigures) -> dict[str, Any]:
    same = ("rows", "positives", "observed_rate", "mean_score", "roc_auc", "selected", "ratio")
    return {
        "group_column": group.column,
        "group_value": group.value,
        **{name: getattr(group, name) for name in same},
        "recall_at_capacity": group.recall,
    }


def drift_rows(drift: Drift, *, of: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Rows of model_drift_v1, fields in the contract's order; ``of`` are model_id, model_version, as_of, known_at and run_id."""
    rows: list[dict[str, Any]] = [
        {
            **of,
            "subject_kind": shift.kind,
            "subject": shift.subject,
            "rows": shift.rows,
            "rows_before": shift.rows_before,
            "psi": shift.psi,
            "psi_by_chance": shift.chance,
            "missing_share": shift.missing,
            "missing_share_before": shift.missing_before,
            "warning": shift.warning,
        }
        for shift in drift.shifts
    ]
    same = ("rows", "positives", "mean_score", "observed_rate", "roc_auc", "roc_auc_low", "roc_auc_high", "warning")
    rows += [
        {**of, "subject_kind": "label", "subject": str(moment.as_of), **{name: getattr(moment, name) for name in same}}
        for moment in drift.moments
    ]
    return [tuple({**row, "retrain": drift.retrain}.get(name) for name in MODEL_DRIFT.columns) for row in rows]
