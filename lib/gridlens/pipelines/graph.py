"""The behaviour graph: silver as known → who is who (identity_link_v1) and what is connected with what (profile_edge_v1)."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from pydantic import SecretStr
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.graph import IDENTITY_LINK, PROFILE_EDGE
from gridlens.contracts.silver import ACCOUNT_TABLE, CUSTOMER_IDENTITY, METERING_POINT, SILVER
from gridlens.errors import SourceError
from gridlens.fold.versioned import as_known
from gridlens.lease import writer_lease
from gridlens.pipelines.account_features import batches_digest
from gridlens.pipelines.history import last_run
from gridlens.pipelines.moments import moment_where, of_moment
from gridlens.pipelines.options import GraphOptions
from gridlens.pipelines.tag_state import asked_moment, newest_features
from gridlens.profile.alike import nearest_of_all, robust_scales, scaled
from gridlens.profile.components import computed
from gridlens.profile.decisions import Decisions, load_decisions
from gridlens.profile.edges import GraphFacts, profile_edges
from gridlens.profile.identity import REFUSALS, party_evidence, resolve
from gridlens.profile.links import identity_links
from gridlens.runs import Run, logged, timed
from gridlens.settings import Settings, conf_files
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]
ALIKE = 5
"""Accounts named for each as the most alike."""


@dataclass(frozen=True)
class GraphResult:
    """What was written.

    Attributes:
        parties, persons: rows of identity_link_v1, and how many persons and companies they are.
        linked: parties by the rule that links them with another.
        refused: numbers and persons by the reason for which a resemblance was not believed.
        edges: rows of profile_edge_v1 by kind.
    """

    run_id: str
    as_of: dt.date
    known_at: dt.datetime
    nothing_new: bool
    parties: int
    persons: int
    linked: Mapping[str, int]
    refused: Mapping[str, int]
    edges: Mapping[str, int]
    seconds: float


def run_graph(spark: SparkSession, settings: Settings, options: GraphOptions, *, say: Say = print) -> GraphResult:
    """Resolves identities and writes both tables for one (``as_of``, ``known_at``).

    Raises:
        DefinitionError: a steward's decision does not hold; names file and line.
        SourceError: there are no customers, or nothing says which day is meant.
    """
    warehouse = Warehouse(spark, settings)
    as_of, known_at = asked_moment(warehouse, settings, options.as_of, options.known_at)
    decisions = load_decisions(conf_files(settings, "identity"), known_on=known_at.astimezone(ZoneInfo(settings.zone)).date())
    with writer_lease(settings):
        if not warehouse.written(ACCOUNT_TABLE):
            raise SourceError("there are no customers: run `gridlens ingest` with a source that has them first")
        run = Run("graph", {}, as_of=as_of, known_at=known_at)
        features = newest_features(warehouse, as_of, known_at)
        run.fingerprints = {
            "decisions": decisions.fingerprint,
            "batches": batches_digest(warehouse),
            "features": features.run_id if features else "",
        }
        with logged(warehouse, run):
            last = last_run(warehouse, "graph", of_moment(as_of, known_at), wrote=(IDENTITY_LINK, PROFILE_EDGE))
            run.nothing_new = last is not None and last.fingerprints == run.fingerprints
            refused = {} if run.nothing_new else _write(warehouse, settings, decisions, run, as_of, known_at, say)
            return _result(warehouse, run, refused, as_of, known_at)


def _write(
    warehouse: Warehouse, settings: Settings, decisions: Decisions, run: Run, as_of: dt.date, known_at: dt.datetime, say: Say
) -> dict[str, int]:
    """Writes both tables; gives what was not believed."""
    where = moment_where(as_of, known_at)

    def known(name: str, *keys: str) -> DataFrame:
        return as_known(warehouse.read(SILVER[name]), SILVER[name], known_at=known_at, as_of=as_of, keys=keys or None)

    identity = known(CUSTOMER_IDENTITY.name, "account_id", "valid_from")
    key = settings.pseudonym_key or SecretStr(secrets.token_hex(32))
    accounts = computed(known(ACCOUNT_TABLE.name, "account_id", "valid_from"))
    with timed(say, "who is who"):
        found = resolve(party_evidence(identity, accounts, key), decisions)
        refused = {row["reason"]: row["count"] for row in found.refused.collect()}  # as many as there are reasons
        links = identity_links(found.links, known(ACCOUNT_TABLE.name), as_of=as_of, known_at=known_at)
        warehouse.replace(IDENTITY_LINK, links, where=where)
    open_ = warehouse.read(ACCOUNT_FEATURE).where(of_moment(as_of, known_at)).where("is_open")
    with timed(say, "what is connected with what"):
        facts = GraphFacts(
            accounts=accounts,
            points=computed(known(METERING_POINT.name, "metering_point_id", "valid_from")),
            links=found.links,
            purchases=known("purchase"),
            interactions=known("interaction"),
            tickets=known("service_event"),
            receipts=known("campaign_receipt"),
            products=known("product"),
            alike=nearest_of_all(scaled(open_, robust_scales(open_)), k=ALIKE),
        )
        warehouse.replace(PROFILE_EDGE, profile_edges(facts, as_of=as_of, known_at=known_at, zone=settings.zone), where=where)
    return refused


def _result(warehouse: Warehouse, run: Run, refused: Mapping[str, int], as_of: dt.date, known_at: dt.datetime) -> GraphResult:
    """How the tables stand at this moment."""
    at = of_moment(as_of, known_at)
    rules = warehouse.read(IDENTITY_LINK).where(at).groupBy("rule").agg(F.count("*").alias("n"), F.sum(1 / F.col("parties")).alias("p"))
    found = {row["rule"]: row for row in rules.collect()}  # as many as there are rules
    kinds = warehouse.read(PROFILE_EDGE).where(at).groupBy("edge_type").agg(F.count("*").alias("n")).collect()
    edges = {row["edge_type"]: row["n"] for row in sorted(kinds, key=lambda row: str(row["edge_type"]))}
    parties = sum(row["n"] for row in found.values())
    if not run.nothing_new:
        run.wrote(f"gold.{IDENTITY_LINK.name}", parties)
        run.wrote(f"gold.{PROFILE_EDGE.name}", sum(edges.values()))
    return GraphResult(
        run.run_id,
        as_of,
        known_at,
        run.nothing_new,
        parties,
        round(sum(row["p"] for row in found.values())),
        {rule: row["n"] for rule, row in sorted(found.items()) if rule != "own"},
        {REFUSALS[reason]: count for reason, count in sorted(refused.items())},
        edges,
        run.seconds,
    )
