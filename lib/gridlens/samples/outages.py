"""Supply interruptions of a district: everything on its transformer is without power meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridlens.samples.world import World

CAUSES = ("计划检修", "设备故障", "雷击", "外力破坏", "过负荷", "大风")
_SLOTS = 500


@dataclass(frozen=True)
class Outages:
    """Outages of one district in order of time; each array has shape (outages,).

    Attributes:
        day: index in ``world.days``; start, slots: first quarter hour and how many; planned; cause: index in CAUSES.
    """

    day: np.ndarray
    start: np.ndarray
    slots: np.ndarray
    planned: np.ndarray
    cause: np.ndarray

    def by_month(self, world: World) -> np.ndarray:
        """Count by month, shape (months,)."""
        return np.bincount(world.month_index[self.day], minlength=world.parameters.months)

    def mask(self, world: World) -> np.ndarray:
        """True where the power is off; shape (days, 96)."""
        off = np.zeros((len(world.days), 96), dtype=bool)
        for day, start, slots in zip(self.day, self.start, self.slots, strict=True):
            off[day, start : start + slots] = True
        return off


def outages_of(world: World, district: int) -> Outages:
    """About two unplanned and one planned outage a year and district; storms make them likelier."""
    r = world.random
    day = np.arange(len(world.days))
    rain = world.weather["rain"][int(world.area_of(district))]
    weak = 0.5 + 1.5 * float(r.uniform("weak grid", np.array([district]))[0])
    unplanned = r.uniform("outage", district, day) < weak * (0.004 + 0.0006 * np.minimum(rain, 30.0))
    planned = (r.uniform("outage/planned", district, day) < 0.0028) & ~unplanned
    hit = np.flatnonzero(unplanned | planned)
    is_planned = planned[hit]
    start = np.where(is_planned, 32 + r.integer("outage/start", 8, district, hit), r.integer("outage/start", 88, district, hit))
    slots = np.where(is_planned, 8 + r.integer("outage/slots", 16, district, hit), 1 + r.integer("outage/slots", 14, district, hit))
    cause = np.where(is_planned, 0, 1 + r.integer("outage/cause", len(CAUSES) - 1, district, hit))
    return Outages(hit, start, np.minimum(slots, 96 - start), is_planned, cause)
