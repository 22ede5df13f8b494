"""What a label function is given, and what it gives."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.definitions import Frozen
from gridlens.tables import Field

Facts = Mapping[str, DataFrame]
"""Silver tables by name as they are known when the rows are made, which is long after the rows' own moment.

One row a key; of ``account`` and ``metering_point`` one for each ``valid_from``; ``payment`` with ``paid_on``, its local day.
``settlement`` are the bills with ``to_pay`` and ``settled_on``, as in the notes of account_feature_v1 (null: open); ``in_question``
since ``asked_on`` where a payment of them stands in quarantine.
"""


@dataclass(frozen=True)
class Window:
    """The days that a label looks at.

    Attributes:
        as_of: T, the last day that the features see.
        gap_days: days after T that are passed over.
        horizon_days: days after these that are looked at.
        seen_until: last day of the facts.
    """

    as_of: dt.date
    gap_days: int
    horizon_days: int
    seen_until: dt.date

    @property
    def begin(self) -> dt.date:
        """The last day before the window: who is gone by then has no label."""
        return self.as_of + dt.timedelta(days=self.gap_days)

    @property
    def end(self) -> dt.date:
        """The window's last day."""
        return self.begin + dt.timedelta(days=self.horizon_days)

    def holds(self, day: Column | str) -> Column:
        """True for days in the window; null where the day is."""
        column = F.col(day) if isinstance(day, str) else day
        return (column > F.lit(self.begin)) & (column <= F.lit(self.end))


class Arguments(Frozen):
    """A label function's settings; each function has its own."""

    @property
    def later_days(self) -> int:
        """Days after the window until its last outcome is certain."""
        return 0


@dataclass(frozen=True)
class LabelFunction:
    """A label that definitions may name.

    Attributes:
        name: as in a definition.
        arguments: what may be set, and the defaults.
        facts: names of the facts that it reads.
        outcomes: what its rows tell beside the label; never a feature.
        rows: (facts, window, arguments) → account_id, ``label`` (int, 1 where it happened) and the outcomes, one row for each account
            that it could have happened to.
    """

    name: str
    arguments: type[Arguments]
    facts: tuple[str, ...]
    outcomes: tuple[Field, ...]
    rows: Callable[[Facts, Window, Any], DataFrame]


def open_accounts(facts: Facts, window: Window) -> DataFrame:
    """account_id of the accounts opened by T and open when the window begins, with ``closed_on`` as known last."""
    newest = F.struct("valid_from", "known_from", "_content_hash")
    versions = facts["account"].where(F.col("valid_from") <= F.lit(window.seen_until))
    last = versions.groupBy("account_id").agg(F.max_by("closed_on", newest).alias("closed_on"), F.min("opened_on").alias("opened"))
    still_open = F.col("closed_on").isNull() | (F.col("closed_on") > F.lit(window.begin))
    return last.where((F.col("opened") <= F.lit(window.as_of)) & still_open).drop("opened")
