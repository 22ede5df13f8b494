"""Who took up a product near whom and before, and whether that is more than chance would put there.

Chance is simulated: the days stay, the places are dealt out anew among all accounts of the same area and category, so that
who may want the product and what is sold where and when play no part (a permutation test; Anagnostopoulos, Kumar and Mahdian,
"Influence and correlation in social networks", KDD 2008, shuffle the days instead). A ratio above 1 says that takers cluster
in place and time: an association. Neighbours resemble one another and hear the same salesman; it proves no influence.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, LongType, StringType, StructField, StructType

from gridlens.arrow import map_rows
from gridlens.profile.queries import STANDING

_COUNTS = StructType(
    [
        StructField("area_id", StringType()),
        StructField("takers", LongType()),
        StructField("after_another", LongType()),
        StructField("by_chance", ArrayType(LongType())),
    ]
)


@dataclass(frozen=True)
class Chance:
    """How chance is simulated: within how many days before another must have taken it up, how often places are dealt, the seed."""

    days: int
    rounds: int
    seed: int


def takers(edges: DataFrame, product: str) -> DataFrame:
    """account_id and the day on which it first bought ``product``."""
    bought = edges.where((F.col("edge_type") == "bought") & (F.col("to_id") == product))
    return bought.groupBy(F.col("from_id").alias("account_id")).agg(F.min("valid_from").alias("day"))


def one_place(places: DataFrame) -> DataFrame:
    """``places`` with one transformer an account, the smallest where it has several."""
    return places.groupBy("account_id").agg(F.min("transformer_id").alias("transformer_id"))


def by_area(places: DataFrame, accounts: DataFrame, took: DataFrame, chance: Chance) -> DataFrame:
    """Of each area the takers, those with an earlier taker on the transformer, and the same for each dealing: area_id, takers,
    after_another, by_chance (list of ``chance.rounds``).

    Args:
        places: account_id and transformer_id, one row an account.
        accounts: account_id, area_id and category.
        took: of :func:`takers`.
        chance: how it is simulated.
    """
    placed = places.join(accounts, on="account_id", how="inner").join(took, on="account_id", how="left")
    day = F.coalesce(F.unix_date("day"), F.lit(-1))
    rows = placed.select("area_id", F.struct("account_id", "transformer_id", "category", day.alias("day")).alias("one"))
    # In the order of the ids, so that the same accounts are dealt the same places wherever the area is computed.
    listed = rows.groupBy("area_id").agg(F.sort_array(F.collect_list("one")).alias("all"))
    columns = [F.col(f"all.{name}").alias(name) for name in ("transformer_id", "category", "day")]
    return map_rows(listed.select("area_id", *columns), _Counts(chance), _COUNTS)


class _Counts:
    """Counts the rows of areas; one area's accounts are held at once (a million accounts are 24 MB)."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance

    def __call__(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        for row in range(batch.num_rows):
            area = batch.column("area_id")[row].as_py()
            place, category = (_numbered(batch.column(name)[row].values) for name in ("transformer_id", "category"))
            day = batch.column("day")[row].values.to_numpy(zero_copy_only=False).astype(np.int64)
            random = np.random.default_rng([self._chance.seed, zlib.crc32(str(area).encode())])
            found = after_another(place, day, self._chance.days)
            dealt = [after_another(dealt_places(place, category, random), day, self._chance.days) for _ in range(self._chance.rounds)]
            yield pa.RecordBatch.from_pylist(
                [{"area_id": area, "takers": int((day >= 0).sum()), "after_another": found, "by_chance": dealt}]
            )


def _numbered(values: pa.Array) -> np.ndarray:
    """Texts as numbers, 0 for the first distinct one."""
    return values.dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)


def dealt_places(place: np.ndarray, category: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The places dealt out anew among the accounts of each category; shape (accounts,)."""
    dealt = place.copy()
    for one in np.unique(category):
        rows = np.flatnonzero(category == one)
        dealt[rows] = place[rows[random.permutation(len(rows))]]
    return dealt


def after_another(place: np.ndarray, day: np.ndarray, days: int) -> int:
    """How many took it up 1 to ``days`` days after another one at their place.

    Args:
        place: number of the place; shape (accounts,), int64.
        day: on which the account took it up, as a day number; below 0 where it did not.
        days: how far back the other may lie.
    """
    took = day >= 0
    where, when = place[took], day[took]
    order = np.lexsort((when, where))
    where, when = where[order], when[order]
    if not len(where):
        return 0
    # Of those of one place and day each looks at the last of the day before theirs.
    first = np.append(True, (where[1:] != where[:-1]) | (when[1:] != when[:-1]))
    starts = np.flatnonzero(first)
    sizes = np.diff(np.append(starts, len(where)))
    before = np.append(False, (where[starts[1:]] == where[starts[:-1]]) & (when[starts[1:]] - when[starts[:-1]] <= days))
    return int(sizes[before].sum())


def followers(places: DataFrame, took: DataFrame, *, days: int) -> DataFrame:
    """Takers by how many on their transformer took it up 1 to ``days`` days after them: account_id, transformer_id, day, followers."""
    placed = took.join(places, on="account_id", how="inner")
    later = placed.select("transformer_id", F.col("account_id").alias("later_id"), F.col("day").alias("later"))
    after = F.datediff("later", "day").between(1, days)
    pairs = placed.join(later, on="transformer_id", how="inner").where(after)
    counted = pairs.groupBy("account_id", "transformer_id", "day").agg(F.countDistinct("later_id").alias("followers"))
    return counted.orderBy(F.desc("followers"), "day", "account_id")


def within_persons(edges: DataFrame, took: DataFrame, *, days: int) -> DataFrame:
    """account_id of the takers of whom an account of the same person took it up 1 to ``days`` days before."""
    holds = edges.where(f"edge_type = 'holds' AND {STANDING}").select(
        F.col("from_id").alias("person_id"), F.col("to_id").alias("account_id")
    )
    held = took.join(holds, on="account_id", how="inner")
    earlier = held.select("person_id", F.col("day").alias("earlier"))
    pairs = held.join(earlier, on="person_id", how="inner").where(F.datediff("day", "earlier").between(1, days))
    return pairs.select("account_id").distinct()
