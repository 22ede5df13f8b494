"""Examples to learn from: untouched series, the same with a pattern put into them, and series up to the day of an inspection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gridlens.anomaly.evidence import evidence
from gridlens.anomaly.patterns import PATTERNS, inject
from gridlens.anomaly.weeks import DAYS, Diary, Reference, usual_day
from gridlens.arrow import Arrays

FIRST_START, LAST_START = 365, 28
"""A pattern begins at the earliest and at the latest so many days before the last one."""
HONEST = ("scaled", "reduced", "capped")
"""Patterns that an account's own use may follow as well, when people move out or save."""
LEAST_METERED = 180
"""Days of the last year on which the loss of the transformer must be known for that."""
_SEED = 0xFFFFFFFFFFFF
BEFORE = 60
"""Known days of an account before the pattern."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Evidence of examples.

    Attributes:
        features: arrays of shape (examples,).
        row: the series that each was made of. Shape (examples,), int64.
        label: 1 where a pattern is in it. Shape (examples,), int64.
    """

    features: Arrays
    row: np.ndarray
    label: np.ndarray


def examples(diary: Diary, references: Mapping[int, Reference], seeds: np.ndarray, *, copies: int, least_kwh: float) -> Examples:
    """Evidence of untouched and of changed series.

    What a pattern takes off the meter its transformer loses; of accounts whose transformer is metered there are untouched examples, too,
    in which as much less is used and nothing is lost. An account whose usual day is below ``least_kwh``, or that is known too
    short, gives untouched examples only.

    Args:
        diary: of accounts of one group of peers.
        references: of the accounts' peers by days back; each gives an untouched example that ends so many days earlier.
        seeds: of each account's random choices. Shape (n,), int64.
        copies: examples of each pattern and account.
        least_kwh: usual day from which patterns are put in.
    """
    daily, known = diary.daily, np.isfinite(diary.daily)
    found = [(evidence(diary.earlier(back), one), np.arange(len(diary)), 0) for back, one in references.items()]
    latest = DAYS - LAST_START
    first = np.maximum(np.argmax(np.cumsum(known, axis=1) >= BEFORE, axis=1), DAYS - FIRST_START)
    fit = np.flatnonzero((usual_day(daily) >= least_kwh) & (known.sum(axis=1) > BEFORE + LAST_START) & (first < latest))
    for copy in range(copies):
        for number, pattern in enumerate(PATTERNS):
            changed = np.empty((len(fit), DAYS))
            for i, row in enumerate(fit):
                random = np.random.default_rng([int(seeds[row]) & _SEED, copy, number])
                changed[i] = inject(daily[row], int(random.integers(first[row], latest)), pattern, random)
            lost = np.nan_to_num(daily[fit] - changed)
            found.append((evidence(Diary(changed, diary.excess[fit] + lost, diary.exported[fit]), references[0]), fit, 1))
    for copy in range(copies):
        metered = fit[np.isfinite(diary.excess[fit, -FIRST_START:]).sum(axis=1) >= LEAST_METERED]
        if len(metered):
            used = np.stack([_used_less(daily[row], int(first[row]), latest, [int(seeds[row]) & _SEED, copy]) for row in metered])
            found.append((evidence(Diary(used, diary.excess[metered], diary.exported[metered]), references[0]), metered, 0))
    return Examples(
        {name: np.concatenate([part[0][name] for part in found]) for name in found[0][0]},
        np.concatenate([part[1] for part in found]),
        np.concatenate([np.full(len(part[1]), part[2]) for part in found]),
    )


def _used_less(days: np.ndarray, first: int, latest: int, seed: list[int]) -> np.ndarray:
    """The days of an account that really uses less from some day on: the same energy is not supplied either."""
    random = np.random.default_rng([*seed, len(PATTERNS)])
    return inject(days, int(random.integers(first, latest)), str(random.choice(HONEST)), random)


def feature_names(facts: Sequence[str]) -> tuple[str, ...]:
    """The features, in order. Args: facts: what the evidence holds beside them."""
    nothing = np.full((1, DAYS), np.nan)
    found = evidence(Diary(nothing, nothing, nothing), _NOBODY)
    return tuple(name for name in found if name not in facts)


_NOBODY = Reference(np.ones(DAYS), 1.0, np.zeros((5, DAYS // 7)) + np.array([[1.0], [0], [0], [0], [0]]))
