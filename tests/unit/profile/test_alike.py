"""Nearest accounts: exact against numpy, hashed against exact."""

from __future__ import annotations

import numpy as np
import pytest
from gridlens.profile.alike import CHOSEN, LOGARITHMIC, REACH, Hashing, nearest_exact, nearest_of_all, nearest_within, robust_scales, scaled
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

COUNT = 300


def matrix() -> np.ndarray:
    """Features of COUNT accounts in 30 clusters: by thirds of features energy-like, share-like and constant; some missing."""
    random = np.random.default_rng(5)
    centres = random.normal(size=(30, len(CHOSEN)))
    values = centres[np.arange(COUNT) % 30] + 0.05 * random.normal(size=(COUNT, len(CHOSEN)))
    values[:, [i for i, name in enumerate(CHOSEN) if name in LOGARITHMIC]] = np.exp(
        values[:, [i for i, name in enumerate(CHOSEN) if name in LOGARITHMIC]]
    )
    values[:, CHOSEN.index("late_share_365d")] = 0.25
    values[0, 0] = 1e12
    values[::7, CHOSEN.index("load_factor")] = np.nan
    return values


@pytest.fixture(scope="module")
def features(spark: SparkSession) -> DataFrame:
    rows = [(f"A{i:03d}", "residential", *[None if np.isnan(v) else float(v) for v in row]) for i, row in enumerate(matrix())]
    schema = "account_id string, category string, " + ", ".join(f"{name} double" for name in CHOSEN)
    return spark.createDataFrame(rows, schema).cache()


def by_numpy() -> np.ndarray:
    """The points as numpy sees them; percentiles as Spark takes them: a value that is there."""
    values = matrix()
    log = np.array([name in LOGARITHMIC for name in CHOSEN])
    values[:, log] = np.log1p(values[:, log])
    low, middle, high = np.nanpercentile(values, [25, 50, 75], axis=0, method="inverted_cdf")
    spread = np.where(high > low, (high - low) / 1.349, 1.0)
    return np.nan_to_num(np.clip((values - middle) / spread, -REACH, REACH)) / np.sqrt(len(CHOSEN))


def distances(points: np.ndarray) -> np.ndarray:
    return np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))


def test_exact_equals_numpy(features: DataFrame) -> None:
    rows = scaled(features, robust_scales(features)).cache()
    own = rows.where("account_id = 'A007'").first()
    assert own is not None
    found = nearest_exact(rows, {name: own[name] for name in CHOSEN}, "A007").limit(12).collect()
    expected = distances(by_numpy())[7]
    nearest = [i for i in np.argsort(expected, kind="stable") if i != 7][:12]
    assert [row["account_id"] for row in found] == [f"A{i:03d}" for i in nearest]
    assert [row["distance"] for row in found] == pytest.approx(expected[nearest], rel=1e-9)
    assert {int(row["account_id"][1:]) % 30 for row in found[:8]} == {7}, "its own cluster comes first"


def test_hashing_finds_most_of_the_nearest(features: DataFrame) -> None:
    rows = scaled(features, robust_scales(features))
    found = nearest_of_all(rows, k=5).collect()
    exact = distances(by_numpy())
    np.fill_diagonal(exact, np.inf)
    wanted = {(i, int(j)) for i in range(COUNT) for j in np.argsort(exact[i], kind="stable")[:5]}
    pairs = {(int(row["account_id"][1:]), int(row["other_id"][1:])): row["distance"] for row in found}
    assert all(distance == pytest.approx(exact[pair], rel=1e-9) for pair, distance in pairs.items())
    assert max(np.bincount([i for i, _ in pairs])) == 5
    assert len(wanted & set(pairs)) > 0.9 * len(wanted)


def test_a_bucket_is_never_larger_than_the_limit(features: DataFrame) -> None:
    same = scaled(features, robust_scales(features)).withColumns(dict.fromkeys(CHOSEN[1:], F.lit(0.0)))
    found = nearest_of_all(same, k=5, hashing=Hashing(bands=1, hashes=1, width=1e9, most=3)).groupBy("account_id").count()
    assert max(row["count"] for row in found.collect()) == 2, "three of a piece: two others"


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=1, max_size=12), st.integers(1, 5))
def test_within_a_bucket(points: list[tuple[int, int]], k: int) -> None:
    array = np.array(points, dtype=float)
    own, other, distance = nearest_within(array, k)
    for i in range(len(points)):
        expected = sorted(np.hypot(*(array[i] - array[j])) for j in range(len(points)) if j != i)[:k]
        assert sorted(distance[own == i]) == pytest.approx(expected)
        assert i not in other[own == i]
