"""The audiences as one deployment declares them, and what their expressions may read. Nothing here needs Spark."""

from __future__ import annotations

from typing import Any

from gridlens.audiences.library import AudienceLibrary, load_audiences
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.score import score_field
from gridlens.contracts.tag import SQL_TYPES
from gridlens.errors import DefinitionError
from gridlens.pipelines.declared import tag_library, taggable
from gridlens.segments.definition import load_segmentations
from gridlens.settings import Settings, conf_file, conf_files
from gridlens.tags.library import TagLibrary

FEATURES = {name: ACCOUNT_FEATURE[name].type for name in ("account_id", "as_of")} | taggable()
"""Features that an expression may read, ``account_id`` and ``as_of`` among them, with their types."""


def segment_columns(settings: Settings) -> dict[str, str]:
    """Segmentation by the column that expressions read it by: ``segment_load_shape`` is the segment of ``load_shape``."""
    return {f"segment_{one.id}": one.id for one in load_segmentations(conf_files(settings, "segments"), taggable())}


def audience_library(settings: Settings, tags: TagLibrary | None = None) -> AudienceLibrary:
    """The audiences of conf/audiences and conf/suppressions.yml, the user's files first.

    Args:
        settings: name the user's folder.
        tags: the tags where they have been read already.

    Raises:
        DefinitionError: at the first mistake, naming file and line.
    """
    tags = tags or tag_library(settings)
    told = {tag.id: SQL_TYPES[tag.value_type] for tag in tags.tags}
    segments = dict.fromkeys(segment_columns(settings), "string")
    if both := sorted(segments.keys() & (FEATURES.keys() | told.keys())):
        raise DefinitionError(f"conf/segments: {both[0]} is the column of a segmentation, and of a feature or tag too; rename one of them")
    columns = {**FEATURES, **told, **segments, **{name: score_field(name).type for name in tags.scores}}
    return load_audiences(conf_files(settings, "audiences"), [conf_file(settings, "suppressions.yml")], columns)


def list_audiences(settings: Settings) -> list[dict[str, Any]]:
    """The audiences that are defined, by id."""
    return [
        {
            "audience": one.id,
            "name_zh": one.definition.name_zh,
            "name_en": one.definition.name_en,
            "owner": one.definition.owner,
            "territory": ", ".join((*one.definition.org_units, *one.definition.areas)) or "all",
            "consent": f"{one.definition.purpose} by {one.definition.channel}" if one.definition.purpose else None,
            "suppressions": ", ".join(one.definition.suppressions),
            "where": one.definition.text,
        }
        for one in sorted(audience_library(settings).audiences, key=lambda one: one.id)
    ]
