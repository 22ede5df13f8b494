"""One clustering at one moment: keep or fit the model, recognise the segments, describe and write them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.segment import SEGMENT, SEGMENT_PROFILE, SEGMENTATION
from gridlens.pipelines.moments import moment_where
from gridlens.pipelines.segment_state import Earlier, earlier, highest_number
from gridlens.pipelines.tag_state import Moment
from gridlens.runs import timed
from gridlens.segments.agreement import adjusted_rand_index, continued, crossing, stability_index
from gridlens.segments.definition import Segmentation
from gridlens.segments.describe import Identity, profile_rows, recognised
from gridlens.segments.fit import Candidate, chosen, principal_components, silhouette
from gridlens.segments.model import Preparation
from gridlens.segments.profile import Profiles, profiles
from gridlens.segments.vectors import belonging, hashed, preparation, prepared, vectors
from gridlens.tables import literal_in
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]
LEAST_ACCOUNTS = 10
"""For each segment of the coarsest model: of fewer there is nothing to tell."""
ROWS_PER_PARTITION = 25_000
"""Training rows of one partition: MLlib runs a job for every iteration, and a job's cost is its tasks."""


@dataclass(frozen=True)
class Segmented:
    """One clustering as it stands now; see segmentation_v1."""

    segmentation: str
    algorithm: str
    k: int
    silhouette: float
    stability: float
    psi: float
    agreement: float | None
    accounts: int
    clustered: int
    fitted: str


@dataclass(frozen=True)
class _Model:
    """The model in use: how it came about and what it gives on these accounts."""

    preparation: Preparation
    best: Candidate
    candidates: list[dict[str, Any]]
    why: str | None


def segment_accounts(
    warehouse: Warehouse, features: DataFrame, segmentation: Segmentation, moment: Moment, *, refit: bool, say: Say
) -> Segmented | None:
    """Computes and writes one clustering of the accounts; None, and nothing written, where too few accounts have its features."""
    before = earlier(warehouse, segmentation.id, moment.as_of, moment.known_at)
    rows = vectors(features, segmentation).persist()
    try:
        left_out = {row["left_out"]: row["n"] for row in rows.groupBy("left_out").agg(F.count("*").alias("n")).collect()}
        total = left_out.pop(None, 0)
        least = LEAST_ACCOUNTS * min(segmentation.definition.k)
        if total < least:
            say(f"  {segmentation.id}: {total} accounts have all its features, at least {least} are needed; left out: {left_out or 'none'}")
            return None
        inside = rows.where(F.col("left_out").isNull())
        with timed(say, f"{segmentation.id}: model"):
            model = _model(inside, total, segmentation, before, refit=refit)
        with timed(say, f"{segmentation.id}: segments of {total} accounts"):
            return _write(warehouse, rows, left_out, total, segmentation, moment, before, model)
    finally:
        rows.unpersist()


def _model(inside: DataFrame, total: int, segmentation: Segmentation, before: Earlier | None, *, refit: bool) -> _Model:
    definition = segmentation.definition
    if before is None or refit or before.run["definition"] != segmentation.stamp:
        why = "first run" if before is None else "asked for" if refit else "another definition"
        return _fitted(inside, total, segmentation, why)
    kept = before.preparation(segmentation)
    clusters, run = before.clusters, before.run
    ready = prepared(inside, kept)
    now = silhouette(ready, clusters, total=total, seed=definition.seed)
    counts = {row["segment"]: row["n"] for row in belonging(ready, clusters).groupBy("segment").agg(F.count("*").alias("n")).collect()}
    shares = np.array([counts.get(i, 0) / total for i in range(clusters.k)])
    psi = stability_index(shares, np.array([row["share_fitted"] for row in before.profiles]))
    if psi > definition.refit_psi:
        return _fitted(inside, total, segmentation, f"sizes drifted (psi {psi:.2f})")
    if now < definition.refit_silhouette * run["silhouette_fitted"]:
        return _fitted(inside, total, segmentation, f"silhouette fell from {run['silhouette_fitted']:.2f} to {now:.2f}")
    return _Model(kept, Candidate(clusters, now, run["stability"]), json.loads(run["candidates"]), None)


def _fitted(inside: DataFrame, total: int, segmentation: Segmentation, why: str) -> _Model:
    """A new model: preparation, principal components and the candidate that the rule takes (segments/fit.py)."""
    definition = segmentation.definition
    sample = hashed(inside, most=definition.training_accounts, total=total, seed=definition.seed)
    size = min(total, definition.training_accounts)
    ready = preparation(sample, segmentation)
    parts = -(-size // ROWS_PER_PARTITION)
    scaled = prepared(sample, ready).repartition(parts, "account_id").sortWithinPartitions("account_id").persist()
    try:
        components = principal_components(scaled, definition.components)
    finally:
        scaled.unpersist()
    ready = Preparation(ready.transforms, ready.fill, ready.low, ready.high, ready.middle, ready.factor, components)
    training = prepared(sample, ready).repartition(parts, "account_id").sortWithinPartitions("account_id").persist()
    try:
        best, candidates = chosen(training, training.count(), definition)
    finally:
        training.unpersist()
    return _Model(ready, best, [candidate.facts for candidate in candidates], why)


def _write(
    warehouse: Warehouse,
    rows: DataFrame,
    left_out: dict[str, int],
    total: int,
    segmentation: Segmentation,
    moment: Moment,
    before: Earlier | None,
    model: _Model,
) -> Segmented:
    inside = rows.where(F.col("left_out").isNull())
    members = belonging(prepared(inside, model.preparation), model.best.clusters).persist()
    try:
        found = profiles(members.join(inside, on="account_id", how="inner"), segmentation, model.best.clusters.k)
        pairs = _pairs(members, before)
        identities = _identities(warehouse, found, segmentation, moment, before, model, pairs)
        where = f"{moment_where(moment.as_of, moment.known_at)} AND {literal_in('segmentation', [segmentation.id])}"
        warehouse.replace(SEGMENT, _segment_rows(rows, members, segmentation, moment, [i.segment_id for i in identities]), where=where)
    finally:
        members.unpersist()
    described = profile_rows(segmentation, identities, found, model.best.clusters, as_of=moment.as_of, known_at=moment.known_at)
    spark = warehouse.spark
    warehouse.replace(SEGMENT_PROFILE, spark.createDataFrame(described, SEGMENT_PROFILE.schema).coalesce(1), where=where)
    summary = _summary(left_out, total, segmentation, moment, before, model, found, identities, pairs)
    row = tuple(summary[name] for name in SEGMENTATION.columns)
    warehouse.replace(SEGMENTATION, spark.createDataFrame([row], SEGMENTATION.schema).coalesce(1), where=where)
    shown = {field.name: summary[field.name] for field in fields(Segmented) if field.name != "fitted"}
    return Segmented(**shown, fitted=f"{summary['fitted_as_of']} ({model.why or 'kept'})")


def _pairs(members: DataFrame, before: Earlier | None) -> list[tuple[str, int, int]]:
    """Accounts by (earlier segment, cluster), of those in both."""
    if before is None:
        return []
    both = members.join(before.members, on="account_id", how="inner").groupBy("segment_id", "segment").agg(F.count("*").alias("n"))
    return [(row["segment_id"], row["segment"], row["n"]) for row in both.collect()]  # at most k * k rows


def _identities(
    warehouse: Warehouse,
    found: Profiles,
    segmentation: Segmentation,
    moment: Moment,
    before: Earlier | None,
    model: _Model,
    pairs: list[tuple[str, int, int]],
) -> list[Identity]:
    if before is not None and model.why is None:
        return [
            Identity(p["segment_id"], (p["name_zh"], p["name_en"]), p["since"], "kept", None, p["share_fitted"]) for p in before.profiles
        ]
    table, olds = np.zeros((0, 0)), []
    if before is not None:
        olds = list(before.profiles)
        table = crossing([(a, str(b), n) for a, b, n in pairs], before.ids, [str(i) for i in range(model.best.clusters.k)])
    named_alike = before is not None and before.run["definition"] == segmentation.stamp
    highest = highest_number(warehouse, segmentation.id, moment.as_of, moment.known_at)
    return recognised(segmentation, found, table, olds, continued(table), keep_names=named_alike, highest=highest, as_of=moment.as_of)


def _segment_rows(rows: DataFrame, members: DataFrame, segmentation: Segmentation, moment: Moment, ids: Sequence[str]) -> DataFrame:
    names = F.array(*[F.lit(identity) for identity in ids])
    of_run = {"segmentation": F.lit(segmentation.id), "as_of": F.lit(moment.as_of), "known_at": F.lit(moment.known_at)}
    labels = {"segment_id": F.get(names, F.col("segment")), "runner_up": F.get(names, F.col("second"))}
    joined = rows.select("account_id", "left_out").join(members, on="account_id", how="left")
    return joined.withColumns({**of_run, **labels}).select(*SEGMENT.columns)


def _summary(
    left_out: dict[str, int],
    total: int,
    segmentation: Segmentation,
    moment: Moment,
    before: Earlier | None,
    model: _Model,
    found: Profiles,
    identities: Sequence[Identity],
    pairs: list[tuple[str, int, int]],
) -> dict[str, Any]:
    definition, best, ready = segmentation.definition, model.best, model.preparation
    agreement = None
    if before is not None and pairs:
        labels = [str(i) for i in range(best.clusters.k)]
        agreement = adjusted_rand_index(crossing([(a, str(b), n) for a, b, n in pairs], before.ids, labels))
    fitted_before = before.run if before is not None and model.why is None else None
    return {
        "segmentation": segmentation.id,
        "as_of": moment.as_of,
        "known_at": moment.known_at,
        "name_zh": definition.name_zh,
        "name_en": definition.name_en,
        "definition": segmentation.stamp,
        "fitted_as_of": fitted_before["fitted_as_of"] if fitted_before else moment.as_of,
        "why_fitted": model.why,
        "algorithm": best.clusters.algorithm,
        "k": best.clusters.k,
        "silhouette": best.silhouette,
        "silhouette_fitted": fitted_before["silhouette_fitted"] if fitted_before else best.silhouette,
        "stability": best.stability,
        "psi": stability_index(found.shares, np.array([i.share_fitted for i in identities])),
        "agreement": agreement,
        "accounts": total + sum(left_out.values()),
        "clustered": total,
        "left_out": json.dumps(left_out, sort_keys=True, ensure_ascii=False),
        "candidates": json.dumps(model.candidates),
        "features": list(definition.components_of_features),
        **{name: getattr(ready, name).tolist() for name in ("low", "high", "fill", "middle", "factor")},
        "projection": ready.projection.reshape(-1).tolist(),
    }
