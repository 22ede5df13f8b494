"""The tables as one deployment declares them: those of the contracts, and the one whose columns are its tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gridlens.anomaly.definition import Usage, load_usage
from gridlens.contracts import all_tables, find_table
from gridlens.contracts.account_feature import ACCOUNT_FEATURE, COMPARED_ONLY
from gridlens.contracts.score import grade_fields, score_fields
from gridlens.contracts.silver import METERING_POINT
from gridlens.contracts.tag import CATEGORY_NAMES, TAG_CURRENT, tag_current_table
from gridlens.errors import DefinitionError, SettingsError
from gridlens.models.library import Model, load_models
from gridlens.models.scorecard_library import ScorecardPlan, load_scorecards
from gridlens.models.value_definition import Value, load_value
from gridlens.settings import Settings, conf_file, conf_files
from gridlens.tables import Table
from gridlens.tags.library import TagLibrary, load_tags
from gridlens.tags.page import tags_markdown


def tag_library(settings: Settings) -> TagLibrary:
    """The tags of conf/tags, the user's files first; raises DefinitionError at the first mistake, naming file and line."""
    return load_tags(conf_files(settings, "tags"), taggable(), score_columns(settings))


def model_library(settings: Settings) -> tuple[Model, ...]:
    """The models of conf/models, the user's files first; raises DefinitionError at the first mistake, naming file and line."""
    files = conf_files(settings, "models")
    return load_models(files, taggable()) if files else ()


def scorecard_plans(settings: Settings) -> tuple[ScorecardPlan, ...]:
    """The scorecards of conf/scorecards, the user's files first; raises DefinitionError where one does not hold."""
    return load_scorecards(conf_files(settings, "scorecards"), taggable())


def value_definition(settings: Settings, models: Sequence[Model]) -> Value:
    """The definition of conf/value/value.yml, the user's file first; ``models``: those that it may read. Raises DefinitionError."""
    return load_value(conf_file(settings, "value/value.yml"), taggable(), [model.id for model in models])


def usage_definition(settings: Settings) -> Usage:
    """The definition of conf/anomaly/usage.yml, the user's file first; raises DefinitionError at the first mistake."""
    columns = {field.name: field.type for field in METERING_POINT.fields}
    return load_usage(conf_file(settings, "anomaly/usage.yml"), columns, taggable())


def score_columns(settings: Settings) -> dict[str, str]:
    """The columns by which tags and audiences read scores and credit grades, with their types.

    Raises:
        DefinitionError: one is the name of a feature, too.
    """
    fields = [field for model in model_library(settings) for field in score_fields(model.id)]
    fields += [field for plan in scorecard_plans(settings) for field in grade_fields(plan.definition.id)]
    columns = {field.name: field.type for field in fields}
    if both := sorted(columns.keys() & ACCOUNT_FEATURE.columns):
        raise DefinitionError(f"conf/models: {both[0]} would be the column of a model and of a feature; give the model another id")
    return columns


def taggable() -> dict[str, str]:
    """The feature columns that a definition may read, with their types: everything of an account but its key and COMPARED_ONLY."""
    return {f.name: f.type for f in ACCOUNT_FEATURE.fields if f.name not in (*ACCOUNT_FEATURE.keys, *COMPARED_ONLY)}


def list_tags(settings: Settings, category: str | None = None) -> list[dict[str, Any]]:
    """The tags that are defined, by category and id; raises SettingsError where there is no such category."""
    if category is not None and category not in CATEGORY_NAMES:
        raise SettingsError(f"option --category: {category} is unknown; expected one of {', '.join(CATEGORY_NAMES)}")
    tags = [tag for tag in tag_library(settings).tags if category in (None, tag.definition.category)]
    return [
        {
            "tag": tag.id,
            "name_zh": tag.definition.name_zh,
            "name_en": tag.definition.name_en,
            "category": tag.definition.category,
            "kind": tag.definition.kind,
            "value": tag.value_type,
            "definition": tag.definition.text,
        }
        for tag in sorted(tags, key=lambda tag: (list(CATEGORY_NAMES).index(tag.definition.category), tag.id))
    ]


def tags_page(settings: Settings) -> str:
    """The text of docs/tags.md."""
    return tags_markdown(tag_library(settings))


def declared_tables(settings: Settings) -> dict[str, Table]:
    """Every table by ``layer.name``."""
    tables = all_tables()
    return {**tables, f"gold.{TAG_CURRENT.name}": tag_current_table(tag_library(settings).columns)}


def declared_table(settings: Settings, name: str) -> Table:
    """The table called ``name``, see contracts.find_table."""
    table = find_table(name)
    return tag_current_table(tag_library(settings).columns) if table == TAG_CURRENT else table
