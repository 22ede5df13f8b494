"""``score_v1``: what a model said of an account at a moment, with its reasons. Written once, never overwritten by a later version."""

from __future__ import annotations

from gridlens.contracts.account_feature import AS_OF, KNOWN_AT
from gridlens.contracts.entities import ACCOUNT
from gridlens.tables import Field, Table

MODEL = Field("model", "string", "Id of the model's definition (conf/models)")
VERSION = Field("version", "int", "Version in the model registry")

SCORE = Table(
    "score_v1",
    "gold",
    "The score of every account of a model's population at a moment, by the version that was champion then.",
    (
        ACCOUNT,
        MODEL,
        VERSION,
        AS_OF,
        KNOWN_AT,
        Field("score", "double", "Calibrated probability of the model's label within its horizon after as_of"),
        Field("decile", "int", "1: the tenth of the accounts with the highest scores, 10 the lowest; equal scores share the higher one"),
        Field("band", "string", "Band of the definition that the score falls into"),
        Field(
            "reasons",
            "array<struct<feature:string,value:string,contribution:double>>",
            "What moved the score most, greatest first: feature, its value, and what it adds to the log-odds against a typical account",
        ),
        Field("definition", "string", "Fingerprint of the definition that the version was trained by: first 16 hex digits"),
        Field("run_id", "string", "Training run in the tracking store"),
    ),
    ("account_id", "model", "version", "as_of", "known_at"),
    partition_by=("model", "as_of"),
    sort_by=("account_id",),
    checks={"probability": "score >= 0 AND score <= 1", "decile_range": "decile BETWEEN 1 AND 10"},
)


def model_of(column: str) -> str:
    """The model or scorecard whose column this is, see :func:`score_fields` and :func:`grade_fields`."""
    return column.rpartition("_")[0]


def score_fields(model: str) -> tuple[Field, ...]:
    """The columns by which tags and audiences read a model: ``<model>_score``, ``<model>_decile`` and ``<model>_band``."""
    never = f"outside {model}'s population, or never scored at the moment"
    return (
        Field(f"{model}_score", "double", f"Probability that {model} gives", null=never),
        Field(f"{model}_decile", "int", f"Decile of {model}'s scores: 1 is the tenth with the highest", null=never),
        Field(f"{model}_band", "string", f"Band of {model}'s score", null=never),
    )


def grade_fields(scorecard: str) -> tuple[Field, ...]:
    """The columns by which tags and audiences read a scorecard: ``<scorecard>_grade``, ``<scorecard>_points`` and ``<scorecard>_pd``."""
    never = f"outside {scorecard}'s population, or never graded at the moment"
    return (
        Field(f"{scorecard}_grade", "string", f"Grade by {scorecard}, with the qualitative factors in force", null=never),
        Field(f"{scorecard}_points", "double", f"Points by {scorecard}; more is better", null=never),
        Field(f"{scorecard}_pd", "double", f"Probability of bad by the points of {scorecard} alone", null=never),
    )


def is_graded(column: str) -> bool:
    """Whether the column is one of :func:`grade_fields`, not of :func:`score_fields`."""
    return column in (field.name for field in grade_fields(model_of(column)))


def score_field(column: str) -> Field:
    """The field of one of the columns of :func:`score_fields` and :func:`grade_fields`."""
    fields = grade_fields if is_graded(column) else score_fields
    return next(field for field in fields(model_of(column)) if field.name == column)
