"""Weight-of-evidence binning as an estimator of MLlib. What it fits is a PipelineModel of SQLTransformers, usable without our code."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.ml import Estimator, PipelineModel
from pyspark.sql import DataFrame

from gridlens.models.characteristic import BinningDefinition, Characteristic
from gridlens.models.woe_bins import Binned, binned
from gridlens.models.woe_counts import counts
from gridlens.models.woe_sql import value_stage, woe_stage


class WoeEstimator(Estimator):
    """Fits the bins of characteristics; the fitted model adds ``<id>__value`` and ``<id>__woe`` of those that have bins.

    Args:
        characteristics: what to bin.
        binning: where a characteristic has no binning of its own.
        label: column that is 1 for bad, 0 for good.
    """

    def __init__(
        self, characteristics: Sequence[Characteristic], *, binning: BinningDefinition | None = None, label: str = "label"
    ) -> None:
        super().__init__()
        self.characteristics = tuple(characteristics)
        self.binning = binning or BinningDefinition()
        self.label = label

    def bins(self, dataset: DataFrame) -> tuple[Binned, ...]:
        """The bins of every characteristic, found in one pass; without any bin where the rows are too few."""
        found = counts(dataset, self.characteristics, self.binning, label=self.label)
        return tuple(binned(one, counted, self.binning) for one, counted in zip(self.characteristics, found, strict=True))

    def _fit(self, dataset: DataFrame) -> PipelineModel:
        return woe_model([one for one in self.bins(dataset) if one.bins])


def woe_model(bins: Sequence[Binned]) -> PipelineModel:
    """Stock stages that add the value and the weight of evidence of each characteristic."""
    return PipelineModel([value_stage([one.characteristic for one in bins]), woe_stage(bins)])
