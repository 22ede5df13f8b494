"""One line of a scorecard as its definition states it: what it reads, whose sub-score it counts in, how it is cut into bins."""

from __future__ import annotations

from typing import Literal

from pydantic import Field as ModelField

from gridlens.definitions import Frozen
from gridlens.models.woe import Direction, Limits

_ID = r"^[a-z][a-z0-9_]*$"
Group = Literal["willingness", "ability", "history"]
GROUPS: dict[Group, tuple[str, str]] = {
    "willingness": ("缴费意愿", "Willingness to pay"),
    "ability": ("支付能力", "Ability to pay"),
    "history": ("信用历史", "Credit history"),
}


class BinningDefinition(Frozen):
    """How a characteristic is cut into bins.

    Attributes:
        min_share: least part of all rows in a bin of values.
        min_events: least bad rows, and least good rows, in any bin; a missing or special bin with fewer says nothing (WOE 0).
        max_bins: most bins of values.
        enough: the fewest bins are taken that keep this part of the best information value.
        fine_bins: groups of about equal size that cuts are chosen from.
        digits: significant decimal digits of a cut; values that differ in later digits alone fall into one bin.
    """

    min_share: float = ModelField(default=0.05, gt=0, le=0.5)
    min_events: int = ModelField(default=20, ge=1)
    max_bins: int = ModelField(default=6, ge=2, le=20)
    enough: float = ModelField(default=0.99, gt=0, le=1)
    fine_bins: int = ModelField(default=200, ge=2, le=200)
    digits: int = ModelField(default=3, ge=1, le=5)

    def limits(self, rows: float) -> Limits:
        """What a bin of ``rows`` rows in all must hold."""
        return Limits(self.min_share * rows, self.min_events, self.max_bins, self.enough)


class Characteristic(Frozen):
    """One line of the scorecard: a column, or one number made from several.

    Attributes:
        id: name.
        group: whose sub-score its points count in.
        inputs: columns.
        how: ``value`` of the one input, or ``sum``, ``mean``, ``max``, ``min`` of them, or how many are ``above`` the limit.
        limit: of ``above``.
        floor: an input below it counts as this.
        over: the result is divided by this column; missing where that is 0. What has a missing input is missing.
        kind: ``number`` (flags are 0 and 1) or ``category``.
        monotone: how the bad rate moves with the value; ``automatic`` takes the direction that says more, ``none`` any course.
        special: values that are codes and have a bin of their own.
        binning: instead of the scorecard's.
        zh, en: how a reason names it.
        strong_because: why its columns may tell the label almost alone; without it such a column stops the training as a leak.
    """

    id: str = ModelField(pattern=_ID)
    group: Group
    inputs: tuple[str, ...] = ModelField(min_length=1)
    how: Literal["value", "sum", "mean", "max", "min", "above"] = "value"
    limit: float | None = None
    floor: float | None = None
    over: str | None = None
    kind: Literal["number", "category"] = "number"
    monotone: Direction = "automatic"
    special: tuple[float, ...] = ()
    binning: BinningDefinition | None = None
    zh: str = ModelField(min_length=1)
    en: str = ModelField(min_length=1)
    strong_because: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.inputs, self.over) if self.over else self.inputs
