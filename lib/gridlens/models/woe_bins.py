"""Bins of one characteristic with their counts, weight of evidence and information value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gridlens.definitions import Frozen
from gridlens.models.characteristic import BinningDefinition, Characteristic
from gridlens.models.woe import merged, thinned, woe_iv


class Bin(Frozen):
    """One bin.

    Attributes:
        kind: ``range`` (low <= value < high, None is open), ``values`` (categories), ``other`` (categories that are rare or were
            never seen), ``special`` (the one code in values), ``missing``.
        rows, events: of the training table; events are the bad rows.
        woe: weight of evidence; 0 where there are too few rows to say.
        iv: its part of the information value.
        points: on the scorecard; 0 before there is one.
    """

    kind: Literal["range", "values", "other", "special", "missing"]
    low: float | None = None
    high: float | None = None
    values: tuple[str | float, ...] = ()
    rows: int
    events: int
    woe: float
    iv: float
    points: float = 0.0

    @property
    def text(self) -> str:
        """How it is shown."""
        if self.kind == "range":
            low = "" if self.low is None else f"{self.low:g} ≤ "
            high = "" if self.high is None else f" < {self.high:g}"
            return f"{low}value{high}" if low or high else "any value"
        shown = [f"{v:g}" if isinstance(v, float) else v for v in self.values]
        return ", ".join([*shown, "any other"] if self.kind == "other" else shown) or self.kind


class Binned(Frozen):
    """A characteristic with its bins: those of values in rising order (categories: rising bad rate), then special values, then missing."""

    characteristic: Characteristic
    bins: tuple[Bin, ...]

    @property
    def id(self) -> str:
        return self.characteristic.id

    @property
    def iv(self) -> float:
        return sum(one.iv for one in self.bins)

    @property
    def cuts(self) -> tuple[float, ...]:
        return tuple(one.low for one in self.bins if one.kind == "range" and one.low is not None)


@dataclass(frozen=True, eq=False)
class Counted:
    """Rows of one characteristic by value.

    Attributes:
        values: different values, numbers as lower ends of their fine bins in rising order, categories as text.
        rows, events: of each value. Shape (values,).
        special: (rows, events) of each special value.
        missing: (rows, events) without a value.
        all_rows, all_events: of the table.
    """

    values: Sequence[float] | Sequence[str]
    rows: np.ndarray
    events: np.ndarray
    special: Mapping[float, tuple[int, int]]
    missing: tuple[int, int]
    all_rows: int
    all_events: int


def binned(characteristic: Characteristic, counted: Counted, default: BinningDefinition) -> Binned:
    """The best bins; none of values where they cannot hold what the definition asks of a bin."""
    how = characteristic.binning or default
    parts = _of_categories(counted, how) if characteristic.kind == "category" else _of_numbers(characteristic, counted, how)
    if parts:
        rest = [{"kind": "special", "values": (v,), **_count(*counted.special.get(v, (0, 0)))} for v in characteristic.special]
        parts += [*rest, {"kind": "missing", **_count(*counted.missing)}]
    return Binned(characteristic=characteristic, bins=_weighed(parts, counted, how.min_events))


def _count(rows: float, events: float) -> dict[str, int]:
    return {"rows": int(rows), "events": int(events)}


def _weighed(parts: Sequence[dict[str, object]], counted: Counted, min_events: int) -> tuple[Bin, ...]:
    bad = np.array([part["events"] for part in parts], dtype=float)
    good = np.array([part["rows"] for part in parts], dtype=float) - bad
    woe, iv = woe_iv(bad, good, all_bad=counted.all_events, all_good=counted.all_rows - counted.all_events)
    speaks = (bad >= min_events) & (good >= min_events)
    woe, iv = np.where(speaks, woe, 0.0), np.where(speaks, iv, 0.0)
    return tuple(Bin.model_validate({**part, "woe": w, "iv": v}) for part, w, v in zip(parts, woe.tolist(), iv.tolist(), strict=True))


def _best(rows: np.ndarray, events: np.ndarray, counted: Counted, how: BinningDefinition, direction: str) -> tuple[int, ...]:
    return merged(
        events,
        rows - events,
        limits=how.limits(counted.all_rows),
        direction=direction,  # type: ignore[arg-type]  # checked by the definition
        all_bad=counted.all_events,
        all_good=counted.all_rows - counted.all_events,
    )


def _of_numbers(characteristic: Characteristic, counted: Counted, how: BinningDefinition) -> list[dict[str, object]]:
    if not len(counted.rows):
        return []
    fine = thinned(counted.rows, how.fine_bins)
    rows, events = np.add.reduceat(counted.rows, fine), np.add.reduceat(counted.events, fine)
    starts = _best(rows, events, counted, how, characteristic.monotone)
    if not starts:
        return []
    low = [float(counted.values[fine[start]]) for start in starts[1:]]
    sums = zip(np.add.reduceat(rows, starts), np.add.reduceat(events, starts), strict=True)
    edges = zip([None, *low], [*low, None], strict=True)
    return [{"kind": "range", "low": a, "high": b, **_count(*n)} for (a, b), n in zip(edges, sums, strict=True)]


def _of_categories(counted: Counted, how: BinningDefinition) -> list[dict[str, object]]:
    """Categories in the order of their bad rates, merged; the rare ones count as one category."""
    rare = counted.rows < how.min_share * counted.all_rows
    names: list[tuple[str, ...]] = [(str(value),) for value, few in zip(counted.values, rare, strict=True) if not few]
    rows, events = counted.rows[~rare], counted.events[~rare]
    if rare.any():
        names.append(())
        rows, events = np.append(rows, counted.rows[rare].sum()), np.append(events, counted.events[rare].sum())
    order = sorted(range(len(names)), key=lambda i: (events[i] / rows[i], names[i]))
    rows, events = rows[order], events[order]
    starts = _best(rows, events, counted, how, "increasing")
    parts: list[dict[str, object]] = []
    for start, end in zip(starts, [*starts[1:], len(names)], strict=True):
        inside = [names[i] for i in order[start:end]]
        kind = "other" if () in inside else "values"
        values = tuple(sorted(value for one in inside for value in one))
        parts.append({"kind": kind, "values": values, **_count(rows[start:end].sum(), events[start:end].sum())})
    if parts and not rare.any():
        parts.append({"kind": "other", **_count(0, 0)})
    return parts
