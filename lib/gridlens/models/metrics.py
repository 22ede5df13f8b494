"""Judging scores against labels: one bounded count in Spark, then numpy.

Scores are counted by place on the scale of log odds, 1/3300 apart between -15 and 15: at most 99,001 places, whatever the number of
rows. Scores of one place differ by less than 0.04 % in their odds, near 0.001 as near 0.5, and count as equal; rounded to five decimals
a rare event's scores would fall together by the hundred. Log loss, Brier score and mean scores are sums over the rows' own scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from gridlens.contracts.account_feature import COMPARED_ONLY
from gridlens.errors import SourceError
from gridlens.models import metric_kernels as kernels
from gridlens.models.definition import Costs
from gridlens.models.figures import MORE, Figures, GroupFigures, farthest_apart
from gridlens.models.metric_kernels import Counts

STEPS = 3300
"""Places for each unit of log odds."""
COARSE = 16
"""Places of all rows that are one place of a group: scores of a group are told apart by 0.5 % of their odds."""
MAX_GROUPS = 50
"""Most groups of a column, the largest."""
JUDGED_FROM = 10.0
"""Predicted or observed positives from which a group's ratio is more than chance."""
UNKNOWN = "unknown"
ALL = ("", "")
_EDGE = 3e-7
"""About 15 units of log odds: what lies beyond is one place."""
_LEAST = 1e-15
Grouping = tuple[str, str]


def evaluate(
    scored: DataFrame,
    *,
    score: str = "prediction",
    label: str = "label",
    groups: Sequence[str] = (),
    capacity: int,
    costs: Costs | None = None,
    min_group: int = 100,
) -> Figures:
    """All figures of scores on labelled rows.

    Args:
        scored: a row a case.
        score: column with the probability, between 0 and 1.
        label: column with 0 or 1.
        groups: columns whose groups are compared.
        capacity: cases that the team can work on.
        costs: of wrong decisions.
        min_group: groups with fewer rows are not shown.

    Raises:
        SourceError: no row, a score outside 0 to 1 or not known, a label that is neither 0 nor 1.
    """
    found = score_counts(scored, score=score, label=label, by=groups, min_group=min_group)
    return figures_of(found, columns=groups, capacity=capacity, costs=costs)


def score_place(score: Column) -> Column:
    """The place of a probability on the scale of log odds, a whole number that rises with it."""
    p = F.least(F.greatest(score, F.lit(_EDGE)), F.lit(1 - _EDGE))
    return F.rint(F.log(p / (1 - p)) * STEPS).cast("int")


def score_counts(
    scored: DataFrame, *, score: str = "prediction", label: str = "label", by: Sequence[str] = (), min_group: int = 1
) -> dict[Grouping, Counts]:
    """Counts by score of all rows (under ``ALL``) and of each group with at least ``min_group`` rows (under column and value).

    One aggregation; at most 99,001 rows and 6,189 rows a group reach the driver. See :func:`evaluate` for what is raised.
    """
    p, y = F.col(score).cast("double"), F.col(label).cast("double")
    usable = p.between(0, 1) & y.isin(0.0, 1.0)
    rows = scored.select(
        F.when(usable, score_place(p)).alias("place"),
        p.alias("p"),
        y.alias("y"),
        *[_value(name).alias(f"_{i}") for i, name in enumerate(by)],
    )
    loss = -F.log(F.greatest(F.when(F.col("y") == 1, F.col("p")).otherwise(1 - F.col("p")), F.lit(_LEAST)))
    parts = [F.struct(F.lit(-1).alias("column"), F.lit("").alias("value"), F.col("place"))]
    coarse = F.floor(F.col("place") / COARSE).cast("int").alias("place")
    parts += [F.struct(F.lit(i).alias("column"), F.col(f"_{i}").alias("value"), coarse) for i in range(len(by))]
    each = rows.select(
        F.explode(F.array(*parts)).alias("at"), "p", "y", loss.alias("loss"), ((F.col("p") - F.col("y")) ** 2).alias("square")
    )
    counted = each.groupBy("at.column", "at.value", "at.place").agg(
        F.count(F.lit(1)).alias("rows"),
        F.sum("y").alias("positives"),
        F.sum("p").alias("scores"),
        F.sum("loss").alias("loss"),
        F.sum("square").alias("square"),
    )
    table = (_large(counted, min_group) if by else counted).toArrow().to_pandas()
    if table.empty:
        raise SourceError(f"there is no row to judge {score} by: the rows with {label} are none")
    unusable = int(table.loc[table["place"].isna() & (table["column"] == -1), "rows"].sum())
    if unusable:
        raise SourceError(f"{unusable:,} row(s) have no {score} between 0 and 1 or no {label} of 0 or 1; leave them out before judging")
    found = {}
    for (column, value), part in table.sort_values("place").groupby(["column", "value"], sort=True):
        name = ALL if column < 0 else (by[int(column)], str(value))
        n, hits, sums = (part[c].to_numpy(dtype=float) for c in ("rows", "positives", "scores"))
        found[name] = Counts(sums / n, n, hits, float(part["loss"].sum()), float(part["square"].sum()), part["place"].to_numpy(dtype=int))
    return found


def _value(name: str) -> Column:
    return F.coalesce(F.col(name).cast("string"), F.lit(UNKNOWN))


def _large(counted: DataFrame, min_group: int) -> DataFrame:
    """The counts without small groups and those beyond the MAX_GROUPS largest of their column."""
    size = F.sum("rows").over(Window.partitionBy("column", "value"))
    rank = F.dense_rank().over(Window.partitionBy("column").orderBy(F.desc("size"), "value"))
    whole = F.col("column") < 0
    sized = counted.withColumn("size", size).where(whole | (F.col("size") >= F.lit(min_group)))
    return sized.withColumn("rank", rank).where(whole | (F.col("rank") <= MAX_GROUPS)).drop("size", "rank")


def figures_of(found: Mapping[Grouping, Counts], *, columns: Sequence[str] = (), capacity: int, costs: Costs | None = None) -> Figures:
    """The figures of counts by score, see :func:`score_counts`; ``columns`` are those that groups were asked of."""
    counts = found[ALL]
    bins = kernels.calibration_bins(counts)
    interval, line = kernels.roc_auc_interval(counts), kernels.calibration_line(counts)
    groups = tuple(group_figures(name, of_group, counts, capacity) for name, of_group in found.items() if name != ALL)
    hidden = {column: round(counts.total) - sum(group.rows for group in groups if group.column == column) for column in columns}
    return Figures(
        rows=round(counts.total),
        positives=round(counts.found),
        rate=counts.found / counts.total,
        mean_score=counts.predicted / counts.total,
        roc_auc=kernels.roc_auc(counts),
        roc_auc_low=interval[0] if interval else None,
        roc_auc_high=interval[1] if interval else None,
        pr_auc=kernels.average_precision(counts) if counts.both_classes else None,
        log_loss=counts.log_loss / counts.total,
        brier=counts.brier / counts.total,
        calibration_error=kernels.calibration_error(bins),
        calibration_slope=line[0] if line else None,
        calibration_intercept=line[1] if line else None,
        ks=kernels.kolmogorov_smirnov(counts),
        calibration=bins,
        top=kernels.top_shares(counts),
        capacity=kernels.at_capacity(counts, capacity),
        gains=kernels.gains(counts),
        cost=kernels.cost(counts, in_vain=costs.in_vain, missed=costs.missed) if costs else None,
        groups=groups,
        disparity=disparity(groups),
        hidden_rows=tuple((column, rows) for column, rows in hidden.items() if rows),
        mean_score_of_positives=float((counts.score * counts.positives).sum()) / counts.found if counts.found else None,
    )


def group_figures(name: Grouping, group: Counts, everyone: Counts, capacity: int) -> GroupFigures:
    """The figures of one group, its share of the team's cases by the scores of everyone."""
    selected = _selected(group, everyone, min(capacity, everyone.total))
    return GroupFigures(
        column=name[0],
        value=name[1],
        rows=round(group.total),
        positives=round(group.found),
        mean_score=group.predicted / group.total,
        observed_rate=group.found / group.total,
        ratio=(group.predicted + MORE * _whole_ratio(everyone)) / (group.found + MORE),
        roc_auc=kernels.roc_auc(group),
        selected=float((selected * group.rows).sum()) / group.total,
        recall=float((selected * group.positives).sum()) / group.found if group.found else None,
        judged=max(group.predicted, group.found) >= JUDGED_FROM and not (name[0] in COMPARED_ONLY and name[1] == UNKNOWN),
    )


def _whole_ratio(everyone: Counts) -> float:
    """Predicted over observed positives of all rows; 0.5 added to both, for where there are none."""
    return (everyone.predicted + 0.5) / (everyone.found + 0.5)


def _selected(group: Counts, everyone: Counts, cases: float) -> np.ndarray:
    """Of each of the group's places the share that is among so many highest scores of everyone. Shape (places of the group,)."""
    if group.place is None or everyone.place is None:
        raise ValueError("shares of a capacity need counts by place")
    coarse = everyone.place // COARSE
    low = int(coarse.min())
    rows, among = (np.bincount(coarse - low, weights=w) for w in (everyone.rows, kernels.taken(everyone, cases)))
    return np.asarray(among[group.place - low] / rows[group.place - low])


def disparity(groups: Sequence[GroupFigures]) -> float | None:
    """By what factor predicted over observed positives differ between the groups of one column at most; None where nothing compares."""
    low_high = farthest_apart(groups)
    return low_high[1].ratio / low_high[0].ratio if low_high else None
