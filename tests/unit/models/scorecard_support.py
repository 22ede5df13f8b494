"""A small credit table with known reasons for being bad, and the definition of its scorecard."""

from __future__ import annotations

import numpy as np
import pandas as pd
from gridlens.models.scorecard_definition import ScorecardDefinition

DEFINITION: dict = {
    "id": "small",
    "name_zh": "小",
    "name_en": "Small",
    "purpose": "A scorecard for tests",
    "limits": "Nothing but tests",
    "owner": "tests",
    "version": 1,
    "population": "true",
    "label": {"function": "given", "horizon_days": 30},
    "binning": {"min_share": 0.05, "min_events": 10, "max_bins": 5},
    "selection": {"min_iv": 0.02, "max_correlation": 0.8, "max_vif": 5},
    "scaling": {"points": 600, "odds": 20, "double": 40},
    "grades": {
        "best_first": [{"id": g, "zh": g, "en": g} for g in "ABCDE"],
        "min_share": 0.05,
        "min_events": 3,
    },
    "overlay": {
        "most": 2,
        "factors": [
            {"id": "guarantee", "zh": "担保", "en": "guarantee", "move": 1},
            {"id": "dispute", "zh": "争议", "en": "dispute", "move": -1},
            {"id": "theft", "zh": "窃电", "en": "theft found", "at_most": "D"},
            {"id": "weak_industry", "zh": "行业低迷", "en": "weak industry", "move": -1},
        ],
    },
    "reasons": {"top": 3},
    "characteristics": [
        {"id": "late", "group": "history", "inputs": ["late_share"], "monotone": "increasing", "special": [-1.0]},
        {"id": "late_again", "group": "history", "inputs": ["late_percent"]},
        {"id": "bill_use", "group": "ability", "inputs": ["bill", "extra"], "how": "sum", "over": "income"},
        {"id": "worst", "group": "willingness", "inputs": ["delay_1", "delay_2"], "how": "max", "floor": 0},
        {"id": "channel", "group": "willingness", "inputs": ["channel"], "kind": "category"},
        {"id": "noise", "group": "ability", "inputs": ["noise"]},
    ],
}


def definition(**changes: object) -> ScorecardDefinition:
    """The definition, with other fields at its top."""
    content: dict = {**DEFINITION, **changes}
    named = [{"zh": one["id"], "en": one["id"], **one} for one in content["characteristics"]]
    return ScorecardDefinition.model_validate({**content, "characteristics": named})


def table(rows: int = 3000, seed: int = 11) -> pd.DataFrame:
    """Rows whose log odds of bad are known; with missing and special values, a rare category and one with odd letters."""
    random = np.random.default_rng(seed)
    late = random.choice([0.0, 0.1, 0.25, 0.5, 0.9], rows) + random.uniform(0, 0.05, rows)
    bill, extra, income = random.lognormal(5, 1, rows), random.uniform(0, 50, rows), random.lognormal(7, 0.5, rows)
    delay_1, delay_2 = random.integers(-2, 6, rows).astype(float), random.integers(-2, 6, rows).astype(float)
    channel = random.choice(["app", "it's $x \\ 渠道", "counter", "bank", "rare"], rows, p=[0.4, 0.2, 0.2, 0.19, 0.01])
    worse = {"app": -0.5, "it's $x \\ 渠道": 0.0, "counter": 0.6, "bank": 0.2, "rare": 0.0}
    odds = -3 + 2.5 * late + 1.5 * (bill + extra) / income + 0.25 * np.maximum(np.maximum(delay_1, delay_2), 0)
    label = random.random(rows) < 1 / (1 + np.exp(-(odds + np.array([worse[c] for c in channel]))))
    frame = pd.DataFrame(
        {
            "row": np.arange(rows),
            "label": label.astype(int),
            "late_share": np.where(random.random(rows) < 0.1, np.nan, np.where(random.random(rows) < 0.08, -1.0, late)),
            "late_percent": 100 * late,
            "bill": bill,
            "extra": extra,
            "income": np.where(random.random(rows) < 0.03, 0.0, income),
            "delay_1": delay_1,
            "delay_2": np.where(random.random(rows) < 0.02, np.nan, delay_2),
            "channel": channel,
            "noise": random.normal(size=rows),
        }
    )
    frame["channel"] = frame["channel"].where(random.random(rows) > 0.05, None)
    return frame
