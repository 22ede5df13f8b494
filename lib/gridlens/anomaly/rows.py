"""Evidence as tables: a row an account, a row an example, and the weeks of an alert."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from gridlens.anomaly.evidence import FACTS, evidence, told_days
from gridlens.anomaly.examples import examples, feature_names
from gridlens.anomaly.groups import DIARY, Peers
from gridlens.anomaly.hours import PREFIX
from gridlens.anomaly.schema import struct_of
from gridlens.anomaly.weeks import PARTS, WEEK, WEEKS, Diary
from gridlens.arrow import Arrays, Ragged, array_to_numpy, list_to_matrix, map_blocks, map_rows

DIARIES = ("daily", "excess", "exported", "hours")
"""What evidence is made from, a list an account: the fields of a Diary."""
FEATURES = feature_names(FACTS)
DAY_FEATURES = tuple(name for name in FEATURES if not name.startswith(PREFIX))
"""Those that say something where nobody has curves."""
HALVES = 2
"""Accounts are in one of two halves by hash: each is judged by a model that learnt from the other half."""
_CURVES = ("recorded_weeks", "expected_weeks", "day_before", "day_since")
_NUMBERS = dict.fromkeys((*FEATURES, *FACTS), "double")


def half_of(account: str = "account_id") -> Column:
    """The half that an account is in, 0 or 1."""
    return F.pmod(F.xxhash64(F.lit("half"), F.col(account)), F.lit(HALVES)).cast("int")


def evidence_rows(series: DataFrame, peers: Peers, last: np.datetime64) -> DataFrame:
    """``account_id``, ``half``, FEATURES and FACTS of every account.

    Args:
        series: account_id, peer, and DIARIES as in a Diary: lists of DAYS values, null where not known; hours are empty without curves.
        peers: the groups.
        last: the last day of the lists.
    """
    return map_blocks(
        series.withColumn("half", half_of()),
        partial(_evidence, peers=peers, last=last),
        schema=struct_of(account_id="string", half="int", **_NUMBERS),
        keep=("account_id", "half"),
        inputs=(*DIARIES, "peer"),
        group_by=("peer",),
    )


def _diary(columns: Arrays) -> Diary:
    return Diary(columns["daily"], columns["excess"], columns["exported"], _hours(columns["hours"]))


def _hours(lists: np.ndarray) -> np.ndarray:
    """Empty lists, of accounts without curves, as nothing known."""
    return lists if lists.shape[1] else np.full((len(lists), WEEKS * PARTS), np.nan)


def _evidence(columns: Arrays, peers: Peers, last: np.datetime64) -> Arrays:
    return evidence(_diary(columns), peers.reference(int(columns["peer"][0]), last))


def example_rows(
    series: DataFrame, peers: Peers, last: np.datetime64, *, copies: int, earlier_days: Sequence[int], least_kwh: float
) -> DataFrame:
    """``account_id``, ``half``, ``label`` and FEATURES of the examples that ``series`` give, see :func:`examples.examples`."""
    rows = series.withColumns({"half": half_of(), "seed": F.xxhash64(F.lit("example"), F.col("account_id"))})
    make = partial(_examples, peers=peers, last=last, copies=copies, earlier_days=(0, *earlier_days), least_kwh=least_kwh)
    return map_rows(rows, make, struct_of(account_id="string", half="int", label="double", **dict.fromkeys(FEATURES, "double")))


def _examples(
    batch: pa.RecordBatch, peers: Peers, last: np.datetime64, copies: int, earlier_days: Sequence[int], least_kwh: float
) -> Iterator[pa.RecordBatch]:
    hours = np.full((batch.num_rows, WEEKS * PARTS), np.nan)
    lists = Ragged.of(batch.column("hours"))
    hours[lists.lengths > 0] = lists.values.reshape(-1, WEEKS * PARTS)
    daily, excess, exported = (list_to_matrix(batch.column(name)) for name in ("daily", "excess", "exported"))
    diary = Diary(daily, excess, exported, hours)
    peer, seed = (array_to_numpy(batch.column(name)) for name in ("peer", "seed"))
    for group in np.unique(peer):
        rows = np.flatnonzero(peer == group)
        references = {back: peers.reference(int(group), last, back=back) for back in earlier_days}
        made = examples(diary.rows(rows), references, seed[rows], copies=copies, least_kwh=least_kwh)
        taken = pa.array(rows[made.row])
        columns = {name: batch.column(name).take(taken) for name in ("account_id", "half")}
        columns["label"] = pa.array(made.label.astype(np.float64))
        yield pa.RecordBatch.from_pydict(columns | {name: pa.array(made.features[name]) for name in FEATURES})


def inspected_rows(series: DataFrame, peers: Peers, last: np.datetime64) -> DataFrame:
    """``account_id``, ``half``, ``label`` and FEATURES of the evidence that stood on the day of each inspection.

    Args:
        series: as for :func:`evidence_rows`, with label, and back: days from the inspection to ``last``.
    """
    return map_blocks(
        series.withColumn("half", half_of()),
        partial(_inspected, peers=peers, last=last),
        schema=struct_of(account_id="string", half="int", label="double", **dict.fromkeys(FEATURES, "double")),
        keep=("account_id", "half", "label"),
        inputs=(*DIARIES, "peer", "back"),
        group_by=("peer", "back"),
    )


def _inspected(columns: Arrays, peers: Peers, last: np.datetime64) -> Arrays:
    back = int(columns["back"][0])
    one = peers.reference(int(columns["peer"][0]), last, back=back)
    return evidence(_diary(columns).earlier(back), one)


def curve_rows(series: DataFrame, peers: Peers, last: np.datetime64) -> DataFrame:
    """``account_id``, and what an alert shows of its days.

    ``recorded_weeks`` and ``expected_weeks``: kWh a day in each of WEEKS weeks, null where not known; ``day_before`` and ``day_since``: kWh
    in each part of a mean day, null without curves.

    Args:
        series: as for :func:`evidence_rows`.
    """
    return map_blocks(
        series,
        partial(_curves, peers=peers, last=last),
        schema=struct_of(account_id="string", **dict.fromkeys(_CURVES, DIARY)),
        keep=("account_id",),
        inputs=("daily", "hours", "peer"),
        group_by=("peer",),
    )


def _curves(columns: Arrays, peers: Peers, last: np.datetime64) -> Arrays:
    told = told_days(columns["daily"], _hours(columns["hours"]), peers.reference(int(columns["peer"][0]), last))
    weeks = {"recorded_weeks": weekly_means(columns["daily"]), "expected_weeks": weekly_means(told.pop("expected"))}
    return weeks | told


def weekly_means(days: np.ndarray) -> np.ndarray:
    """Mean of the known days of each week, NaN where there is none. Args: days: shape (n, DAYS). Shape (n, WEEKS)."""
    weeks = days.reshape(len(days), WEEKS, WEEK)
    known = np.isfinite(weeks)
    count = known.sum(axis=2)
    return np.where(count > 0, np.where(known, weeks, 0.0).sum(axis=2) / np.maximum(count, 1), np.nan)
