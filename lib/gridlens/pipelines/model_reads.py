"""What can be asked of models: the versions there are, which serves, why an account has its score."""

from __future__ import annotations

from typing import Any

from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F

from gridlens.contracts.model import MODEL_DRIFT
from gridlens.contracts.score import SCORE
from gridlens.errors import SettingsError
from gridlens.models.definition import ModelFeature
from gridlens.models.library import named
from gridlens.pipelines.credit_cards import OF_SCORECARD, SPARK_FREE
from gridlens.pipelines.declared import model_library, scorecard_plans
from gridlens.settings import Settings
from gridlens.tracking import CHALLENGER, CHAMPION, Store, Version
from gridlens.warehouse import Warehouse

_MOVED = ("model_version", "as_of", "subject_kind", "subject", "rows", "psi", "psi_by_chance", "roc_auc", "warning", "retrain")
_FIGURES = ("roc_auc", "unseen.roc_auc", "calibration_error", "baseline.one_rule.roc_auc")


def list_models(settings: Settings) -> list[dict[str, Any]]:
    """The models and scorecards that are defined, each with its champion and its challenger."""
    store = Store.open(settings)
    rows = []
    for model in (*model_library(settings), *(plan.model for plan in scorecard_plans(settings))):
        versions = store.versions(model.id)
        by_alias = {alias: version for version in reversed(versions) for alias in version.aliases}
        champion = by_alias.get(CHAMPION)
        rows.append(
            {
                "model": model.id,
                "name_zh": model.definition.name_zh,
                "name_en": model.definition.name_en,
                "owner": model.definition.owner,
                "versions": len(versions),
                CHAMPION: champion.version if champion else None,
                CHALLENGER: by_alias[CHALLENGER].version if CHALLENGER in by_alias else None,
                **_figures(champion),
                "current": champion.definition_fingerprint == model.fingerprint if champion else None,
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
    seen = Warehouse(spark, settings).read(MODEL_DRIFT).where(F.col("model_id") == model.id)
    at = [F.col("as_of"), F.col("known_at"), F.col("model_version").cast("int")]
    newest = seen.withColumn("_place", F.dense_rank().over(Window.orderBy(*[column.desc() for column in at]))).where("_place = 1")
    rows = newest.orderBy(F.desc("warning"), F.desc("psi"), "subject").select(*_MOVED).collect()  # a row a feature
    if not rows:
        command = f"credit grade --scorecard {model.id}" if model.id in {one.id for one in scorecards} else f"score {model.id}"
        raise SettingsError(f"{model.id} has not scored yet: run `gridlens {command}`")
    return [row.asDict() for row in rows]


def promote_version(settings: Settings, name: str, version: int, reason: str) -> dict[str, Any]:
    """Makes a version champion by hand, a scorecard's likeness without Spark with it; gives what it then is."""
    store = Store.open(settings)
    champion = store.promote(name, version, reason=f"by hand: {reason}")
    _with_likeness(store, champion, f"by hand: {reason}")
    return _version(champion)


def roll_back(settings: Settings, name: str) -> dict[str, Any]:
    """Makes the champion before this one champion again, a scorecard's likeness without Spark with it; gives what it then is."""
    store = Store.open(settings)
    champion = store.rollback(name)
    _with_likeness(store, champion, f"as version {champion.version} of {name}, rolled back by hand")
    return _version(champion)


def _with_likeness(store: Store, champion: Version, reason: str) -> None:
    for like in store.versions(champion.model + SPARK_FREE):
        if like.tags.get(OF_SCORECARD) == str(champion.version) and CHAMPION not in like.aliases:
            store.promote(like.model, like.version, reason=reason)


def explain_score(spark: SparkSession, settings: Settings, name: str, account: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The last score of an account, and its reasons, the greatest first.

    Raises:
        SettingsError: no such model, or the account has no score of it.
    """
    model = named(model_library(settings), name)
    scores = Warehouse(spark, settings).read(SCORE).where((F.col("model") == model.id) & (F.col("account_id") == account))
    row = scores.orderBy(F.desc("as_of"), F.desc("known_at"), F.desc("version")).drop("known_at").limit(1).first()
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
