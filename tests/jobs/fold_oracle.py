"""What the world's blocks and ratios must be at any moment of knowledge: plain Python over the source texts."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
Blocks = dict[tuple[str, str], float]


def moment(text: str) -> dt.datetime:
    """A source's local moment in UTC."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(dt.UTC)


def _records(texts: Iterable[str]) -> Iterator[dict[str, str]]:
    for text in texts:
        yield from csv.DictReader(io.StringIO(text))


def accepted_curves(texts: Iterable[str]) -> list[dict[str, str]]:
    """Rows with all their fields, a point, a known channel and a real day."""
    good = []
    for row in _records(texts):
        if row["point"] and row["channel"] == "1.8.0" and row.get("P96") is not None and not row["day"].startswith("2026-13"):
            good.append(row)
    return good


def moments(curves: Iterable[str], points: Iterable[str]) -> list[dt.datetime]:
    """Every moment at which something became known, and one before all of them."""
    known = {moment(row["received"]) for row in [*accepted_curves(curves), *_records(points)]}
    return [min(known) - dt.timedelta(days=1), *sorted(known)]


def ratio(points: Iterable[str], point: str, day: str, known_at: dt.datetime) -> float | None:
    """CT times PT of a point on a day as known then; None where the point is not known to exist."""
    versions = [r for r in _records(points) if r["point"] == point and r["valid_from"] <= day and moment(r["received"]) <= known_at]
    last = max(versions, key=lambda r: (r["valid_from"], r["received"]), default=None)
    return float(last["ct"]) * float(last["pt"]) if last else None


def blocks(curves: Iterable[str], points: list[str], known_at: dt.datetime) -> Blocks:
    """Energy in kWh by (point, day) as known then: later deliveries over earlier ones, unreadable and negative cells left out."""
    seen = sorted((r for r in accepted_curves(curves) if moment(r["received"]) <= known_at), key=lambda r: r["received"])
    cells: dict[tuple[str, str], dict[int, float]] = {}
    for row in seen:
        day = cells.setdefault((row["point"], row["day"]), {})
        for i in range(1, 97):
            try:
                day[i] = float(row[f"P{i}"])
            except ValueError:
                continue
    found: Blocks = {}
    for (point, day_text), values in cells.items():
        factor = ratio(points, point, day_text, known_at)
        if factor is not None:
            found[(point, day_text)] = round(sum(v for v in values.values() if v >= 0) * factor / 4, 6)
    return found
