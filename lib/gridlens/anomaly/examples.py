"""Examples to learn from: untouched series, the same with a pattern put into them, and series up to the day of an inspection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from gridlens.anomaly.evidence import evidence
from gridlens.anomaly.patterns import PART_PATTERNS, PATTERNS, inject, inject_parts
from gridlens.anomaly.weeks import DAYS, PARTS, WEEK, WEEKS, Diary, Reference, usual_day
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
LEAST_BEFORE, LEAST_SINCE = 3, 3
"""Weeks with curves before and after a pattern within the day."""


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
    short, gives untouched examples only. Patterns within the day are put into accounts with curves.

    Args:
        diary: of accounts of one group of peers.
        references: of the accounts' peers by days back, 0 among them; each gives an untouched example that ends so many days earlier.
        seeds: of each account's random choices. Shape (n,), int64.
        copies: examples of each pattern and account.
        least_kwh: usual day from which patterns are put in.
    """
    now = references[0]
    # The hours stay: an untouched example has as many weeks with curves as a changed one, else their number would tell the two apart.
    found = []
    for back, one in references.items():
        stood = replace(diary.earlier(back), hours=diary.hours)
        found.append((evidence(stood, replace(one, hours=now.hours)), np.arange(len(diary)), 0))
    for number, (change, label) in enumerate(_CHANGES):
        for copy in range(copies):
            rows, changed = change(diary, [[int(seed) & _SEED, copy, number] for seed in seeds], least_kwh)
            if len(rows):
                found.append((evidence(changed, now), rows, label))
    return Examples(
        {name: np.concatenate([part[0][name] for part in found]) for name in found[0][0]},
        np.concatenate([part[1] for part in found]),
        np.concatenate([np.full(len(part[1]), part[2]) for part in found]),
    )


_Change = Callable[[Diary, Sequence[Sequence[int]], float], tuple[np.ndarray, Diary]]
"""Of accounts, seeds and the least usual day: the accounts that could be changed, and these changed."""


def _fit(diary: Diary, least_kwh: float) -> tuple[np.ndarray, np.ndarray]:
    """Accounts that use enough for long enough, and the first day on which a pattern may begin, of every account."""
    known = np.isfinite(diary.daily)
    first = np.maximum(np.argmax(np.cumsum(known, axis=1) >= BEFORE, axis=1), DAYS - FIRST_START)
    enough = (known.sum(axis=1) > BEFORE + LAST_START) & (first < DAYS - LAST_START)
    return np.flatnonzero(enough & (usual_day(diary.daily) >= least_kwh)), first


def _change_days(pattern: str, diary: Diary, seeds: Sequence[Sequence[int]], least_kwh: float) -> tuple[np.ndarray, Diary]:
    """The days on the meter change; the transformer loses what they lack, and the parts of the day move with the days."""
    rows, first = _fit(diary, least_kwh)
    own, changed = diary.rows(rows), diary.daily[rows]
    for i, row in enumerate(rows):
        random = np.random.default_rng(seeds[int(row)])
        changed[i] = inject(own.daily[i], int(random.integers(first[row], DAYS - LAST_START)), pattern, random)
    lost = np.nan_to_num(own.daily - changed)
    return rows, Diary(changed, own.excess + lost, own.exported, _with_days(own.hours, own.daily, changed))


def _change_parts(pattern: str, diary: Diary, seeds: Sequence[Sequence[int]], least_kwh: float) -> tuple[np.ndarray, Diary]:
    """The parts of the day change; each day of a week has the week's share of its energy left."""
    rows = _fit(diary, least_kwh)[0]
    weeks = np.isfinite(diary.hours.reshape(len(diary), WEEKS, PARTS)).all(axis=2)
    rows = rows[weeks[rows].sum(axis=1) >= LEAST_BEFORE + LEAST_SINCE]
    own = diary.rows(rows)
    before = own.hours.reshape(len(rows), WEEKS, PARTS)
    after = before.copy()
    for i, row in enumerate(rows):
        random, there = np.random.default_rng(seeds[int(row)]), np.flatnonzero(weeks[row])
        after[i] = inject_parts(before[i], int(random.integers(there[LEAST_BEFORE], there[-LEAST_SINCE] + 1)), pattern, random)
    energy, left = before.sum(axis=2), after.sum(axis=2)
    share = np.where(energy > 0, left / np.where(energy > 0, energy, 1.0), 1.0)
    daily = own.daily * np.repeat(share, WEEK, axis=1)
    return rows, Diary(daily, own.excess + np.nan_to_num(own.daily - daily), own.exported, after.reshape(len(rows), WEEKS * PARTS))


def _use_less(diary: Diary, seeds: Sequence[Sequence[int]], least_kwh: float) -> tuple[np.ndarray, Diary]:
    """Accounts behind a metered transformer that really use less from some day on: the same energy is not supplied either."""
    rows, first = _fit(diary, least_kwh)
    rows = rows[np.isfinite(diary.excess[rows, -FIRST_START:]).sum(axis=1) >= LEAST_METERED]
    own, used = diary.rows(rows), diary.daily[rows]
    for i, row in enumerate(rows):
        random = np.random.default_rng(seeds[int(row)])
        used[i] = inject(own.daily[i], int(random.integers(first[row], DAYS - LAST_START)), str(random.choice(HONEST)), random)
    return rows, Diary(used, own.excess, own.exported, _with_days(own.hours, own.daily, used))


_CHANGES: tuple[tuple[_Change, int], ...] = (
    *((partial(_change_days, name), 1) for name in PATTERNS),
    *((partial(_change_parts, name), 1) for name in PART_PATTERNS),
    (_use_less, 0),
)
"""What is done to accounts, and the label of what comes of it."""


def _with_days(hours: np.ndarray, daily: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """The parts of the day when each week's energy becomes that of the ``changed`` days."""
    before, after = (np.nan_to_num(days).reshape(len(days), WEEKS, WEEK).sum(axis=2) for days in (daily, changed))
    share = np.where(before > 0, after / np.where(before > 0, before, 1.0), 1.0)
    return hours * np.repeat(share, PARTS, axis=1)


def feature_names(facts: Sequence[str]) -> tuple[str, ...]:
    """The features, in order. Args: facts: what the evidence holds beside them."""
    nothing = np.full((1, DAYS), np.nan)
    found = evidence(Diary(nothing, nothing, nothing, np.full((1, WEEKS * PARTS), np.nan)), _NOBODY)
    return tuple(name for name in found if name not in facts)


_NOBODY = Reference(np.ones(DAYS), 1.0, np.zeros((5, WEEKS)) + np.array([[1.0], [0], [0], [0], [0]]))
