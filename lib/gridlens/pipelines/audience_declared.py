"""The audiences as one deployment declares them, and what their expressions may read. Nothing here needs Spark."""

from __future__ import annotations

from typing import Any

from gridlens.audiences.library import AudienceLibrary, load_audiences
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.pipelines.declared import tag_library
from gridlens.settings import Settings, conf_file, conf_files
from gridlens.tags.library import TagLibrary

FEATURES = {f.name: f.type for f in ACCOUNT_FEATURE.fields if f.name != "known_at"}
"""Features that an expression may read, ``account_id`` and ``as_of`` among them, with their types."""


def audience_library(settings: Settings, tags: TagLibrary | None = None) -> AudienceLibrary:
    """The audiences of conf/audiences and conf/suppressions.yml, the user's files first.

    Args:
        settings: name the user's folder.
        tags: the tags where they have been read already.

    Raises:
        DefinitionError: at the first mistake, naming file and line.
    """
    tags = tags or tag_library(settings)
    columns = {**FEATURES, **{tag.id: "boolean" if tag.value_type == "boolean" else "string" for tag in tags.tags}}
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
