"""What follows account features: models, tags, graph, what scores lead to, trajectories, segments, associations, audiences."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

from pyspark.sql import SparkSession

from gridlens.pipelines.anomaly import AnomaliesResult
from gridlens.pipelines.association_facts import basket_library
from gridlens.pipelines.associations import AssociationsResult, run_associations
from gridlens.pipelines.audience import AudienceResult, read_definitions, run_build
from gridlens.pipelines.credit import CreditResult
from gridlens.pipelines.credit_train import CreditTrainResult
from gridlens.pipelines.declared import tag_library
from gridlens.pipelines.graph import GraphResult, run_graph
from gridlens.pipelines.learn import Graded, Learned, Searched, grade_credit, learn, search_usage
from gridlens.pipelines.options import AssociationOptions, GraphOptions, SegmentOptions, TagOptions, TrajectoryOptions
from gridlens.pipelines.outlook import Understood, outlook
from gridlens.pipelines.score import ScoreResult
from gridlens.pipelines.segments import SegmentsResult, run_segments
from gridlens.pipelines.tag_state import required_features
from gridlens.pipelines.tags import TagsResult, run_tags
from gridlens.pipelines.train import TrainResult
from gridlens.pipelines.trajectory import TrajectoryResult, run_trajectory
from gridlens.settings import Settings
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]


def understand(spark: SparkSession, settings: Settings, as_of: dt.date, known_at: dt.datetime, *, say: Say) -> Iterator[Understood]:
    """Runs the jobs one after another; each reads what those before it wrote."""
    library = tag_library(settings)
    say("models")
    moment = required_features(Warehouse(spark, settings), as_of, known_at)
    for learned in learn(spark, settings, moment, say=say):
        yield Understood(f"model {learned.model}", learned.nothing_new, _model(learned), _seconds(learned.trained, learned.scored))
    say("credit grade")
    credit = grade_credit(spark, settings, moment, say=say)
    yield Understood("credit", credit.nothing_new, _credit(credit), _seconds(credit.trained, credit.graded))
    say("abnormal usage")
    anomalies = search_usage(spark, settings, moment, say=say)
    yield Understood("anomalies", anomalies.nothing_new, _anomalies(anomalies), _seconds(anomalies.found))
    say("tags")
    tags = run_tags(spark, settings, TagOptions(as_of, known_at), library=library, say=say)
    yield Understood("tags", tags.nothing_new, _tags(tags), tags.seconds)
    say("graph")
    graph = run_graph(spark, settings, GraphOptions(as_of, known_at), say=say)
    yield Understood("graph", graph.nothing_new, _graph(graph), graph.seconds)
    yield from outlook(spark, settings, as_of, known_at, say=say)
    say("trajectory")
    trajectory = run_trajectory(spark, settings, TrajectoryOptions(as_of, known_at), say=say)
    yield Understood("trajectory", trajectory.nothing_new, _trajectory(trajectory), trajectory.seconds)
    say("segments")
    segments = run_segments(spark, settings, SegmentOptions(as_of, known_at), say=say)
    yield Understood("segments", segments.nothing_new, _segments(segments), segments.seconds)
    say("associations")
    rules = run_associations(spark, settings, AssociationOptions(as_of, known_at), library=basket_library(settings, library), say=say)
    yield Understood("associations", rules.nothing_new, _rules(rules), rules.seconds)
    say("audiences")
    audiences = run_build(spark, settings, as_of=as_of, known_at=known_at, definitions=read_definitions(settings, library), say=say)
    yield Understood("audiences", audiences.nothing_new, _audiences(audiences), audiences.seconds)


def _model(done: Learned) -> str:
    trained, scored = done.trained, done.scored
    parts = []
    if trained and not trained.nothing_new:
        auc = f", ROC-AUC {trained.roc_auc:.3f} out of time" if trained.roc_auc is not None else ""
        parts.append(f"version {trained.version} is {trained.decision}{auc}")
    if scored and scored.accounts:
        highest = scored.bands[-1]
        parts.append(f"{scored.accounts:,} accounts scored by version {scored.version}, {highest.accounts:,} {highest.band}")
    return "; ".join([*parts, *([done.why_not] if done.why_not else [])])


def _credit(done: Graded) -> str:
    parts = []
    if done.trained and not done.trained.nothing_new:
        parts.append(f"version {done.trained.version} is {done.trained.decision}")
    if done.graded and done.graded.accounts:
        grades = ", ".join(f"{grade.grade} {grade.accounts:,}" for grade in done.graded.grades)
        parts.append(f"{done.graded.accounts:,} accounts graded: {grades}")
    return "; ".join([*parts, *([done.why_not] if done.why_not else [])])


def _anomalies(done: Searched) -> str:
    found = done.found
    told = f"{found.alerts:,} alerts among {found.accounts:,} accounts, {found.visits:,} visits" if found and not found.nothing_new else ""
    return done.why_not or told


def _seconds(*done: TrainResult | ScoreResult | CreditTrainResult | CreditResult | AnomaliesResult | None) -> float:
    return sum(one.seconds for one in done if one)


def _tags(done: TagsResult) -> str:
    return f"{done.computed} of {done.defined} tags of {done.accounts:,} accounts, {done.changes:,} changes, {len(done.drifted)} drifted"


def _graph(done: GraphResult) -> str:
    return f"{done.parties:,} parties are {done.persons:,} persons and companies; {sum(done.edges.values()):,} edges"


def _trajectory(done: TrajectoryResult) -> str:
    return f"{done.events:,} events, {done.months} month(s) written; {done.paths} paths, {done.transitions} transitions"


def _segments(done: SegmentsResult) -> str:
    clusterings = ", ".join(f"{one.segmentation}: {one.k} segments of {one.clustered:,} accounts" for one in done.segmentations)
    return f"{clusterings}; {done.large:,} large and {done.small:,} small customers" if clusterings else ""


def _rules(done: AssociationsResult) -> str:
    kept = sum(basket.rules for basket in done.baskets)
    return f"{sum(basket.tested for basket in done.baskets):,} rules tested, {kept:,} kept" if done.baskets else ""


def _audiences(done: AudienceResult) -> str:
    return f"{len(done.sizes)} audiences of {done.accounts:,} accounts built, {len(done.unchanged)} stand"
