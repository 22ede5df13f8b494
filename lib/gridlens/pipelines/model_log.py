"""What the model store keeps of a training: parameters, figures, the data's fingerprints, the pipeline, what scoring needs beside it."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from pyspark.sql import DataFrame

from gridlens.models.definition import ModelFeature
from gridlens.models.drift import Limits
from gridlens.models.drift_profile import profile
from gridlens.models.fit import Fitted
from gridlens.models.library import Model
from gridlens.models.reasons import Explainer, explainer
from gridlens.models.training import TEST, TRAIN
from gridlens.pipelines.judging import LEAST_GROUP, Judged
from gridlens.pipelines.training_set import TrainingSet
from gridlens.places import local_folder
from gridlens.reports.model_card import Card, RowsOf, markdown, page, plots
from gridlens.runs import Run
from gridlens.settings import Settings
from gridlens.tracking import Store, TrackedRun, Version, made_from
from gridlens.warehouse import Warehouse

PROFILE = "profile.json"
MEANS = "means.json"
DEFINITION = "definition.json"


@dataclass(frozen=True, eq=False)
class Made:
    """A model that was fitted and judged; ``scored`` are its test rows with ``prediction``."""

    model: Model
    data: TrainingSet
    fitted: Fitted
    judged: Judged
    scored: DataFrame


def log_version(store: Store, warehouse: Warehouse, made: Made, run: Run) -> Version:
    """Logs everything and registers the version, which has no alias yet."""
    model, facts = made.model, made.data.facts
    tags = made_from(facts.as_of, facts.known_at, run.run_id) | {"gridlens_stamp": model.stamp}
    with store.run(model.id, params=_params(made), tags=tags, name=f"{model.id} {facts.as_of}") as tracked:
        tracked.log_fingerprints(definition=model.fingerprint, data=facts.data)
        tracked.log_metrics(metrics_of(made))
        tracked.log_served(model.definition.model_dump(mode="json"), DEFINITION)
        tracked.log_json(facts.record(), "training.json")
        tracked.log_json([dict(row) for row in made.fitted.candidates], "candidates.json")
        tracked.log_json(asdict(made.judged.decision), "decision.json")
        tracked.log_served(profile(made.scored, model.definition.features, roc_auc=made.judged.test.roc_auc).to_json(), PROFILE)
        _log_reasons(tracked, warehouse, made)
        schema = made.data.train.select(*model.features).schema
        tracked.log_pipeline(made.fitted.pipeline, schema, categories=categories(model.definition.features))
        version = tracked.register()
        log_card(tracked, card_of(made, str(version.version), run.run_id, warehouse.settings))
        return version


def log_card(tracked: TrackedRun, card: Card) -> None:
    """The model card as Markdown and as a page, and its charts as pictures."""
    tracked.log_text(markdown(card), "model_card.md")
    tracked.log_text(page(card), "model_card.html")
    for name, picture in plots(card).items():
        tracked.log_text(picture, f"plots/{name}.svg")


def categories(features: Sequence[ModelFeature]) -> list[str]:
    """The features whose values are codes, also where they are numbers."""
    return [feature.name for feature in features if feature.kind == "category"]


@contextmanager
def scratch(settings: Settings) -> Iterator[str]:
    """A folder that Spark and this process see, for as long as the block lasts."""
    place = f"{settings.mlflow_dfs_tmp}/{uuid.uuid4().hex}"
    try:
        yield place
    finally:
        if folder := local_folder(place):
            shutil.rmtree(folder, ignore_errors=True)


def _log_reasons(tracked: TrackedRun, warehouse: Warehouse, made: Made) -> None:
    """What linear parts compare with, so that scoring needs no training rows; and what drives the scores in total."""
    with scratch(warehouse.settings) as folder:
        told = explainer(
            warehouse.spark,
            made.fitted.pipeline,
            made.model.definition.features,
            folder=folder,
            background=made.data.train.select(*made.model.features),
        )
        tracked.log_served({name: list(values) for name, values in told.means.items()}, MEANS)
        tracked.log_json(_drivers(told, made.data.test), "drivers.json")


def _drivers(told: Explainer, rows: DataFrame) -> list[dict[str, Any]]:
    """A row a feature, the strongest first."""
    found = [row.asDict() for row in told.drivers(rows).collect()]
    return sorted(found, key=lambda row: (-row["share"], row["feature"]))


def card_of(made: Made, version: str, run_id: str, settings: Settings) -> Card:
    """The card of a version."""
    facts, judged, fitted = made.data.facts, made.judged, made.fitted
    parts = []
    for part in (TRAIN, TEST):
        days = tuple(moment.as_of for moment in facts.moments if moment.part == part)
        parts.append(RowsOf(part, days, facts.rows(part), facts.positives(part)))
    limits = Limits()
    return Card(
        definition=made.model.definition,
        version=version,
        known_at=facts.known_at,
        figures=judged.test,
        decision=judged.decision,
        rows=tuple(parts),
        unseen_figures=judged.unseen,
        train_figures=judged.train,
        baselines=judged.baselines,
        against=judged.against,
        champion=judged.champion,
        candidates=fitted.candidates,
        chosen=fitted.chosen,
        importances=fitted.importances,
        left_out=fitted.left_out,
        fingerprints={"definition": made.model.fingerprint, "rows": facts.data},
        drift_limits=(
            ("特征或评分的 PSI（告警）", "PSI of a feature or of the score, warning", f"{limits.psi_warning:g}"),
            ("评分的 PSI（重新训练）", "PSI of the score, train again", f"{limits.psi_retrain:g}"),
            ("AUC 下降", "Fall of the ROC-AUC, train again", f"{limits.auc_drop:g}"),
        ),
        min_group=max(LEAST_GROUP, settings.min_group),
        currency=settings.currency,
        run_id=run_id,
    )


def _params(made: Made) -> dict[str, Any]:
    definition, facts = made.model.definition, made.data.facts
    return {
        "definition_version": definition.version,
        "label": definition.label.model_dump(mode="json"),
        "population": definition.population,
        "features": len(definition.features),
        "left_out": list(made.fitted.left_out),
        "learner": definition.learner.with_positives(made.fitted.positives).model_dump(mode="json"),  # what was tried
        "chosen": [dict(row) for row in made.fitted.chosen],
        "moments": [str(moment.as_of) for moment in facts.moments],
        "moments_left_out": [str(day) for day in facts.overlapping],
        "as_of": str(facts.as_of),
        "known_at": facts.known_at.isoformat(),
        "train_rows": made.fitted.rows,
        "train_positives": made.fitted.positives,
    }


def metrics_of(made: Made) -> dict[str, float | None]:
    """Figures of the version on its parts, of the baselines and of the champion."""
    judged = made.judged
    found: dict[str, float | None] = dict(judged.test.as_metrics())
    for part, figures in (("train", judged.train), ("unseen", judged.unseen)):
        names = ("roc_auc", "pr_auc", "log_loss", "brier", "calibration_error")
        found |= {f"{part}.{name}": getattr(figures, name) for name in names} if figures else {}
    for one in judged.baselines:
        found |= {f"baseline.{one.name}.roc_auc": one.roc_auc, f"baseline.{one.name}.log_loss": one.log_loss}
    if judged.against:
        compared = ("other_roc_auc", "difference", "low", "high")
        found |= {f"champion.{name}": getattr(judged.against, name) for name in compared}
    return found
