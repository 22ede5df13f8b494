"""What the rows looked like that a version was judged on: counts in fixed cells, a few numbers a cell, JSON beside the model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from pyspark.sql import DataFrame

from gridlens.models.definition import ModelFeature
from gridlens.models.feature_bins import Bins, bins_of, counted


@dataclass(frozen=True)
class Profile:
    """What the rows looked like that the version was judged on.

    Attributes:
        score: the column of scores.
        rows: their number.
        roc_auc: on them; None where it is not known.
        bins: the cells of every feature, and of the score.
        counts: rows by column and cell.
    """

    score: str
    rows: int
    roc_auc: float | None
    bins: tuple[Bins, ...]
    counts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> Profile:
        """The profile that :meth:`to_json` wrote."""
        raw = json.loads(text)
        bins = tuple(Bins(b["name"], b["kind"], tuple(b["cuts"]), tuple(b["values"])) for b in raw["bins"])
        counts = {name: tuple(values) for name, values in raw["counts"].items()}
        return Profile(raw["score"], raw["rows"], raw["roc_auc"], bins, counts)


def profile(
    rows: DataFrame, features: Sequence[ModelFeature], *, score: str = "prediction", roc_auc: float | None = None, by: str = "account_id"
) -> Profile:
    """The profile of scored rows: those of the test, since scores of rows that the model was fitted on are bolder.

    Args:
        rows: with the features and the score.
        features: that the model reads.
        score: column of probabilities.
        roc_auc: of the version on these rows.
        by: column by whose hash the rows are chosen that cells are taken from.

    Raises:
        SourceError: a column is not there, or there is no row.
    """
    bins = bins_of(rows, [ModelFeature(name=score), *features], by=by)
    cells = counted(rows, bins)
    counts = {name: tuple(int(n) for n in found[:, 0]) for name, found in cells.items()}
    return Profile(score, sum(counts[score]), roc_auc, bins, counts)
