"""What the model store keeps of a search for abnormal usage: parameters, figures, fingerprints, the judge as a pipeline, its card."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.sql.types import DoubleType, StructField, StructType

from gridlens.anomaly.definition import Usage, UsageDefinition
from gridlens.anomaly.learner import Judge, Learnt
from gridlens.anomaly.patterns import PART_PATTERNS, PATTERNS
from gridlens.anomaly.pipeline import HALF, features_of, importances
from gridlens.contracts.anomaly import MODEL
from gridlens.models.definition import AlgorithmDefinition, Band, LabelDefinition, LearnerDefinition, ModelDefinition, ModelFeature
from gridlens.pipelines.anomaly_judged import JudgedUsage
from gridlens.pipelines.model_log import DEFINITION, log_card
from gridlens.reports.model_card import Card, RowsOf
from gridlens.runs import Run
from gridlens.settings import Settings
from gridlens.tracking import Store, Version, made_from

PASSED = "gridlens_gate_passed"
"""Tag of a version: whether the gate let it serve, also where an older moment's version does not take the champion's place."""
_PURPOSE = (
    "Says how probable it is that an account's usage is abnormal (theft, or a fault of its meter), from the evidence of its own days, its "
    "peers and its transformer; alerts are ranked by it. Learnt anew in every search, from patterns put into untouched series and from "
    "inspections."
)
_LIMITS = (
    "An alert is a reason to look, no proof, and no ground for charging anybody. Judged on made-up examples of the half of the accounts "
    "that it did not learn from, its last weights fitted on other accounts' examples; {rate:.0%} of the examples are changed, and the "
    "figures are at that share: served probabilities are at a prior of {prior:.1%}, where PR-AUC is {pr_auc:.3f} and the highest 1 % hold "
    "{capture:.0%} of the changed; {alarms:.1%} of the others stand above the limit that finds 80 % of the changed. Several examples are "
    "of one account, so that intervals are too narrow. "
    "Thefts unlike the patterns are found only as far as they are unlike everybody's usage. Drift is not measured. "
    "Business under a household tariff is found by a forest that is not part of this version, whose probability is not calibrated against "
    "truth."
)


@dataclass(frozen=True, eq=False)
class LearntUsage:
    """A judge that was learnt and judged.

    Attributes:
        data: digest of the examples.
        misuse: figures of the forest that looks for business under a household tariff.
    """

    usage: Usage
    learnt: Learnt
    judge: Judge
    pipeline: PipelineModel
    judged: JudgedUsage
    data: str
    misuse: Mapping[str, float | None]


def log_usage(store: Store, settings: Settings, made: LearntUsage, run: Run, as_of: dt.date, known_at: dt.datetime) -> Version:
    """Logs everything and registers the version, which has no alias yet."""
    definition, judged = made.usage.definition, made.judged
    tags = made_from(as_of, known_at, run.run_id)
    with store.run(MODEL, params=_params(made, as_of, known_at), tags=tags, name=f"{MODEL} {as_of}") as tracked:
        tracked.log_fingerprints(definition=made.usage.fingerprint_of_learnt, data=made.data)
        tracked.log_metrics({**judged.metrics(), **{f"misuse.{name}": value for name, value in made.misuse.items()}})
        tracked.log_json(definition.model_dump(mode="json"), DEFINITION)
        tracked.log_json(_training(made, as_of, known_at), "training.json")
        tracked.log_json(asdict(judged.decision), "decision.json")
        schema = StructType([StructField(name, DoubleType()) for name in (HALF, *features_of(made.judge))])
        tracked.log_pipeline(made.pipeline, schema)
        version = tracked.register(tags={PASSED: judged.decision.champion})
        log_card(tracked, _card(made, str(version.version), run, settings, as_of, known_at))
        return version


def _params(made: LearntUsage, as_of: dt.date, known_at: dt.datetime) -> dict[str, Any]:
    definition = made.usage.definition
    return {
        "definition_version": definition.version,
        "trees": definition.trees.model_dump(mode="json"),
        "prior": definition.prior,
        "examples": definition.examples.model_dump(mode="json"),
        "peers": list(definition.peers),
        "features": len(features_of(made.judge)),
        "as_of": str(as_of),
        "known_at": known_at.isoformat(),
        "train_rows": sum(made.learnt.counts.values()),
        "train_positives": _changed(made.learnt),
    }


def _changed(learnt: Learnt) -> int:
    return sum(rows for (_, label), rows in learnt.counts.items() if label == 1)


def _training(made: LearntUsage, as_of: dt.date, known_at: dt.datetime) -> dict[str, Any]:
    """What the version learnt from, and the weights of what it learnt."""
    counts = [{"half": half, "changed": bool(label), "rows": rows} for (half, label), rows in sorted(made.learnt.counts.items())]
    margin, residual = made.judge.slopes
    return {
        "as_of": as_of,
        "known_at": known_at,
        "examples": counts,
        "patterns": [*PATTERNS, *PART_PATTERNS],
        "weights": {"margin": margin, "residual": residual, "shift": made.judge.shift},
        "components": [half.usual.kept for half in made.judge.halves],
    }


def _card(made: LearntUsage, version: str, run: Run, settings: Settings, as_of: dt.date, known_at: dt.datetime) -> Card:
    figures = made.judged.figures
    return Card(
        definition=_described(made),
        version=version,
        known_at=known_at,
        figures=figures,
        decision=made.judged.decision,
        rows=(RowsOf("test", (as_of,), figures.rows, figures.positives),),
        of_accounts=False,
        out_of_time=False,
        baselines=made.judged.baselines,
        importances=importances(made.judge),
        fingerprints={"definition": made.usage.fingerprint_of_learnt, "examples": made.data},
        currency=settings.currency,
        run_id=run.run_id,
    )


def _described(made: LearntUsage) -> ModelDefinition:
    """The definition as a model's, for the card."""
    told: UsageDefinition = made.usage.definition
    trees, judged = told.trees, made.judged
    grid = {"trees": trees.trees, "max_depth": trees.max_depth, "step_size": trees.step_size, "feature_share": trees.feature_share}
    settings = {name: (float(value),) for name, value in {**grid, "min_rows": trees.min_rows}.items()}
    said = {"pr_auc": judged.at_prior["pr_auc"], "capture": judged.at_prior["capture_at_1"], "alarms": judged.false_alarms or 0.0}
    return ModelDefinition(
        id=MODEL,
        name_zh=told.name_zh,
        name_en=told.name_en,
        purpose=_PURPOSE,
        limits=_LIMITS.format(rate=judged.figures.rate, prior=told.prior, **said),
        owner=told.owner,
        version=told.version,
        population="true",
        label=LabelDefinition(function="pattern_put_in", arguments={"patterns": ", ".join([*PATTERNS, *PART_PATTERNS])}, horizon_days=1),
        features=tuple(ModelFeature(name=name) for name in features_of(made.judge)),
        learner=LearnerDefinition(
            algorithms=(AlgorithmDefinition(kind="gradient_boosted_trees", grid=settings),), folds=2, calibration="platt", seed=trees.seed
        ),
        capacity=told.visits.per_week,
        bands=(Band(id="low", zh="低", en="low", score_from=0), Band(id="high", zh="高", en="high", score_from=0.5)),
    )
