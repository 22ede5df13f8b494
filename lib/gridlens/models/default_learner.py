"""How a model is fitted where no definition says it: ``gridlens train --data``."""

from __future__ import annotations

from gridlens.models.definition import AlgorithmDefinition, LearnerDefinition

DEFAULT_LEARNER = LearnerDefinition(
    algorithms=(
        AlgorithmDefinition(kind="gradient_boosted_trees"),
        AlgorithmDefinition(kind="random_forest"),
        AlgorithmDefinition(kind="logistic_regression"),
    ),
    combine="blend",
)
"""Boosted trees, a forest and a regression with the settings of gridlens.models.algorithms.DEFAULTS, blended. Each
alone was below LightGBM on folds of powerco_churn, the blend was not (stand-ins of MLlib's trees, 2026-11)."""
