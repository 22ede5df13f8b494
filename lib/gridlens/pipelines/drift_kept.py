"""What an earlier run saw of a version at a moment, read back from model_drift_v1: a run that finds nothing new says it again."""

from __future__ import annotations

import datetime as dt
from dataclasses import fields, replace

from pyspark.sql import Row
from pyspark.sql import functions as F

from gridlens.contracts.model import MODEL_DRIFT
from gridlens.models.drift import Drift, Moment, Shift, judged
from gridlens.models.drift_profile import Profile
from gridlens.pipelines.moments import of_moment
from gridlens.tracking import Version
from gridlens.warehouse import Warehouse

_MOMENT = tuple(field.name for field in fields(Moment) if field.name != "as_of")


def drift_kept(warehouse: Warehouse, version: Version, as_of: dt.date, known_at: dt.datetime) -> Drift:
    """The drift of a version at a moment as ``write_drift`` kept it; empty where nothing is kept."""
    mine = (F.col("model_id") == version.model) & (F.col("model_version") == str(version.version)) & of_moment(as_of, known_at)
    rows = warehouse.read(MODEL_DRIFT).where(mine).drop("as_of", "known_at").collect()  # a row a feature
    shifts = sorted((_shift(row) for row in rows if row["subject_kind"] != "label"), key=lambda s: (s.kind == "feature", -s.psi, s.subject))
    before = Profile("score", 0, version.metrics.get("roc_auc"), ())
    # Without the figures of the version's run, which somebody may have deleted, there is nothing to compare a later AUC with.
    moments = [_moment(row) for row in rows if row["subject_kind"] == "label" and before.roc_auc is not None]
    found = judged(shifts, sorted(moments, key=lambda m: m.as_of), before=before)
    return replace(found, retrain=any(row["retrain"] for row in rows))


def _shift(row: Row) -> Shift:
    return Shift(
        subject=row["subject"],
        kind=row["subject_kind"],
        rows=row["rows"],
        rows_before=row["rows_before"],
        psi=row["psi"],
        chance=row["psi_by_chance"],
        missing=row["missing_share"],
        missing_before=row["missing_share_before"],
        warning=row["warning"],
    )


def _moment(row: Row) -> Moment:
    return Moment(dt.date.fromisoformat(row["subject"]), **{name: row[name] for name in _MOMENT})
