"""The evidence of one account: when its days changed, how, what is missing since, and whether its transformer lost that much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridlens.anomaly.hours import Hours, hour_evidence, hour_steps, mean_parts
from gridlens.anomaly.scan import Scan, scan
from gridlens.anomaly.sides import contrast, correlation, days_after, form, side, steadiness, weeks_after
from gridlens.anomaly.weeks import DAYS, LEVEL_RIDGE, MIN_DAYS, OTHER_RIDGE, WEEK, WEEKS, Diary, Reference, usual_day, weekly_signals
from gridlens.arrow import Arrays

CHUNK = 256
"""Accounts at a time, so that intermediate arrays stay small."""
SHORTEST = 3
"""Weeks that both sides of a change must have."""
NEAR = (2, 4, 8)
"""Weeks on both sides of a change whose medians are compared."""
_AROUND = 2 * WEEK
_EVEN = 1e-3

FACTS = ("change", "lost_kwh", "expected_kwh", "loss_kwh")
"""What an alert says beside the features, see :func:`evidence`: amounts, which say nothing of how suspicious they are."""


def evidence(diary: Diary, reference: Reference) -> Arrays:
    """The features of every account and the FACTS of its most likely change.

    Args:
        diary: of n accounts of one group of peers.
        reference: of the group.

    Returns:
        Arrays of shape (n,). The facts: ``change``, first changed day as a position in the days; since then: ``lost_kwh``, what was
        expected and is not recorded (negative: more than expected), ``expected_kwh`` a day, and ``loss_kwh``, what the transformer lost
        more a day than before (NaN where not known). Among the features: ``ratio`` of what is recorded to what was expected,
        ``peer_ratio``, that of the account's energy against its peers to the same before, and ``size``, its usual day before against
        that of its peers.
    """
    parts = [_evidence(diary.rows(slice(begin, begin + CHUNK)), reference) for begin in range(0, max(len(diary), 1), CHUNK)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def told_days(daily: np.ndarray, hours: np.ndarray, reference: Reference) -> Arrays:
    """What an alert shows of the days.

    Args:
        daily: as in :class:`Diary`.
        hours: as in :class:`Diary`.
        reference: of the group.

    Returns:
        ``expected``: what each account would have used on each day, had it stayed as it was before its change, kWh. Shape (n, DAYS).
        ``day_before``, ``day_since``: energy in each part of a mean day on either side of the change, kWh, NaN without curves. Shape
        (n, PARTS).
    """
    steps = range(0, max(len(daily), 1), CHUNK)
    parts = [_told_days(daily[begin : begin + CHUNK], hours[begin : begin + CHUNK], reference) for begin in steps]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _told_days(daily: np.ndarray, hours: np.ndarray, reference: Reference) -> Arrays:
    model = _model(daily, hours, reference)
    since = weeks_after(model.best)
    return {"expected": model.expected, "day_before": mean_parts(hours, ~since), "day_since": mean_parts(hours, since)}


@dataclass(frozen=True, eq=False)
class _Model:
    """What is expected of n accounts.

    Attributes:
        usual: of usual_day. Shape (n,).
        scans: of each weekly signal; hours: of the parts of the day; best: the week that all of them together point at. Shape (n,).
        joint: sum of the squared statistics by week. Shape (n, WEEKS).
        weekly: log level of each week without season and peers. Shape (n, WEEKS).
        ratio: recorded against expected, the median of the days before the change being 1. Shape (n, DAYS).
        expected: kWh, as a mean. Shape (n, DAYS).
    """

    usual: np.ndarray
    scans: dict[str, Scan]
    hours: Hours
    found: Arrays
    best: np.ndarray
    joint: np.ndarray
    weekly: np.ndarray
    ratio: np.ndarray
    expected: np.ndarray


def _model(daily: np.ndarray, hours: np.ndarray, reference: Reference) -> _Model:
    usual = usual_day(daily)
    scans, level, found = _scans(weekly_signals(daily, usual), reference)
    parts = hour_steps(hours, reference.hours)
    joint = sum((np.square(one.statistic) for one in scans.values()), parts.joint)
    best = np.argmax(joint, axis=1)
    along = scans["level"].slopes @ reference.basis
    expected = np.exp(np.repeat(along, WEEK, axis=1) + reference.log_peers) * usual[:, None]
    before = ~np.repeat(weeks_after(best), WEEK, axis=1)
    ratio = daily / expected
    centre = np.maximum(_median(np.where(before, ratio, np.nan)), _EVEN)[:, None]
    ratio, expected = ratio / centre, expected * centre
    earlier = before & np.isfinite(ratio)
    count = earlier.sum(axis=1)
    mean = np.where(earlier, ratio, 0.0).sum(axis=1) / np.maximum(count, 1)
    expected = expected * np.where(count > 0, mean, 1.0)[:, None]  # a sum of days needs their mean, not their median
    return _Model(usual, scans, parts, found, best, joint, level - along, ratio, expected)


def _evidence(diary: Diary, reference: Reference) -> Arrays:
    daily = diary.daily
    model = _model(daily, diary.hours, reference)
    found, best = model.found, model.best
    found["joint"] = model.joint[np.arange(len(best)), best]
    found["weeks_since"] = (WEEKS - best).astype(np.float64)
    for name, one in model.scans.items():
        found[f"{name}_then"] = one.at(best)[0]
    found |= _around(model.weekly, best) | hour_evidence(model.hours, model.weekly, best)
    after = weeks_after(best)
    days = np.repeat(after, WEEK, axis=1)
    sides = {"before": side(model.ratio, ~days), "after": side(model.ratio, days)}
    found |= contrast(sides["before"], sides["after"])
    for name, weeks in (("before", ~after), ("after", after)):
        found |= form(name, sides[name], daily, model.ratio, model.usual, reference.log_peers)
        found |= steadiness(name, model.weekly, weeks)
    found["usual_kwh"] = model.usual
    change = _day_of_change(model.ratio, best)
    facts = _facts(daily, model.expected, change, reference)
    return found | facts | _transformer(diary, facts, change) | _generation(diary.exported, facts, change)


def _scans(signals: Arrays, reference: Reference) -> tuple[dict[str, Scan], np.ndarray, Arrays]:
    """The scan of every weekly signal; the level against the peers; what each scan found at its own best week."""
    scans: dict[str, Scan] = {}
    found: Arrays = {}
    level = signals["level"] - reference.log_weeks
    for name, signal in signals.items():
        own = name == "level"
        one = scan(level if own else signal, reference.basis, ridge=LEVEL_RIDGE if own else OTHER_RIDGE, shortest=SHORTEST)
        scans[name] = one
        found[f"{name}_best"], found[f"{name}_step"] = one.at(one.best)
        found[f"{name}_since"] = (WEEKS - one.best).astype(np.float64)
    return scans, level, found


def _around(weekly: np.ndarray, best: np.ndarray) -> Arrays:
    """How abrupt the change was, whether it lasted to the last weeks, and how the weeks vary."""
    week = np.arange(WEEKS)[None] - best[:, None]

    def between(low: int, high: int) -> np.ndarray:
        return _median(np.where((week >= low) & (week < high), weekly, np.nan))

    found = {f"abrupt_{n}": between(0, n) - between(-n, 0) for n in NEAR}
    found["lasting"] = between(0, WEEKS) - _median(weekly[:, -4:])
    known = np.isfinite(weekly)
    count = np.maximum(known.sum(axis=1), 1)
    centre = np.where(known, weekly, 0.0).sum(axis=1) / count
    found["unrest"] = np.sqrt(np.where(known, (weekly - centre[:, None]) ** 2, 0.0).sum(axis=1) / count)
    return found


def _median(values: np.ndarray) -> np.ndarray:
    """Median of each row over what is known, 0 where nothing is. Shape (n,)."""
    ordered = np.sort(values, axis=1)
    last = np.maximum(np.isfinite(ordered).sum(axis=1) - 1, 0)
    rows = np.arange(len(ordered))
    return np.nan_to_num((ordered[rows, last // 2] + ordered[rows, (last + 1) // 2]) / 2)


def _day_of_change(ratio: np.ndarray, best: np.ndarray) -> np.ndarray:
    """The day within two weeks of the best week at which two levels explain the days of four weeks on each side best. Shape (n,)."""
    offsets = np.arange(-2 * _AROUND, 2 * _AROUND)
    at = best[:, None] * WEEK + offsets
    inside = (at >= 0) & (at < DAYS)
    values = np.take_along_axis(ratio, np.clip(at, 0, DAYS - 1), axis=1)
    known = inside & np.isfinite(values)
    values = np.where(known, np.log(np.maximum(values, 0.05)), 0.0)
    left = np.cumsum(values, axis=1) - values
    left_count = np.cumsum(known, axis=1) - known
    total, count = values.sum(axis=1, keepdims=True), known.sum(axis=1, keepdims=True)
    right_count = count - left_count
    possible = (left_count >= MIN_DAYS) & (right_count >= MIN_DAYS) & (np.abs(offsets) <= _AROUND)
    gain = left**2 / np.maximum(left_count, 1) + (total - left) ** 2 / np.maximum(right_count, 1)
    gain = np.where(possible, gain, -np.inf)
    chosen = np.argmax(gain, axis=1)
    return np.where(possible.any(axis=1), best * WEEK + offsets[chosen], best * WEEK)


def _facts(daily: np.ndarray, expected: np.ndarray, change: np.ndarray, reference: Reference) -> Arrays:
    after, known = days_after(change), np.isfinite(daily)
    since, earlier = after & known, ~after & known
    count, count_before = np.maximum(since.sum(axis=1), 1), np.maximum(earlier.sum(axis=1), 1)
    recorded, awaited = (np.where(since, values, 0.0).sum(axis=1) for values in (daily, expected))
    against = daily / reference.peers
    rate = np.where(since, against, 0.0).sum(axis=1) / count
    rate_before = np.where(earlier, against, 0.0).sum(axis=1) / count_before
    return {
        "change": change.astype(np.float64),
        "lost_kwh": awaited - recorded,
        "expected_kwh": awaited / count,
        "ratio": recorded / np.maximum(awaited, _EVEN),
        "peer_ratio": rate / np.maximum(rate_before, _EVEN),
        "size": rate_before / reference.usual,
    }


def _transformer(diary: Diary, facts: Arrays, change: np.ndarray) -> Arrays:
    """Whether the transformer lost since the change what the account does not record any more; 0 where that is not known."""
    excess = diary.excess
    after, known = days_after(change), np.isfinite(excess)
    means, counts = [], []
    for inside in (after & known, ~after & known):
        count = np.maximum(inside.sum(axis=1), 1)
        mean = np.where(inside, excess, 0.0).sum(axis=1) / count
        means.append(mean)
        counts.append((inside.sum(axis=1), np.where(inside, (excess - mean[:, None]) ** 2, 0.0).sum(axis=1) / count))
    more = means[0] - means[1]
    told = (counts[0][0] >= WEEK) & (counts[1][0] >= WEEK)
    error = np.sqrt(counts[0][1] / np.maximum(counts[0][0], 1) + counts[1][1] / np.maximum(counts[1][0], 1))
    missing = facts["expected_kwh"] * (1 - facts["ratio"])
    return {
        "loss_kwh": np.where(told, more, np.nan),
        "loss_told": told.astype(np.float64),
        "loss_rise": np.where(told, more / (error + 0.05), 0.0),
        "loss_match": np.where(told, np.clip(more / np.where(np.abs(missing) > 0.1, missing, 0.1), -3.0, 3.0), 0.0),
        "loss_against_use": np.where(told, correlation(diary.daily, excess, after), 0.0),
    }


def _generation(exported: np.ndarray, facts: Arrays, change: np.ndarray) -> Arrays:
    """How much more the account exports since the change, against what was expected of it: whoever generates himself uses less."""
    after = days_after(change)
    given = np.nan_to_num(exported)
    since, before = (np.where(inside, given, 0.0).sum(axis=1) / np.maximum(inside.sum(axis=1), 1) for inside in (after, ~after))
    return {"export_rise": (since - before) / np.maximum(facts["expected_kwh"], 0.1), "exports": np.isfinite(exported).mean(axis=1)}
