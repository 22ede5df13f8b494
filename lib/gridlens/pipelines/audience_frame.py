"""What audiences read at one moment: one wide row per account, with the columns that the expressions read and no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.audiences.facts import consent_flags, last_contacts
from gridlens.audiences.library import Audience
from gridlens.audiences.membership import BASE
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.graph import IDENTITY_LINK
from gridlens.contracts.ops import RUN_LOG
from gridlens.contracts.score import model_of
from gridlens.contracts.segment import SEGMENT
from gridlens.contracts.silver import SILVER
from gridlens.definitions import STAMP_LENGTH, fingerprint_of
from gridlens.fold.versioned import as_known
from gridlens.pipelines.audience_declared import FEATURES, segment_columns
from gridlens.pipelines.moments import end_of_local_day, of_moment
from gridlens.pipelines.scores import served_at, with_scores
from gridlens.pipelines.served_tags import serve_tags
from gridlens.pipelines.tag_state import Moment
from gridlens.tags.library import TagLibrary
from gridlens.warehouse import Warehouse

_READ_JOBS = ("ingest", "features", "tags", "graph", "segments", "score", "credit")
"""Jobs whose results audiences read."""


@dataclass(frozen=True)
class WideFrame:
    """One row per account.

    Attributes:
        rows: BASE, ``as_of``, the columns read, and those of consent and contact where suppressions ask for them.
        expired: tags read whose value was past its time to live; null in ``rows``.
        never_computed: tags, segments and columns of models read that no run had computed by the moment; null in ``rows``.
    """

    rows: DataFrame
    expired: tuple[str, ...]
    never_computed: tuple[str, ...]

    @property
    def unserved(self) -> tuple[str, ...]:
        """Tags, segments and columns of models read that have no value."""
        return (*self.expired, *self.never_computed)


def wide_frame(
    warehouse: Warehouse, tags: TagLibrary, chosen: Sequence[Audience], everyone: Sequence[Audience], moment: Moment
) -> WideFrame:
    """The wide rows for audiences and their suppressions.

    Args:
        warehouse: where features, tags and facts are.
        tags: the definitions.
        chosen: the audiences, whose suppressions apply.
        everyone: these and all that they read; of the latter the expressions count alone.
        moment: of the features.
    """
    read = {name for audience in everyone for name in audience.checked.columns}
    read |= {name for audience in chosen for one in audience.suppressions for name in one.columns}
    features = [name for name in FEATURES if name in read and name not in (*BASE, "as_of")]
    at = of_moment(moment.as_of, moment.known_at)
    accounts = warehouse.read(ACCOUNT_FEATURE).where(at).select(*BASE, "as_of", *features)
    wanted = [name for name in tags.ids if name in read]
    served = serve_tags(accounts, warehouse, tags, wanted, as_of=moment.as_of, known_at=moment.known_at)
    segments = {name: identity for name, identity in segment_columns(warehouse.settings).items() if name in read}
    rows, missing = _with_segments(served.rows, warehouse, segments, moment) if segments else (served.rows, ())
    scores = sorted(tags.scores & read)
    models = served_at(warehouse, map(model_of, scores), moment)
    rows = with_scores(rows, warehouse, scores, models, moment)
    never = (*served.never_computed, *missing, *(name for name in scores if model_of(name) in models.missing))
    return WideFrame(_with_suppression_facts(rows, warehouse, chosen, moment), served.expired, never)


def _with_segments(rows: DataFrame, warehouse: Warehouse, segments: dict[str, str], moment: Moment) -> tuple[DataFrame, tuple[str, ...]]:
    """``rows`` with a column a segmentation, null where an account was left out; and those without segments at the moment."""
    found = warehouse.read(SEGMENT).where(of_moment(moment.as_of, moment.known_at) & F.col("segmentation").isin(*segments.values()))
    made = {row["segmentation"] for row in found.select("segmentation").distinct().collect()}
    wide = found.groupBy("account_id").agg(
        *[F.max(F.when(F.col("segmentation") == identity, F.col("segment_id"))).alias(name) for name, identity in segments.items()]
    )
    return rows.join(wide, on="account_id", how="left"), tuple(name for name, identity in segments.items() if identity not in made)


def _with_suppression_facts(rows: DataFrame, warehouse: Warehouse, audiences: Sequence[Audience], moment: Moment) -> DataFrame:
    """``rows`` with what suppressions of kind consent and contact ask for; only what is asked for is read."""
    kinds = {one.definition.kind for audience in audiences for one in audience.suppressions}
    if "consent" in kinds:
        consents = as_known(warehouse.read(SILVER["consent"]), SILVER["consent"], known_at=moment.known_at, as_of=moment.as_of)
        flags = consent_flags(consents, _consents(audiences), _persons(warehouse, moment))
        rows = rows.join(flags, on="party_id", how="left")
    if "contact" in kinds:
        known = [_known(warehouse, name, moment) for name in ("interaction", "campaign_receipt")]
        until = end_of_local_day(moment.as_of, warehouse.settings.zone)
        rows = rows.join(last_contacts(*known, until=until), on="account_id", how="left")
    return rows


def _consents(audiences: Sequence[Audience]) -> set[tuple[str, str]]:
    asking = [one.definition for one in audiences if any(s.definition.kind == "consent" for s in one.suppressions)]
    return {(one.channel or "", one.purpose or "") for one in asking}


def _known(warehouse: Warehouse, name: str, moment: Moment) -> DataFrame:
    return as_known(warehouse.read(SILVER[name]), SILVER[name], known_at=moment.known_at)


def _persons(warehouse: Warehouse, moment: Moment) -> DataFrame | None:
    """Which parties are the same person, where that was found out at the moment."""
    links = warehouse.read(IDENTITY_LINK).where(of_moment(moment.as_of, moment.known_at)) if warehouse.exists(IDENTITY_LINK) else None
    return links.where(F.col("parties") > 1) if links is not None else None


def facts_stamp(warehouse: Warehouse) -> str:
    """Fingerprint of the last good run of every job whose results audiences read."""
    good = F.col("job").isin(*_READ_JOBS) & (F.col("outcome") == "succeeded")
    rows = warehouse.read(RUN_LOG).where(good).groupBy("job").agg(F.max_by("run_id", "ended_at").alias("run")).collect()
    runs = {row["job"]: row["run"] for row in rows}
    return fingerprint_of(runs)[:STAMP_LENGTH]
