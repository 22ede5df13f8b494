"""What the model store keeps of a model of any table: figures beside the baselines, the pipeline for the table's own columns, its card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame

from gridlens.contracts.anomaly import MODEL as ABNORMAL_USAGE
from gridlens.definitions import fingerprint_of
from gridlens.errors import SettingsError
from gridlens.models.definition import Band, LabelDefinition, LearnerDefinition, ModelDefinition
from gridlens.models.figures import Baseline, Figures
from gridlens.models.fit import Fitted
from gridlens.models.flat import FlatTable
from gridlens.models.gate import Check, Decision
from gridlens.pipelines.changes import table_digest
from gridlens.pipelines.credit_cards import SPARK_FREE
from gridlens.pipelines.declared import model_library, scorecard_plans
from gridlens.pipelines.model_log import categories, log_card
from gridlens.pipelines.options import FlatOptions
from gridlens.pipelines.time_to_pay import MODEL as TIME_TO_PAY
from gridlens.reports.model_card import Card, RowsOf
from gridlens.runs import Run
from gridlens.settings import Settings
from gridlens.tracking import CHAMPION, Store, registered_name


@dataclass(frozen=True, eq=False)
class FlatModel:
    """A model of a table. Attributes: rows: of the table; split: how those that judged were kept apart."""

    options: FlatOptions
    table: FlatTable
    rows: DataFrame
    fitted: Fitted
    figures: Figures
    baselines: tuple[Baseline, ...]
    split: str
    capacity: int
    learner: LearnerDefinition


def refuse_taken(settings: Settings, name: str) -> None:
    """Refuses the name of a model that is defined: a table's model would be served in its place.

    Raises:
        SettingsError: it is taken, or no name.
    """
    registered_name(settings, name)
    scorecards = [plan.definition.id for plan in scorecard_plans(settings)]
    own = (TIME_TO_PAY, ABNORMAL_USAGE)
    taken = {*(model.id for model in model_library(settings)), *scorecards, *(one + SPARK_FREE for one in scorecards), *own}
    if name.casefold() in {one.casefold() for one in taken}:
        raise SettingsError(
            f"{name} is the name of a model that gridlens trains itself: give the model of your table another, as my_{name}"
        )


def in_own_names(fitted: Fitted, table: FlatTable) -> Fitted:
    """The model as it reads the table's own columns, whatever they are called."""
    stages: Sequence = [stage for stage in (table.renaming(), *fitted.pipeline.stages) if stage is not None]
    return replace(
        fitted,
        pipeline=PipelineModel(stages=list(stages)),
        importances=tuple((table.names[name], share) for name, share in fitted.importances),
        left_out=tuple(table.names[name] for name in fitted.left_out),
    )


def register(store: Store, made: FlatModel, run: Run) -> int:
    """Logs and registers; champion where there is none yet, since a table says nothing of the accounts that a champion serves.

    Args:
        made: fitted by the columns of the table's frame.
    """
    name, table, fitted = str(made.options.name), made.table, in_own_names(made.fitted, made.table)
    champion = next((version.version for version in store.versions(name) if CHAMPION in version.aliases), None)
    decision = _decision(made, champion)
    params = {
        "label": made.options.label,
        "positive": table.positive,
        "rows": fitted.rows,
        "judged_by": made.split,
        "strong": list(made.options.strong),
        "learner": made.learner.model_dump(mode="json"),
    }
    with store.run(name, params=params, tags={"gridlens_run": run.run_id}) as tracked:
        definition = fingerprint_of({"features": [f.model_dump() for f in table.given], **params})
        data = table_digest(made.rows)
        tracked.log_fingerprints(definition=definition, data=data)
        compared = {f"baseline.{one.name}.{what}": getattr(one, what) for one in made.baselines for what in ("roc_auc", "log_loss")}
        tracked.log_metrics({**made.figures.as_metrics(), **compared})
        tracked.log_json([dict(row) for row in fitted.candidates], "candidates.json")
        tracked.log_json(asdict(decision), "decision.json")
        own = made.rows.select(*[feature.name for feature in table.features]).toDF(*table.names.values())
        tracked.log_pipeline(fitted.pipeline, own.schema, categories=categories(table.given))
        version = tracked.register()
        log_card(tracked, _card(made, fitted, decision, str(version.version), run, {"definition": definition, "rows": data}))
    decide_on = store.promote if decision.champion else store.challenge
    return decide_on(name, version.version, reason=" ".join(decision.reasons)).version


def _decision(made: FlatModel, champion: int | None) -> Decision:
    found = best_baseline(made.baselines)
    beaten = f"The best baseline has {found.roc_auc:.4f}" if found else "There is no baseline"
    auc = "no ROC-AUC" if made.figures.roc_auc is None else f"a ROC-AUC of {made.figures.roc_auc:.4f}"
    said = Check("figures", True, f"It has {auc} by {made.split}. {beaten}.")
    if champion is None:
        return Decision(True, (said, Check("champion", True, "It is the first version of its name.")))
    sentence = f"Version {champion} may be of another table: whoever knows that this one is better promotes it by hand."
    return Decision(False, (said, Check("champion", False, sentence)))


def best_baseline(baselines: Sequence[Baseline]) -> Baseline | None:
    """The baseline with the highest ROC-AUC."""
    return max((one for one in baselines if one.roc_auc is not None), key=lambda one: one.roc_auc or 0.0, default=None)


def _card(made: FlatModel, fitted: Fitted, decision: Decision, version: str, run: Run, fingerprints: dict[str, str]) -> Card:
    figures, options = made.figures, made.options
    definition = ModelDefinition(
        id="table",
        name_zh=str(options.name),
        name_en=f"model of {Path(options.data).name}",
        purpose=f"Predicts whether {options.label} is {made.table.positive}, from the other columns of {Path(options.data).name}.",
        limits=f"It holds for rows that come about as those of the table; it is served by MLflow alone. Judged by {made.split}.",
        owner="-",
        version=1,
        population="true",
        label=LabelDefinition(function="column", arguments={"name": options.label, "positive": made.table.positive}, horizon_days=1),
        features=made.table.given,
        learner=made.learner.with_positives(fitted.positives),
        capacity=made.capacity,
        bands=(Band(id="low", zh="低", en="low", score_from=0), Band(id="high", zh="高", en="high", score_from=0.5)),
    )
    return Card(
        definition=definition.model_copy(update={"id": str(options.name)}),
        version=version,
        known_at=run.started_at,
        figures=figures,
        decision=decision,
        rows=(RowsOf("train", (), fitted.rows, fitted.positives), RowsOf("test", (), figures.rows, figures.positives)),
        of_accounts=False,
        out_of_time=bool(made.options.by),
        baselines=made.baselines,
        candidates=fitted.candidates,
        chosen=fitted.chosen,
        importances=fitted.importances,
        left_out=fitted.left_out,
        fingerprints=fingerprints,
        run_id=run.run_id,
    )
