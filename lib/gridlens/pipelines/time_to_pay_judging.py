"""Judging time to pay: the newest bills scored by the new model and by the champion, beside the account's own mean."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.models.bill_rows import DAYS, SETTLED
from gridlens.models.collection_definition import TimeToPayDefinition
from gridlens.models.concordance import concordance, day_counts
from gridlens.models.concordance_difference import compare_days
from gridlens.models.survival import EXPECTED_DAYS, TimeToPay, settled_within
from gridlens.models.time_to_pay_judgement import Fifth, Judgement, fifths_of
from gridlens.pipelines.judging import Incumbent

_OWN, _NEW, _CHAMPION, _SHARE = "own_mean", "new_days", "champion_days", "new_share"


def judge_days(
    fitted: TimeToPay,
    train: DataFrame,
    test: DataFrame,
    definition: TimeToPayDefinition,
    as_of: dt.date,
    champion: Incumbent | None = None,
    min_group: int = 0,
) -> Judgement:
    """Judges a fitted model.

    Args:
        fitted: the model.
        train: the bills it was fitted on; the mean of their baseline stands in where an account has none.
        test: the bills of ``as_of``, each followed for ``definition.follow_days`` at least; with the columns that the champion reads.
        definition: of the model.
        as_of: moment of the test's features.
        champion: version to compare with; one that cannot be loaded any more is not.
        min_group: fifths with fewer accounts are left out.
    """
    scored = _scored(fitted, test, _own_mean(train, definition), definition, champion).persist()
    try:
        sums = scored.agg(
            F.count("*").alias("bills"),
            F.count_if(SETTLED).alias("settled"),
            F.avg(_NEW).alias("expected_days"),
            F.avg(F.when(F.col(SETTLED), F.col(DAYS))).alias("days_settled"),
        ).collect()[0]
        index = {name: concordance(day_counts(scored, prediction=name, days=DAYS, settled=SETTLED)) for name in (_NEW, _OWN)}
        named = {"prediction": _NEW, "days": DAYS, "settled": SETTLED}
        compared = _CHAMPION in scored.columns
        against = compare_days(scored, **named, other=_CHAMPION, by="account_id", confidence=definition.confidence) if compared else None
        fifths = fifths_of(scored, **named, share=_SHARE, within=definition.follow_days)
    finally:
        scored.unpersist()
    shown = _shown(fifths, min_group)
    return Judgement(
        as_of=as_of,
        **sums.asDict(),
        concordance=index[_NEW],
        baseline=index[_OWN],
        champion=champion.version if champion else None,
        lost=champion.lost if champion else None,
        against=against,
        fifths=shown,
        hidden_bills=sum(one.bills for one in fifths if one not in shown),
    )


def _shown(fifths: Sequence[Fifth], min_group: int) -> tuple[Fifth, ...]:
    """Those of enough accounts; one that is hidden takes another with it, or the means of all would give its own away."""
    shown = [one for one in fifths if one.accounts >= min_group]
    if len(shown) == len(fifths) - 1 and shown:
        shown.remove(min(shown, key=lambda one: one.accounts))
    return tuple(shown)


def _own_mean(train: DataFrame, definition: TimeToPayDefinition) -> float:
    usual = train.agg(F.avg(definition.baseline).alias("mean")).first()
    return usual["mean"] if usual and usual["mean"] is not None else 0.0


def _scored(fitted: TimeToPay, test: DataFrame, usual: float, definition: TimeToPayDefinition, champion: Incumbent | None) -> DataFrame:
    """The bills with all predictions of their days; the champion's only where it can score."""
    own = F.coalesce(F.col(definition.baseline).cast("double"), F.lit(usual)).alias(_OWN)
    share = settled_within(fitted.spread, days=definition.follow_days).alias(_SHARE)
    scored = fitted.pipeline.transform(test).select(*test.columns, own, F.col(EXPECTED_DAYS).alias(_NEW), share)
    kept = ["account_id", DAYS, SETTLED, _OWN, _NEW, _SHARE]
    if champion is None or champion.model is None:
        return scored.select(*kept)
    return champion.model.model.transform(scored).select(*kept, F.col(EXPECTED_DAYS).alias(_CHAMPION))
