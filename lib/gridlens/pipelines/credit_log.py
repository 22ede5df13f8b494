"""What is kept of a fitted scorecard: the model twice, its figures beside the baselines, its card and the decision."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame

from gridlens.lease import writer_lease
from gridlens.models.grade_order import GradeFacts
from gridlens.models.scorecard import pyfunc_code
from gridlens.models.scorecard_fit import FittedScorecard
from gridlens.models.scorecard_library import ScorecardPlan
from gridlens.pipelines.credit_cards import CARD, OF_SCORECARD, SPARK_FREE, align_likeness
from gridlens.pipelines.judging import Judged, settle
from gridlens.pipelines.model_log import Made, card_of, log_card, metrics_of
from gridlens.pipelines.train import write_figures
from gridlens.pipelines.training_set import TrainingSet
from gridlens.reports.model_card import Card, GradeLine
from gridlens.reports.scorecard_page import scorecard_markdown
from gridlens.runs import Run
from gridlens.tracking import Store, TrackedRun, Version, made_from
from gridlens.warehouse import Warehouse


@dataclass(frozen=True)
class OutOfTime:
    """A scorecard on the rows of the newest moment. Attributes: groups: AUC of each sub-score alone."""

    judged: Judged
    grades: tuple[GradeFacts, ...]
    groups: dict[str, float | None]


@dataclass(frozen=True, eq=False)
class MadeScorecard:
    """A scorecard that was fitted and judged; ``scored`` are its test rows with ``prediction``."""

    plan: ScorecardPlan
    data: TrainingSet
    fitted: FittedScorecard
    later: OutOfTime
    scored: DataFrame

    @property
    def as_model(self) -> Made:
        return Made(self.plan.model, self.data, self.fitted.as_fitted(), self.later.judged, self.scored)


def log_scorecard(warehouse: Warehouse, store: Store, made: MadeScorecard, run: Run) -> Version:
    """Logs, registers and decides: as a pipeline for Spark, and as a model that needs none; both get the same alias."""
    definition, facts, judged = made.plan.definition, made.data.facts, made.later.judged
    tags = made_from(facts.as_of, facts.known_at, run.run_id)
    schema = made.data.train.select(*made.fitted.card.columns).schema
    with store.run(definition.id, params=_params(made), tags=tags) as tracked:
        _log_both(tracked, made)
        tracked.log_json(definition.model_dump(mode="json"), "definition.json")
        tracked.log_json(facts.record(), "training.json")
        tracked.log_pipeline(made.fitted.pipeline, schema)
        version = tracked.register()
        log_card(tracked, _card(made, version, run, warehouse))
    with store.run(definition.id + SPARK_FREE, tags=tags) as tracked, tempfile.TemporaryDirectory() as folder:
        _log_both(tracked, made)
        code, card = Path(folder) / "scorecard_pyfunc.py", Path(folder) / CARD
        code.write_text(pyfunc_code(), encoding="utf-8")
        card.write_text(made.fitted.json, encoding="utf-8")
        tracked.log_code_model(code, {"scorecard": card}, schema)
        light = tracked.register(tags={OF_SCORECARD: version.version})
        log_card(tracked, _card(made, light, run, warehouse))
    with writer_lease(warehouse.settings):
        write_figures(warehouse, made.plan.model, judged, version, made.data, run)
    version = settle(store, definition.id, version, judged)
    align_likeness(store, version, version.reason)
    return version


def _log_both(tracked: TrackedRun, made: MadeScorecard) -> None:
    """What both runs keep."""
    definition, later = made.plan.definition, made.later
    metrics = metrics_of(made.as_model) | {f"{group}.roc_auc": value for group, value in later.groups.items()}
    metrics |= {f"grade.{one.grade}.{what}": getattr(one, what) for one in later.grades for what in ("bad_rate", "pd", "rows")}
    tracked.log_fingerprints(definition=definition.fingerprint, data=made.data.facts.data)
    tracked.log_metrics(metrics)
    tracked.log_json(asdict(later.judged.decision), "decision.json")
    tracked.log_served(made.fitted.json, CARD)
    tracked.log_text(scorecard_markdown(made.fitted.card, [one.__dict__ for one in made.fitted.selection]), "scorecard.md")


def _card(made: MadeScorecard, version: Version, run: Run, warehouse: Warehouse) -> Card:
    """The model card with the grades; points by bin stand in scorecard.md."""
    found = {one.grade: one for one in made.later.grades}
    grades = []
    for one in made.fitted.card.grades:
        later = found.get(one.id)
        tested = (later.rows, later.bad_rate, later.pd) if later else (0, None, None)
        grades.append(GradeLine(one.id, one.zh, one.en, one.points_from, one.rows, one.bad_rate, *tested))
    card = card_of(made.as_model, str(version.version), run.run_id, warehouse.settings)
    return replace(card, grades=tuple(grades), candidates=(), chosen=())


def _params(made: MadeScorecard) -> dict[str, Any]:
    definition, card = made.plan.definition, made.fitted.card
    return {
        "definition_version": definition.version,
        "label": definition.label.model_dump(mode="json"),
        "population": definition.population,
        "characteristics": [line.id for line in card.lines],
        "scaling": definition.scaling.model_dump(mode="json"),
        "moments": [str(moment.as_of) for moment in made.data.facts.moments],
        "moments_left_out": [str(day) for day in made.data.facts.overlapping],
        "train_rows": card.rows,
        "train_bad": card.events,
    }
