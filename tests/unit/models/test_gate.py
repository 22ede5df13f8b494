"""The gate: each condition alone decides, and says in one sentence what it was judged by."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gridlens.models.definition import Gate
from gridlens.models.figures import AtCapacity, Baseline, Comparison, Figures, GroupFigures
from gridlens.models.gate import decide


def group(value: str, ratio: float, *, judged: bool = True, column: str = "category") -> GroupFigures:
    return GroupFigures(column, value, 500, 40, 0.08 * ratio, 0.08, ratio, 0.7, 0.1, 0.3, judged)


GROUPS = (group("residential", 0.9), group("commercial", 1.3), group("agricultural", 9.0, judged=False))
GOOD = Figures(
    rows=4000,
    positives=320,
    rate=0.08,
    mean_score=0.085,
    roc_auc=0.78,
    roc_auc_low=0.75,
    roc_auc_high=0.81,
    pr_auc=0.3,
    log_loss=0.24,
    brier=0.066,
    calibration_error=0.012,
    calibration_slope=0.97,
    calibration_intercept=0.01,
    ks=0.42,
    calibration=(),
    top=(),
    capacity=AtCapacity(100, 40.0, 0.4, 0.125),
    gains=(),
    groups=GROUPS,
    disparity=1.3 / 0.9,
)
BASELINES = (
    Baseline("prior", None, 0.5, 0.08, 0.28, 0.07, 0.1, 0.08),
    Baseline("one_rule", "late_bills_365d", 0.71, 0.2, 0.26, 0.07, 0.3, 0.3),
)
AS_GOOD = Comparison(4000, 320, 0.78, 0.779, 0.001, -0.006, 0.008, 0.95, 0.24, 0.241, 0.83)
GATE = Gate(min_auc=0.7, min_gain=0.05, max_calibration_error=0.03, max_disparity=1.5, tolerance=0.01, min_positives=100)


def replace_gate(**changed: float) -> Gate:
    return GATE.model_copy(update=changed)


def test_a_version_that_meets_everything_is_champion_and_says_by_what() -> None:
    decision = decide(GATE, GOOD, baselines=BASELINES, against=AS_GOOD, champion="3")
    assert decision.champion
    assert [check.name for check in decision.checks] == ["positives", "roc_auc", "gain", "calibration", "ratio", "disparity", "champion"]
    assert decision.reasons == (
        "320 positives in 4,000 test rows are enough (at least 100).",
        "The ROC-AUC of 0.7800 (95 %: 0.7500 to 0.8100) reaches 0.7000.",
        "Its gain over the best baseline, one rule (late_bills_365d), 0.7100, is +0.0700, at least +0.0500.",
        "The calibration error of 0.0120 is within 0.0300: 8.50% predicted, 8.00% observed.",
        "Predicted over observed positives in all, drawn towards 1, are 1.06: a factor of 1.06, within 1.50.",
        "Predicted over observed positives, drawn towards all rows, range by category from 0.90 (residential) to 1.30 (commercial): "
        "a factor of 1.44, within 1.50.",
        "Against champion 3 on the same 4,000 rows the ROC-AUC changes by +0.0010 (95%: -0.0060 to +0.0080), at worst within the tolerance "
        "of 0.0100; 83% of the team's cases are the same.",
    )


@pytest.mark.parametrize(
    ("changed", "against", "said"),
    [
        ({"positives": 99}, AS_GOOD, "99 positives in 4,000 test rows decide nothing (at least 100)."),
        ({"roc_auc": 0.699}, AS_GOOD, "does not reach 0.7000"),
        ({"roc_auc": 0.755}, AS_GOOD, "is +0.0450, less than the +0.0500"),
        ({"roc_auc": None}, AS_GOOD, "of one class"),
        ({"calibration_error": 0.031}, AS_GOOD, "is above 0.0300"),
        (
            {"disparity": 1.5 / 0.9, "groups": (group("a", 0.9), group("b", 1.5))},
            AS_GOOD,
            "from 0.90 (a) to 1.50 (b): a factor of 1.67, above 1.50",
        ),
        ({"mean_score": 0.1225, "calibration_error": 0.03}, AS_GOOD, "in all, drawn towards 1, are 1.52: a factor of 1.52, above 1.50."),
        ({"mean_score": 0.0505, "calibration_error": 0.03}, AS_GOOD, "in all, drawn towards 1, are 0.64: a factor of 1.56, above 1.50."),
        ({}, replace(AS_GOOD, low=-0.0101), "at worst beyond the tolerance of 0.0100"),
        ({}, None, "Champion 3 could not be compared on the same rows"),
    ],
    ids=["positives", "auc", "gain", "one class", "calibration", "too many", "too few", "disparity", "worse", "not compared"],
)
def test_each_condition_alone_makes_a_challenger(changed: dict[str, object], against: Comparison | None, said: str) -> None:
    decision = decide(GATE, replace(GOOD, **changed), baselines=BASELINES, against=against, champion="3")
    assert not decision.champion
    assert any(said in reason for reason in decision.reasons)
    failed = [check for check in decision.checks if not check.passed]
    assert decision.reasons == tuple(check.sentence for check in failed)
    assert len(failed) <= 2


def test_a_wide_interval_is_no_proof_of_being_as_good() -> None:
    better_by_chance = replace(AS_GOOD, difference=0.02, low=-0.03, high=0.07)
    assert not decide(GATE, GOOD, baselines=BASELINES, against=better_by_chance, champion="3").champion


def test_a_champion_that_cannot_score_any_more_is_replaced_with_the_reason_but_not_by_a_bad_version() -> None:
    lost = "version 3 of arrears cannot score without the features industry_code: compute them, or train anew"
    decision = decide(GATE, GOOD, baselines=BASELINES, champion="3", lost=lost)
    assert decision.champion
    assert decision.reasons[-1] == f"Champion 3 cannot score any more and does not keep the place: {lost}."
    assert not decide(GATE, replace(GOOD, roc_auc=0.6), baselines=BASELINES, champion="3", lost=lost).champion


def test_the_first_version_has_no_champion_to_beat() -> None:
    decision = decide(GATE, GOOD, baselines=BASELINES)
    assert decision.champion
    assert "champion" not in {check.name for check in decision.checks}


def test_without_groups_or_baselines_these_conditions_are_left_out() -> None:
    decision = decide(GATE, replace(GOOD, groups=(), disparity=None))
    assert {check.name for check in decision.checks} == {"positives", "roc_auc", "calibration", "ratio"}


RARE = {"rows": 4000, "positives": 55, "rate": 55 / 4000}


def test_a_rare_event_that_is_hardly_predicted_at_all_passes_the_calibration_error_but_not_the_gate() -> None:
    nobody = replace(GOOD, **RARE, mean_score=0.0001, calibration_error=0.0137)
    everybody = replace(GOOD, **RARE, mean_score=0.04, calibration_error=0.026)
    for figures in (nobody, everybody):
        decision = decide(replace_gate(min_positives=30), figures, baselines=BASELINES)
        assert [check.name for check in decision.checks if not check.passed] == ["ratio"]


@pytest.mark.parametrize(("positives", "predicted"), [(10, 19.9), (10, 3.4), (15, 8), (30, 17)])
def test_the_level_of_few_positives_is_not_judged_by_chance(positives: int, predicted: float) -> None:
    figures = replace(GOOD, positives=positives, rate=positives / 4000, mean_score=predicted / 4000)
    assert decide(replace_gate(min_positives=10), figures, baselines=BASELINES).champion


def test_the_spread_named_is_that_of_the_column_that_spreads_most() -> None:
    groups = (*GROUPS, group("north", 0.8, column="area"), group("south", 1.6, column="area"))
    decision = decide(GATE, replace(GOOD, groups=groups, disparity=2.0), baselines=BASELINES)
    assert decision.reasons == (
        "Predicted over observed positives, drawn towards all rows, range by area from 0.80 (north) to 1.60 (south): "
        "a factor of 2.00, above 1.50.",
    )
