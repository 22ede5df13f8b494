"""Identities of segments over time, and the rows of segment_profile_v1."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gridlens.contracts.segment import SEGMENT_PROFILE
from gridlens.segments.definition import Segmentation
from gridlens.segments.model import Clusters
from gridlens.segments.naming import Name, names
from gridlens.segments.profile import Profiles


@dataclass(frozen=True)
class Identity:
    """Who a cluster is: id and name, since when, how it continues (see segment_profile_v1)."""

    segment_id: str
    name: Name
    since: dt.date
    continuity: str
    matched_share: float | None
    share_fitted: float


def recognised(
    segmentation: Segmentation,
    found: Profiles,
    table: np.ndarray,
    olds: Sequence[Mapping[str, Any]],
    matches: Mapping[int, int],
    *,
    keep_names: bool,
    highest: int,
    as_of: dt.date,
) -> list[Identity]:
    """The identity of each cluster of a new model.

    Args:
        segmentation: for its id and phrases.
        found: what the clusters are like.
        table: accounts by (earlier segment, cluster).
        olds: the earlier segments' rows of segment_profile_v1, in the order of ``table``.
        matches: cluster to earlier segment.
        keep_names: a segment that goes on keeps its name.
        highest: number of the last id given; new ones count on, the largest cluster first.
        as_of: since when the new ones are.
    """
    clusters = range(len(found.accounts))
    taken: list[Name | None] = [
        (olds[matches[i]]["name_zh"], olds[matches[i]]["name_en"]) if keep_names and i in matches else None for i in clusters
    ]
    called = names(found.apart, segmentation.definition.phrases, [int(n) for n in found.accounts], taken)
    fresh = sorted((i for i in clusters if i not in matches), key=lambda i: (-found.accounts[i], i))
    numbers = {i: highest + 1 + place for place, i in enumerate(fresh)}
    result = []
    for i in clusters:
        share = float(found.shares[i])
        if i in matches:
            old = olds[matches[i]]
            same = float(table[matches[i], i] / table[matches[i]].sum())
            result.append(Identity(old["segment_id"], called[i], old["since"], "matched", same, share))
        else:
            result.append(Identity(f"{segmentation.id}-{numbers[i]:02d}", called[i], as_of, "new", None, share))
    return result


def profile_rows(
    segmentation: Segmentation,
    identities: Sequence[Identity],
    found: Profiles,
    clusters: Clusters,
    *,
    as_of: dt.date,
    known_at: dt.datetime,
) -> list[tuple[Any, ...]]:
    """The rows of segment_profile_v1."""
    rows = []
    for i, identity in enumerate(identities):
        empty = not found.accounts[i]
        row = {
            "segmentation": segmentation.id,
            "segment_id": identity.segment_id,
            "as_of": as_of,
            "known_at": known_at,
            "name_zh": identity.name[0],
            "name_en": identity.name[1],
            "accounts": int(found.accounts[i]),
            "share": float(found.shares[i]),
            "share_fitted": identity.share_fitted,
            "separation": None if empty else float(found.separation[i]),
            "typical_account": found.typical[i],
            "since": identity.since,
            "continuity": identity.continuity,
            "matched_share": identity.matched_share,
            "differences": _differences(segmentation, found, i),
            "mean": None if empty else [_number(v) for v in found.means[i]],
            "centre": clusters.centres[i].tolist(),
            "covariance": None if clusters.covariances is None else clusters.covariances[i].reshape(-1).tolist(),
            "weight": None if clusters.weights is None else float(clusters.weights[i]),
        }
        rows.append(tuple(row[name] for name in SEGMENT_PROFILE.columns))
    return rows


def _differences(segmentation: Segmentation, found: Profiles, cluster: int) -> list[tuple[Any, ...]]:
    order = np.argsort(-np.abs(found.apart[cluster]), kind="stable")
    phrases = segmentation.definition.phrases
    return [
        (
            phrases[p].expression,
            _number(found.own[cluster, p]),
            _number(found.others[cluster, p]),
            float(found.apart[cluster, p]),
        )
        for p in order
    ]


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
