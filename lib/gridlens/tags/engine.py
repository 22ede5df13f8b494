"""Computes tags from features: level by level, in one pass and without a join."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.tags.definition import Bands
from gridlens.tags.library import Tag, TagLibrary


def evaluate(
    features: DataFrame,
    library: TagLibrary,
    *,
    only: Collection[str] | None = None,
    known: Collection[str] = (),
    keep: Sequence[str] = (),
) -> DataFrame:
    """The value of every tag, one row per row of ``features``.

    A boolean is null where what it reads does not decide it; a text is null where it is not known or none of the closed list.

    Args:
        features: account_id and the feature columns that the tags read, and the columns of ``known``.
        library: the definitions.
        only: ids of the tags to give; default all.
        known: ids of tags whose values stand in ``features`` already: they are taken where another tag reads them,
            and computed again only where ``only`` names them. What is neither known nor given is computed on the way.
        keep: further columns of ``features`` that come along.

    Returns:
        account_id, ``keep`` and a column a tag, in the order of the library.

    Raises:
        SettingsError: ``only`` or ``known`` names a tag that is not defined.
    """
    wanted = {library.tag(identity).id for identity in (only if only is not None else library.ids)}
    computed = _with_inputs(library, wanted, {library.tag(identity).id for identity in known})
    read = {name for tag in library.tags if tag.id in computed for name in (*tag.features, *tag.tags)}
    rows = features.select("account_id", *keep, *sorted(read - computed - {"account_id", *keep}))
    for level in library.levels:
        columns = [_value(tag).alias(tag.id) for tag in level if tag.id in computed]
        rows = rows.select("*", *columns) if columns else rows
    return rows.select("account_id", *keep, *[identity for identity in library.ids if identity in wanted])


def _with_inputs(library: TagLibrary, wanted: set[str], known: set[str]) -> set[str]:
    """The wanted tags and all they are computed from, except what is known."""
    computed = set(wanted)
    for tag in reversed(library.tags):  # a tag stands after those it reads
        if tag.id in computed:
            computed.update(set(tag.tags) - known)
    return computed


def _value(tag: Tag) -> Column:
    value = tag.checked.column()
    if tag.definition.bands:
        return _banded(value, tag.definition.bands)
    return F.when(value.isin(*tag.values), value) if tag.values else value


def _banded(number: Column, bands: Bands) -> Column:
    """The text of the band that the number lies in; null where it is not known or not a number."""
    value = number.cast("double")
    banded = F.when(value.isNull() | F.isnan(value), F.lit(None))
    for step in bands.steps[:-1]:
        banded = banded.when(value < F.lit(step.below), F.lit(step.value))
    return banded.otherwise(F.lit(bands.steps[-1].value))
