"""Whether a version becomes champion: each condition of the gate with the figures that it was judged by, in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gridlens.models.definition import Gate
from gridlens.models.figures import Baseline, Comparison, Figures, farthest_apart


@dataclass(frozen=True)
class Check:
    """One condition: its name, whether it is met, and the sentence that says so."""

    name: str
    passed: bool
    sentence: str


@dataclass(frozen=True)
class Decision:
    """The gate's decision.

    Attributes:
        champion: every condition is met; otherwise the version is a challenger.
        checks: all conditions, in the gate's order.
    """

    champion: bool
    checks: tuple[Check, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """The sentences of the conditions that are not met; of a champion, those of all."""
        return tuple(check.sentence for check in self.checks if self.champion or not check.passed)

    def also(self, check: Check) -> Decision:
        """The decision where this condition has to be met, too."""
        return Decision(self.champion and check.passed, (*self.checks, check))


def decide(
    gate: Gate,
    figures: Figures,
    *,
    baselines: Sequence[Baseline] = (),
    against: Comparison | None = None,
    champion: str | None = None,
    lost: str | None = None,
) -> Decision:
    """The decision about a version.

    Args:
        gate: what must be reached.
        figures: the version's, out of time.
        baselines: on the same rows.
        against: the version and the champion on the same rows, its confidence that of the gate.
        champion: the champion's version; None where there is none yet. One that could not be compared is not replaced.
        lost: why the champion cannot score any more; such a one holds the place against nobody.
    """
    checks = (
        _positives(gate, figures),
        *_auc(gate, figures),
        *_gain(gate, figures, baselines),
        _calibration(gate, figures),
        _ratio(gate, figures),
        *_disparity(gate, figures),
        *_champion(gate, against, champion, lost),
    )
    return Decision(all(check.passed for check in checks), checks)


def _positives(gate: Gate, figures: Figures) -> Check:
    enough = figures.positives >= gate.min_positives
    said = "are enough" if enough else "decide nothing"
    return Check(
        "positives", enough, f"{figures.positives:,} positives in {figures.rows:,} test rows {said} (at least {gate.min_positives:,})."
    )


def _auc(gate: Gate, figures: Figures) -> Iterator[Check]:
    if figures.roc_auc is None:
        yield Check("roc_auc", False, "The test rows are of one class, so that there is no ROC-AUC.")
        return
    reached = figures.roc_auc >= gate.min_auc
    said = "reaches" if reached else "does not reach"
    yield Check("roc_auc", reached, f"The ROC-AUC of {figures.roc_auc:.4f}{_interval(figures)} {said} {gate.min_auc:.4f}.")


def _interval(figures: Figures) -> str:
    if figures.roc_auc_low is None or figures.roc_auc_high is None:
        return ""
    return f" (95 %: {figures.roc_auc_low:.4f} to {figures.roc_auc_high:.4f})"


def _gain(gate: Gate, figures: Figures, baselines: Sequence[Baseline]) -> Iterator[Check]:
    known = [b for b in baselines if b.roc_auc is not None]
    if figures.roc_auc is None or not known:
        return
    best = max(known, key=lambda b: b.roc_auc or 0.0)
    gain = figures.roc_auc - (best.roc_auc or 0.0)
    reached = gain >= gate.min_gain
    name = best.name.replace("_", " ") + (f" ({best.feature})" if best.feature else "")
    said = "at least" if reached else "less than the"
    yield Check(
        "gain", reached, f"Its gain over the best baseline, {name}, {best.roc_auc:.4f}, is {gain:+.4f}, {said} {gate.min_gain:+.4f}."
    )


def _calibration(gate: Gate, figures: Figures) -> Check:
    within = figures.calibration_error <= gate.max_calibration_error
    said = "within" if within else "above"
    sentence = (
        f"The calibration error of {figures.calibration_error:.4f} is {said} {gate.max_calibration_error:.4f}: "
        f"{figures.mean_score:.2%} predicted, {figures.rate:.2%} observed."
    )
    return Check("calibration", within, sentence)


def _ratio(gate: Gate, figures: Figures) -> Check:
    factor = max(figures.ratio, 1 / figures.ratio)
    within = factor <= gate.max_ratio
    sentence = (
        f"Predicted over observed positives in all, drawn towards 1, are {figures.ratio:.2f}: "
        f"a factor of {factor:.2f}, {'within' if within else 'above'} {gate.max_ratio:.2f}."
    )
    return Check("ratio", within, sentence)


def _disparity(gate: Gate, figures: Figures) -> Iterator[Check]:
    low_high = farthest_apart(figures.groups)
    if figures.disparity is None or low_high is None:
        return
    low, high = low_high
    within = figures.disparity <= gate.max_disparity
    sentence = (
        f"Predicted over observed positives, drawn towards all rows, range by {low.column} "
        f"from {low.ratio:.2f} ({low.value}) to {high.ratio:.2f} ({high.value}): "
        f"a factor of {figures.disparity:.2f}, {'within' if within else 'above'} {gate.max_disparity:.2f}."
    )
    yield Check("disparity", within, sentence)


def _champion(gate: Gate, against: Comparison | None, champion: str | None, lost: str | None) -> Iterator[Check]:
    if against is None:
        if champion is not None and lost:
            yield Check("champion", True, f"Champion {champion} cannot score any more and does not keep the place: {lost}.")
        elif champion is not None:
            yield Check("champion", False, f"Champion {champion} could not be compared on the same rows, so that it is not replaced.")
        return
    name = f"champion {champion}" if champion is not None else "the champion"
    as_good = against.low >= -gate.tolerance
    said = "within" if as_good else "beyond"
    sentence = (
        f"Against {name} on the same {against.rows:,} rows the ROC-AUC changes by {against.difference:+.4f} "
        f"({against.confidence:.0%}: {against.low:+.4f} to {against.high:+.4f}), at worst {said} the tolerance of {gate.tolerance:.4f}; "
        f"{against.common:.0%} of the team's cases are the same."
    )
    yield Check("champion", as_good, sentence)
