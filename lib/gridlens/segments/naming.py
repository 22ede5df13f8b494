"""Names of segments, made from what sets each apart from the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gridlens.segments.definition import Phrase

SHORT = 2
"""Phrases in a name unless more are needed to tell two segments apart."""
NOTABLE = 0.5
"""Least difference, in standard deviations of all accounts, that is put in a name."""
Name = tuple[str, str]


def differences(means: np.ndarray, counts: np.ndarray, squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each segment's mean against that of all others.

    Args:
        means: of each measure, NaN where none of the segment is known. Shape (segments, measures).
        counts: accounts whose measure is known, same shape.
        squares: mean of the squared measure, same shape.

    Returns:
        mean of the others, and the difference in standard deviations of all accounts (0 where these are 0 or a side is empty).
    """
    sums, square_sums = np.nan_to_num(means) * counts, np.nan_to_num(squares) * counts
    with np.errstate(invalid="ignore", divide="ignore"):
        others = (sums.sum(axis=0) - sums) / (counts.sum(axis=0) - counts)
        whole = sums.sum(axis=0) / counts.sum(axis=0)
        deviation = np.sqrt(np.maximum(square_sums.sum(axis=0) / counts.sum(axis=0) - whole**2, 0))
        apart = (means - others) / deviation
    return others, np.where(np.isfinite(apart), apart, 0.0)


def names(apart: np.ndarray, phrases: Sequence[Phrase], sizes: Sequence[int], taken: Sequence[Name | None]) -> list[Name]:
    """A unique name of each segment in Chinese and English, the largest segment first.

    Args:
        apart: standardized differences, shape (segments, phrases).
        phrases: what is said of each measure.
        sizes: accounts of each segment.
        taken: names that stay as they are; None where one is to be made.
    """
    result = list(taken)
    used = {name for name in taken if name}
    for segment in sorted(range(len(sizes)), key=lambda s: (-sizes[s], s)):
        if result[segment] is None:
            made = _unused(_phrases_of(apart[segment], phrases), used)
            result[segment] = made
            used.add(made)
    return [name for name in result if name]


def _phrases_of(apart: np.ndarray, phrases: Sequence[Phrase]) -> list[Name]:
    order = sorted(range(len(phrases)), key=lambda i: (-abs(apart[i]), i))
    notable = [i for i in order if abs(apart[i]) >= NOTABLE]
    words = [phrases[i].high if apart[i] > 0 else phrases[i].low for i in notable]
    return list(dict.fromkeys((word.zh, word.en) for word in words)) or [("接近平均", "near the average")]


def _unused(words: list[Name], used: set[Name]) -> Name:
    for length in range(min(SHORT, len(words)), len(words) + 1):
        name = _joined(words[:length])
        if name not in used:
            return name
    zh, en = _joined(words)
    number = next(n for n in range(2, len(used) + 3) if (f"{zh}（{n}）", f"{en} ({n})") not in used)
    return f"{zh}（{number}）", f"{en} ({number})"


def _joined(words: Sequence[Name]) -> Name:
    return "、".join(zh for zh, _ in words), ", ".join(en for _, en in words)
