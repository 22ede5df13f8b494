"""Whether rows have the columns that a model reads, of the types that it reads them as.

Spark and MLflow would cast the text "0.0" to a number without a word; here a wrong type is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gridlens.errors import SourceError, nearest
from gridlens.models.definition import ModelFeature

_WHOLE = ("tinyint", "smallint", "int", "bigint")
_READ_AS: dict[str, tuple[tuple[str, ...], str]] = {
    "number": ((*_WHOLE, "float", "double", "decimal"), "a number"),
    "flag": (("boolean",), "a boolean"),
    "category": (("string", "boolean", *_WHOLE), "text or a whole number"),
}
"""By kind of feature: the types that it may have, and how they are called."""
_SHOWN = 5


def check_columns(types: Mapping[str, str], features: Sequence[ModelFeature], where: str) -> None:
    """Raises where rows cannot be read as ``features``.

    A fraction is no category: 1.0 and 1 would be different texts.

    Args:
        types: Spark type by column, ``dict(rows.dtypes)``.
        features: the columns that the model reads.
        where: what the rows are, the beginning of the sentence.

    Raises:
        SourceError: one sentence that names the columns which are missing, or are of another type.
    """
    missing = [feature.name for feature in features if feature.name not in types]
    if missing:
        hint = nearest(missing[0], types, "add it to the rows, or take it out of the model's features")
        raise SourceError(f"{where}: there is no column {_listed(missing)}; {hint}")
    wrong = [f"{f.name} is {types[f.name]} instead of {_READ_AS[f.kind][1]}" for f in features if not _fits(types[f.name], f.kind)]
    if wrong:
        raise SourceError(f"{where}: {_listed(wrong)}; cast it where the rows are made, or change its kind in the model's features")


def _fits(kind_of_column: str, kind: str) -> bool:
    return kind_of_column.partition("(")[0] in _READ_AS[kind][0]


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
