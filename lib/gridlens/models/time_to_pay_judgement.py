"""What a model of time to pay is worth: its figures out of time beside the account's own mean and the champion, and the decision."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.models.concordance import is_predicted
from gridlens.models.concordance_difference import LEAST_GROUPS, Difference
from gridlens.models.gate import Check, Decision

FIFTHS = 5


@dataclass(frozen=True)
class Fifth:
    """A fifth of the bills by the prediction, the shortest first.

    Attributes:
        number: 1 to 5; bills of equal predictions are in one fifth.
        accounts: whose bills are in it.
        bills, settled: those in it, and those of them whose settlement was seen.
        expected_days: mean of the predictions.
        days_settled: mean of what the settled ones took; less than what all will take where some are open. None where none is settled.
        expected_share, settled_share: predicted and observed share settled within the days that every bill was followed for.
    """

    number: int
    accounts: int
    bills: int
    settled: int
    expected_days: float
    days_settled: float | None
    expected_share: float
    settled_share: float


@dataclass(frozen=True)
class Judgement:
    """Bills of the newest moment that has been followed long enough, none of them fitted on.

    Attributes:
        as_of: that moment.
        bills, settled: that judge, and those of them that were settled.
        concordance, baseline: index of the model, and of the account's own mean so far; 0.5 is chance, None: no pair compares.
        expected_days: mean of the predictions.
        days_settled: mean of what the settled ones took.
        champion: version that served; None: there was none.
        lost: why it cannot score any more; None where it can.
        against: the champion on the same bills; None where they were not, or could not be, compared.
        fifths: calibration; fifths of few accounts are left out.
        hidden_bills: those of the fifths left out.
    """

    as_of: dt.date
    bills: int
    settled: int
    concordance: float | None
    baseline: float | None
    expected_days: float | None
    days_settled: float | None
    champion: int | None = None
    lost: str | None = None
    against: Difference | None = None
    fifths: tuple[Fifth, ...] = ()
    hidden_bills: int = 0

    def decision(self, *, min_gain: float, tolerance: float) -> Decision:
        """Whether the version serves: it orders better than the account's own mean, and not worse than the champion.

        Args:
            min_gain: least gain of the index over that of the own mean; a gain of nothing is none.
            tolerance: the champion's index may be higher by this at most, by the lower bound of the interval of the difference. A champion
                that could not be compared is not replaced; one that cannot score any more holds the place against nobody.
        """
        checks = (self._own_mean(min_gain), *self._champion(tolerance))
        return Decision(all(check.passed for check in checks), checks)

    def _own_mean(self, min_gain: float) -> Check:
        if self.concordance is None or self.baseline is None:
            return Check("baseline", False, f"{self.bills:,} bills issued after {self.as_of} have no pair to compare.")
        better = self.concordance > self.baseline + min_gain
        gain = f" + {min_gain:g}" if min_gain else ""
        days = f"; {self.expected_days:.1f} days expected, the settled took {self.days_settled:.1f}" if self.days_settled else ""
        sentence = (
            f"Concordance {self.concordance:.5f} on {self.bills:,} bills issued after {self.as_of}, "
            f"{'over' if better else 'not over'} {self.baseline:.5f} of the account's own mean so far{gain}{days}."
        )
        return Check("baseline", better, sentence)

    def _champion(self, tolerance: float) -> Iterator[Check]:
        if self.champion is None:
            return
        name = f"champion {self.champion}"
        if self.lost:
            yield Check("champion", True, f"{name.capitalize()} cannot score any more and does not keep the place: {self.lost}.")
        elif self.against is None:
            few = f"fewer than {LEAST_GROUPS} groups of accounts have bills, or those of one are all that compares"
            yield Check("champion", False, f"It cannot be told apart from {name}, which is not replaced: {few}.")
        else:
            yield _compared(name, self.against, tolerance)


def _compared(champion: str, against: Difference, tolerance: float) -> Check:
    as_good = against.low >= -tolerance
    sentence = (
        f"Against {champion} on the same {against.rows:,} bills the concordance changes by {against.difference:+.4f} "
        f"({against.confidence:.0%}: {against.low:+.4f} to {against.high:+.4f}, by {against.groups} groups of accounts), "
        f"at worst {'within' if as_good else 'beyond'} the tolerance of {tolerance:.4f}."
    )
    return Check("champion", as_good, sentence)


def fifths_of(rows: DataFrame, *, prediction: str, share: str, days: str, settled: str, within: int) -> tuple[Fifth, ...]:
    """The fifths of the bills by prediction; two aggregations, a row a fifth reaches the driver.

    Args:
        rows: one a bill, with account_id.
        prediction: column with the predicted days.
        share: column with the predicted probability to be settled within ``within`` days, for which every bill was followed.
        days: column with the days seen.
        settled: column that is false where the settlement was not seen.
        within: days.
    """
    rows = rows.where(is_predicted(prediction))
    shares = F.array(*[F.lit(i / FIFTHS) for i in range(1, FIFTHS)])
    cuts = rows.agg(F.percentile_approx(prediction, shares, F.lit(10_000)).alias("cuts")).collect()[0]["cuts"] or []
    number = sum((F.when(F.col(prediction) > F.lit(cut), 1).otherwise(0) for cut in cuts), F.lit(1))
    measures = {
        "accounts": F.count_distinct("account_id"),
        "bills": F.count("*"),
        "settled": F.count_if(settled),
        "expected_days": F.avg(prediction),
        "days_settled": F.avg(F.when(F.col(settled), F.col(days))),
        "expected_share": F.avg(share),
        "settled_share": F.avg((F.col(settled) & (F.col(days) <= within)).cast("int")),
    }
    found = rows.groupBy(number.alias("number")).agg(*[column.alias(name) for name, column in measures.items()])
    return tuple(Fifth(**row.asDict()) for row in sorted(found.collect(), key=lambda row: row["number"]))
