"""Whether two teams work the same customers: what snapshots of one moment share, and who is outside a team's territory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from gridlens.audiences.disclosure import Shown
from gridlens.audiences.overlap import Outside, Shared, outside_members, shared_members
from gridlens.contracts.audience import AUDIENCE, AUDIENCE_SNAPSHOT
from gridlens.errors import SettingsError
from gridlens.pipelines.audience import Definitions
from gridlens.pipelines.moments import newest_moment, of_moment
from gridlens.settings import Settings
from gridlens.warehouse import Warehouse


@dataclass(frozen=True)
class SharedMembers:
    """Members that two audiences share.

    Attributes:
        teams: who works them: one owner, or both where they differ.
        org_unit_id: organisation unit; ``all`` together, ``others`` are those whose own numbers are hidden.
    """

    audience: str
    other: str
    teams: str
    org_unit_id: str
    accounts: Shown


@dataclass(frozen=True)
class Overlap:
    """Pairs of audiences that share members, and members outside territories; small groups are hidden.

    Attributes:
        compared: audiences that have a snapshot at the moment.
        not_built: audiences asked for that have none.
        shared: by pair of audiences, those that share most first.
        outside: members outside the territory of their audience, all together and by ``unit/area``.
    """

    as_of: dt.date
    known_at: dt.datetime
    compared: tuple[str, ...]
    not_built: tuple[str, ...]
    shared: tuple[SharedMembers, ...]
    outside: tuple[Outside, ...]


def run_overlap(
    spark: SparkSession,
    settings: Settings,
    definitions: Definitions,
    names: Sequence[str] = (),
    *,
    as_of: dt.date | None = None,
    known_at: dt.datetime | None = None,
) -> Overlap:
    """Compares the snapshots of the audiences named, of all where none is, at the newest moment that any of them has.

    Raises:
        SettingsError: there are no snapshots of that day.
    """
    warehouse = Warehouse(spark, settings)
    wanted = definitions.chosen(names)
    ids = [one.id for one in wanted]
    moment = _newest(warehouse, ids, as_of, known_at)
    rows = warehouse.read(AUDIENCE_SNAPSHOT).where(of_moment(*moment) & F.col("audience").isin(*ids)).select("audience").collect()
    built = {row["audience"] for row in rows}
    members = warehouse.read(AUDIENCE).where(of_moment(*moment) & F.col("audience").isin(*built))
    limit, owners = settings.min_group, {one.id: one.definition.owner for one in wanted}
    return Overlap(
        *moment,
        tuple(name for name in ids if name in built),
        tuple(name for name in ids if name not in built),
        tuple(_with_teams(one, owners) for one in shared_members(members, limit=limit)),
        tuple(outside_members(members, wanted, limit=limit)),
    )


def _with_teams(shared: Shared, owners: Mapping[str, str]) -> SharedMembers:
    teams = dict.fromkeys(owners[name] for name in (shared.audience, shared.other))
    return SharedMembers(shared.audience, shared.other, ", ".join(teams), shared.org_unit_id, shared.accounts)


def _newest(warehouse: Warehouse, names: Sequence[str], as_of: dt.date | None, known_at: dt.datetime | None) -> tuple[dt.date, dt.datetime]:
    rows = warehouse.read(AUDIENCE_SNAPSHOT).where(F.col("audience").isin(*names))
    newest = newest_moment(rows, as_of, known_at)
    if newest is None:
        day = f" of {as_of}" if as_of else ""
        raise SettingsError(f"there are no snapshots of these audiences{day}: run `gridlens audience build` first")
    return newest
