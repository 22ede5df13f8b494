"""The bad rate has to rise from grade to grade out of time; a fall within chance is none."""

from __future__ import annotations

import pytest
from gridlens.models.gate import Check, Decision
from gridlens.models.grade_order import GradeFacts, difference, grade_check
from scipy.stats import norm


def grades(*counts: tuple[int, int]) -> list[GradeFacts]:
    """(rows, bad rows) of A, B, …"""
    return [GradeFacts(name, rows, bad / rows, 0.1) for name, (rows, bad) in zip("ABCDE", counts, strict=False)]


def test_rising_rates_are_told_with_the_condition() -> None:
    found = grade_check(grades((1000, 5), (800, 16), (500, 40)))
    assert found.passed
    assert found.sentence.endswith("by more than chance: A 0.50%, B 2.00%, C 8.00%.")


def test_a_fall_within_chance_is_no_fall() -> None:
    assert grade_check(grades((1000, 5), (60, 6), (50, 4), (40, 9))).passed


def test_a_fall_beyond_chance_is_refused_and_named() -> None:
    found = grade_check(grades((1000, 5), (900, 90), (800, 30), (500, 60)))
    assert not found.passed
    assert found.sentence.startswith("On the test rows the bad rate falls from grade B (10.00% of 900) to C (3.75% of 800), by more than")


def test_one_grade_compares_with_nothing() -> None:
    assert not grade_check(grades((100, 5))).passed
    assert not grade_check([]).passed


def test_on_many_rows_the_interval_is_that_of_two_rates() -> None:
    better, worse = grades((40_000, 4_000), (50_000, 6_000))
    reach = norm.ppf(0.975) * (0.1 * 0.9 / 40_000 + 0.12 * 0.88 / 50_000) ** 0.5
    assert difference(better, worse) == pytest.approx((0.02 - reach, 0.02 + reach), abs=2e-5)


def test_a_further_condition_counts_like_the_others() -> None:
    passed = Decision(True, (Check("auc", True, "It ranks."),))
    assert passed.also(Check("grades", True, "They rise.")).champion
    refused = passed.also(Check("grades", False, "They fall."))
    assert (refused.champion, refused.reasons) == (False, ("They fall.",))
