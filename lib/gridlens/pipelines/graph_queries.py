"""Questions to the behaviour graph: neighbours of an account, what its holder holds, who behaves alike, who took up a product near whom."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.graph import IDENTITY_LINK, PROFILE_EDGE
from gridlens.contracts.silver import SILVER
from gridlens.errors import SettingsError, SourceError
from gridlens.fold.versioned import as_known
from gridlens.pipelines.moments import newest_moment, of_moment
from gridlens.profile import alike, influence, queries
from gridlens.profile.influence import Chance
from gridlens.profile.links import person_consents
from gridlens.settings import Settings
from gridlens.tables import Table, empty
from gridlens.warehouse import Warehouse

__all__ = ["Alike", "Chance", "Group", "Influence", "Neighbours", "alike_to", "group_of", "influence_of", "neighbours_of"]
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Neighbours:
    """Accounts on the transformers of one account, ``count`` in all, the most similar listed."""

    account: str
    as_of: dt.date
    count: int
    neighbours: Rows


@dataclass(frozen=True)
class Group:
    """What the person or company holds that holds an account: totals, by area, the parties it is registered as, its consents."""

    account: str
    as_of: dt.date
    person: str
    total: Mapping[str, Any]
    parties: Rows
    areas: Rows
    accounts: Rows
    consents: Rows


@dataclass(frozen=True)
class Alike:
    """Accounts whose behaviour is nearest; ``distance`` is the root mean square difference in robust standard deviations."""

    account: str
    as_of: dt.date
    features: int
    nearest: Rows


@dataclass(frozen=True)
class Influence:
    """Takers of a product near earlier takers.

    Attributes:
        takers: accounts on a transformer that bought the product.
        after_another: of them those with another one on the transformer 1 to ``days`` days before.
        share, expected: after_another of takers, as it is and on average where places are dealt anew within area and category.
        ratio: share / expected; None where nothing is expected.
        chance: part of the dealings (this one counted among them) in which at least as many came after another.
        within_person: takers of whom an account of the same person or company bought it 1 to ``days`` days before.
    """

    product: str
    as_of: dt.date
    days: int
    takers: int
    after_another: int
    share: float | None
    expected: float | None
    ratio: float | None
    chance: float | None
    within_person: int
    note: str
    most_followed: Rows


NOTE = "an association: neighbours resemble one another and hear the same offers, so this shows no influence by itself"


@dataclass(frozen=True)
class _Graph:
    """The tables of one moment."""

    warehouse: Warehouse
    as_of: dt.date
    known_at: dt.datetime

    def rows(self, table: Table) -> DataFrame:
        return self.warehouse.read(table).where(of_moment(self.as_of, self.known_at))

    @property
    def edges(self) -> DataFrame:
        return self.rows(PROFILE_EDGE)

    def features(self) -> DataFrame:
        """The account features of the moment; raises SourceError where there are none."""
        found = self.rows(ACCOUNT_FEATURE)
        if empty(found):
            raise SourceError(f"there are no account features of {self.as_of}: run `gridlens features --as-of {self.as_of}` first")
        return found

    def need(self, account: str) -> None:
        """Raises SettingsError where the account is unknown."""
        known = (F.col("edge_type") == "holds") & (F.col("to_id") == account)
        if empty(self.edges.where(known)):
            raise SettingsError(f"account {account} is not in the graph of {self.as_of}: it is unknown, or was opened later")


def _graph(spark: SparkSession, settings: Settings, as_of: dt.date | None) -> _Graph:
    """The newest graph, of one day where it is given."""
    warehouse = Warehouse(spark, settings)
    newest = newest_moment(warehouse.read(PROFILE_EDGE), as_of)
    if newest is None:
        day = f" of {as_of}" if as_of else ""
        raise SourceError(f"there is no graph{day}: run `gridlens graph run{f' --as-of {as_of}' if as_of else ''}` first")
    return _Graph(warehouse, *newest)


def neighbours_of(spark: SparkSession, settings: Settings, account: str, *, limit: int, as_of: dt.date | None = None) -> Neighbours:
    """The accounts on the same transformer; raises SettingsError where the account is unknown."""
    graph = _graph(spark, settings, as_of)
    graph.need(account)
    near = queries.neighbours(graph.edges, graph.rows(ACCOUNT_FEATURE), account)
    return Neighbours(account, graph.as_of, near.count(), _listed(near, limit))


def group_of(spark: SparkSession, settings: Settings, account: str, *, limit: int, as_of: dt.date | None = None) -> Group:
    """All accounts of the account's person or company; raises SettingsError where the account is unknown or closed."""
    graph = _graph(spark, settings, as_of)
    graph.need(account)
    accounts = queries.group(graph.edges, graph.rows(ACCOUNT_FEATURE), account)
    listed = _listed(accounts, limit)
    if not listed:
        raise SettingsError(f"account {account} was closed by {graph.as_of}: nobody holds it any more")
    person = listed[0]["person_id"]
    links = graph.rows(IDENTITY_LINK).where(F.col("person_id") == person)
    stated = as_known(graph.warehouse.read(SILVER["consent"]), SILVER["consent"], known_at=graph.known_at, as_of=graph.as_of)
    consents = person_consents(stated.join(links.select("party_id"), on="party_id", how="left_semi"), links)
    return Group(
        account,
        graph.as_of,
        person,
        _listed(queries.totals(accounts), 1)[0],
        _listed(links.select("party_id", "rule").orderBy("party_id"), limit),
        _listed(queries.totals(accounts, "area_id"), limit),
        [{name: value for name, value in row.items() if name != "person_id"} for row in listed],
        _listed(consents.drop("person_id").orderBy("channel", "purpose"), limit),
    )


def alike_to(spark: SparkSession, settings: Settings, account: str, *, limit: int, as_of: dt.date | None = None) -> Alike:
    """The accounts whose behaviour is nearest, all being compared; raises SettingsError where the account is unknown or closed."""
    graph = _graph(spark, settings, as_of)
    open_ = graph.features().where("is_open")
    rows = alike.scaled(open_, alike.robust_scales(open_))
    own = rows.where(F.col("account_id") == account).first()
    if own is None:
        raise SettingsError(f"account {account} has no features of {graph.as_of}: it is unknown, closed, or was opened later")
    near = alike.nearest_exact(rows, {name: own[name] for name in alike.CHOSEN}, account)
    about = open_.select("account_id", "area_id", "energy_kwh_365d")
    best = near.limit(limit).join(about, on="account_id", how="left").withColumn("distance", F.round("distance", 4))
    return Alike(account, graph.as_of, len(alike.CHOSEN), _listed(best.orderBy("distance", "account_id"), limit))


def influence_of(
    spark: SparkSession,
    settings: Settings,
    product: str,
    *,
    limit: int,
    chance: Chance,
    as_of: dt.date | None = None,
) -> Influence:
    """Who bought a product near whom and before; raises SettingsError where nobody has bought it."""
    graph = _graph(spark, settings, as_of)
    edges = graph.edges
    took = influence.takers(edges, product)
    if empty(took):
        raise SettingsError(f"nobody had bought {product} by {graph.as_of}; `gridlens show silver.product` lists the products")
    places = influence.one_place(queries.places(edges))
    accounts = graph.features().select("account_id", "area_id", "category")
    areas = influence.by_area(places, accounts, took, chance).collect()  # a row an area
    count, after = sum(row["takers"] for row in areas), sum(row["after_another"] for row in areas)
    dealt = [sum(row["by_chance"][i] for row in areas) for i in range(chance.rounds)]
    expected = sum(dealt) / chance.rounds
    return Influence(
        product,
        graph.as_of,
        chance.days,
        count,
        after,
        round(after / count, 4) if count else None,
        round(expected / count, 4) if count else None,
        round(after / expected, 3) if expected else None,
        round((1 + sum(one >= after for one in dealt)) / (1 + chance.rounds), 4),
        influence.within_persons(edges, took, days=chance.days).count(),
        NOTE,
        _listed(influence.followers(places, took, days=chance.days), limit),
    )


def _listed(rows: DataFrame, limit: int) -> list[dict[str, Any]]:
    return [row.asDict() for row in rows.limit(limit).collect()]
