"""What can be asked of models: the versions there are, which serves, why an account has its score."""

from __future__ import annotations

from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.anomaly import MODEL as ABNORMAL_USAGE
from gridlens.contracts.model import MODEL_DRIFT
from gridlens.contracts.score import SCORE
from gridlens.errors import SettingsError
from gridlens.models.definition import ModelFeature
from gridlens.models.library import named
from gridlens.pipelines.credit_cards import align_likeness
from gridlens.pipelines.declared import model_library, scorecard_plans, usage_definition
from gridlens.pipelines.moments import of_micros, of_moment
from gridlens.pipelines.scores import versions_that_scored
from gridlens.pipelines.tag_state import Moment
from gridlens.settings import Settings
from gridlens.tracking import CHALLENGER, CHAMPION, Store, Version
from gridlens.warehouse import Warehouse

_MOVED = ("model_version", "as_of", "subject_kind", "subject", "rows", "psi", "psi_by_chance", "roc_auc", "warning", "retrain")
_FIGURES = ("roc_auc", "unseen.roc_auc", "calibration_error", "baseline.one_rule.roc_auc")


def list_models(settings: Settings) -> list[dict[str, Any]]:
    """The models and scorecards that are defined, and the judge of abnormal usage, each with its champion and its challenger."""
    store, usage = Store.open(settings), usage_definition(settings)
    rows = []
    models = (*model_library(settings), *(plan.model for plan in scorecard_plans(settings)))
    defined: list[tuple[str, Any, str]] = [(model.id, model.definition, model.fingerprint) for model in models]
    for name, definition, fingerprint in [*defined, (ABNORMAL_USAGE, usage.definition, usage.fingerprint_of_learnt)]:
        versions = store.versions(name)
        by_alias = {alias: version for version in reversed(versions) for alias in version.aliases}
        champion = by_alias.get(CHAMPION)
        rows.append(
            {
                "model": name,
                "name_zh": definition.name_zh,
                "name_en": definition.name_en,
                "owner": definition.owner,
                "versions": len(versions),
                CHAMPION: champion.version if champion else None,
                CHALLENGER: by_alias[CHALLENGER].version if CHALLENGER in by_alias else None,
                **_figures(champion),
                "current": champion.definition_fingerprint == fingerprint if champion else None,
            }
        )
    return rows


def list_versions(settings: Settings, name: str) -> list[dict[str, Any]]:
    """All versions of a model, newest first."""
    return [_version(version) for version in Store.open(settings).versions(name)]


def list_drift(spark: SparkSession, settings: Settings, name: str) -> list[dict[str, Any]]:
    """What the last scoring of a model, or grading by a scorecard, saw move: warnings first, then the greatest shifts.

    Raises:
        SettingsError: no such model, or it has not scored yet.
    """
    scorecards = [plan.model for plan in scorecard_plans(settings)]
    model = named((*model_library(settings), *scorecards), name)
    warehouse = Warehouse(spark, settings)
    seen = warehouse.read(MODEL_DRIFT).where(F.col("model_id") == model.id)
    newest = _newest(warehouse, seen, model.id, F.col("model_version").cast("int"))
    if newest is None:
        command = f"credit grade --scorecard {model.id}" if model.id in {one.id for one in scorecards} else f"score {model.id}"
        raise SettingsError(f"{model.id} has not scored yet: run `gridlens {command}`")
    rows = newest.orderBy(F.desc("warning"), F.desc("psi"), "subject").select(*_MOVED).collect()  # a row a feature
    return [row.asDict() for row in rows]


def _newest(warehouse: Warehouse, rows: DataFrame, model: str, version: Column) -> DataFrame | None:
    """Those of the newest moment, of the version that scored it last: after a roll-back that is an earlier one (ADR 22)."""
    newest = rows.agg(F.max(F.struct("as_of", "known_at")).alias("newest"))
    row = newest.select("newest.as_of", F.unix_micros("newest.known_at").alias("known_at")).first()
    if row is None or row["as_of"] is None:
        return None
    moment = Moment(row["as_of"], of_micros(row["known_at"]), "")
    there = rows.where(of_moment(moment.as_of, moment.known_at))
    versions = {row[0] for row in there.select(version).distinct().collect()}  # a few
    served = versions_that_scored(warehouse, moment).get(model)
    return there.where(version == F.lit(served if served in versions else max(versions)))


def promote_version(settings: Settings, name: str, version: int, reason: str) -> dict[str, Any]:
    """Makes a version champion by hand, a scorecard's likeness without Spark with it; gives what it then is."""
    store = Store.open(settings)
    champion = store.promote(name, version, reason=f"by hand: {reason}")
    align_likeness(store, champion, f"by hand: {reason}")
    return _version(champion)


def roll_back(settings: Settings, name: str) -> dict[str, Any]:
    """Makes the champion before this one champion again, a scorecard's likeness without Spark with it; gives what it then is."""
    store = Store.open(settings)
    champion = store.rollback(name)
    align_likeness(store, champion, f"as version {champion.version} of {name}, rolled back by hand")
    return _version(champion)


def explain_score(spark: SparkSession, settings: Settings, name: str, account: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The last score of an account, and its reasons, the greatest first.

    Raises:
        SettingsError: no such model, or the account has no score of it.
    """
    model = named(model_library(settings), name)
    warehouse = Warehouse(spark, settings)
    scores = warehouse.read(SCORE).where((F.col("model") == model.id) & (F.col("account_id") == account))
    newest = _newest(warehouse, scores, model.id, F.col("version"))
    row = newest.drop("known_at").first() if newest is not None else None
    if row is None:
        raise SettingsError(
            f"account {account} has no score of {model.id}: run `gridlens score {model.id}`, or it is unknown or outside the population "
            f"({model.definition.population})"
        )
    found = row.asDict(recursive=True)
    reasons = found.pop("reasons")
    features = {feature.name: feature for feature in model.definition.features}
    label = model.definition.label
    told = {"name": f"{model.definition.name_zh} / {model.definition.name_en}", **found, "horizon_days": label.horizon_days}
    return told, [_reason(reason, features.get(reason["feature"])) for reason in reasons]


def _reason(reason: dict[str, Any], feature: ModelFeature | None) -> dict[str, Any]:
    return {
        "reason": feature.words if feature else reason["feature"],
        "value": reason["value"],
        "effect": "raises" if reason["contribution"] > 0 else "lowers",
        "log_odds": round(reason["contribution"], 3),
        "actionable": feature.actionable if feature else False,
        "act": feature.act if feature and reason["contribution"] > 0 else None,
        "feature": reason["feature"],
    }


def _version(version: Version) -> dict[str, Any]:
    return {
        "version": version.version,
        "aliases": ", ".join(version.aliases),
        "created": version.created,
        "decision": version.decision,
        **_figures(version),
        "reason": version.reason,
        "run": version.run_id,
    }


def _figures(version: Version | None) -> dict[str, float | None]:
    return {name.replace(".", "_"): version.metrics.get(name) if version else None for name in _FIGURES}
