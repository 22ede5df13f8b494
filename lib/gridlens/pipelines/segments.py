"""Segments: account features of one moment → the segment of every account, what each segment is like, large and small customers.

A model is fitted once and kept while it fits: centres, limits and scales stand in the tables, and later months are assigned to the same
centres. It is fitted anew where its definition changed, sizes drifted, the silhouette fell, or the user asks; then a segment that shares
enough accounts with an earlier one keeps its id and name.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.segment import LARGE_CUSTOMER, SEGMENT, SEGMENT_PROFILE, SEGMENTATION, SMALL_CUSTOMER
from gridlens.contracts.value import VALUE_COLUMNS
from gridlens.lease import writer_lease
from gridlens.pipelines.declared import taggable
from gridlens.pipelines.history import last_run, last_success
from gridlens.pipelines.moments import moment_where, not_before, of_moment
from gridlens.pipelines.options import SegmentOptions
from gridlens.pipelines.segment_state import newest_segments
from gridlens.pipelines.segmentation import Segmented, segment_accounts
from gridlens.pipelines.tag_state import Moment, required_features
from gridlens.pipelines.value_reads import JOB as VALUE
from gridlens.pipelines.value_reads import with_value
from gridlens.runs import Run, logged, timed
from gridlens.segments.definition import Segmentation, load_segmentations, named
from gridlens.segments.large import LargeCustomers, large_customers, load_large_customers
from gridlens.segments.small import SmallCustomers, load_small_customers, small_customers
from gridlens.settings import Settings, conf_file, conf_files
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]
_WRITES = (SEGMENT, SEGMENT_PROFILE, SEGMENTATION, LARGE_CUSTOMER, SMALL_CUSTOMER)


@dataclass(frozen=True)
class SegmentDefinitions:
    """All definitions: clusterings, large and small customers."""

    segmentations: tuple[Segmentation, ...]
    large: LargeCustomers
    small: SmallCustomers

    @property
    def fingerprints(self) -> dict[str, str]:
        clusterings = {s.id: s.fingerprint for s in self.segmentations}
        return {**clusterings, "large_customer": self.large.fingerprint, "small_customer": self.small.fingerprint}

    def require(self, identity: str) -> Segmentation:
        """The clustering with this id; raises SettingsError that names the nearest."""
        return named(self.segmentations, identity)


@dataclass(frozen=True)
class SegmentsResult:
    """What was computed; ``large``, ``high_quality`` and ``small`` count accounts."""

    run_id: str
    as_of: dt.date
    known_at: dt.datetime
    nothing_new: bool
    segmentations: tuple[Segmented, ...]
    large: int
    high_quality: int
    small: int
    seconds: float


def segment_definitions(settings: Settings) -> SegmentDefinitions:
    """The definitions of conf/segments and conf/customer_groups; raises DefinitionError at the first mistake, with file and line."""
    columns = taggable()
    return SegmentDefinitions(
        load_segmentations(conf_files(settings, "segments"), columns),
        load_large_customers(conf_file(settings, "customer_groups/large_customer.yml"), {**columns, **VALUE_COLUMNS}),
        load_small_customers(conf_file(settings, "customer_groups/small_customer.yml"), columns),
    )


def run_segments(
    spark: SparkSession,
    settings: Settings,
    options: SegmentOptions,
    *,
    definitions: SegmentDefinitions | None = None,
    say: Say = print,
) -> SegmentsResult:
    """Computes the segments of one moment, default that of the newest account features.

    Raises:
        DefinitionError: a definition does not hold.
        SourceError: there are no account features of that day.
        SettingsError: the segments of a later day are there already.
    """
    definitions = definitions or segment_definitions(settings)
    warehouse = Warehouse(spark, settings)
    with writer_lease(settings):
        moment = required_features(warehouse, options.as_of, options.known_at)
        run = Run("segments", {"refit": options.refit}, as_of=moment.as_of, known_at=moment.known_at)
        at = of_moment(moment.as_of, moment.known_at)
        run.fingerprints = {**definitions.fingerprints, "features": moment.run_id, "value": last_success(warehouse, VALUE, at)}
        with logged(warehouse, run):
            not_before(newest_segments(warehouse), (moment.as_of, moment.known_at), what="segments", table=SEGMENT.name)
            last = last_run(warehouse, "segments", wrote=_WRITES)
            run.nothing_new = not options.refit and last == (run.fingerprints, moment.as_of, moment.known_at)
            if run.nothing_new:
                return SegmentsResult(run.run_id, moment.as_of, moment.known_at, True, (), 0, 0, 0, run.seconds)
            return _compute(warehouse, definitions, moment, run, refit=options.refit, say=say)


def _compute(warehouse: Warehouse, definitions: SegmentDefinitions, moment: Moment, run: Run, *, refit: bool, say: Say) -> SegmentsResult:
    features = warehouse.read(ACCOUNT_FEATURE).where(of_moment(moment.as_of, moment.known_at))
    tried = [segment_accounts(warehouse, features, s, moment, refit=refit, say=say) for s in definitions.segmentations]
    made = [segmented for segmented in tried if segmented]
    with timed(say, "large customers"):
        large, high_quality = _large(warehouse, with_value(features, warehouse, moment), definitions.large, moment)
    with timed(say, "small customers"):
        small = _small(warehouse, features, definitions.small, moment)
    for name, rows in (("segment_v1", sum(s.accounts for s in made)), (LARGE_CUSTOMER.name, large), (SMALL_CUSTOMER.name, small)):
        run.wrote(f"gold.{name}", rows)
    return SegmentsResult(run.run_id, moment.as_of, moment.known_at, False, tuple(made), large, high_quality, small, run.seconds)


def _large(warehouse: Warehouse, features: DataFrame, large: LargeCustomers, moment: Moment) -> tuple[int, int]:
    rows = large_customers(features, large, as_of=moment.as_of, known_at=moment.known_at)
    where = moment_where(moment.as_of, moment.known_at)
    warehouse.replace(LARGE_CUSTOMER, rows, where=where)
    counts = warehouse.read(LARGE_CUSTOMER).where(where).agg(F.count("*").alias("n"), F.count_if("high_quality").alias("high")).first()
    return (counts["n"], counts["high"]) if counts else (0, 0)


def _small(warehouse: Warehouse, features: DataFrame, small: SmallCustomers, moment: Moment) -> int:
    rows = small_customers(features, small, as_of=moment.as_of, known_at=moment.known_at)
    warehouse.replace(SMALL_CUSTOMER, rows, where=moment_where(moment.as_of, moment.known_at))
    return warehouse.read(SMALL_CUSTOMER).where(moment_where(moment.as_of, moment.known_at)).count()


def list_segmentations(segmentations: Sequence[Segmentation]) -> list[dict[str, object]]:
    """The clusterings that are defined."""
    return [
        {
            "segmentation": s.id,
            "name_zh": s.definition.name_zh,
            "name_en": s.definition.name_en,
            "features": len(s.definition.components_of_features),
            "algorithms": ", ".join(s.definition.algorithms),
            "k": ", ".join(str(k) for k in s.definition.k),
        }
        for s in segmentations
    ]
