"""The champion that a new version is judged against: whether it still holds the place."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from gridlens.errors import PlatformError, RegistryError
from gridlens.pipelines.judging import has_lost, incumbent
from gridlens.tracking import Loaded, Store, Version
from gridlens.warehouse import Warehouse
from pyspark.sql.types import DoubleType, StringType, StructField, StructType

FEATURES = StructType([StructField("late_share_365d", DoubleType()), StructField("category", StringType())])
CHAMPION = Version("arrears", "gridlens_arrears", 3, "r", dt.datetime(2026, 1, 1, tzinfo=dt.UTC), ("champion",))


@dataclass
class Registered:
    """A store with one champion, or none; what it loads, or why it cannot."""

    loads: Loaded | Exception
    champion: bool = True
    beside: Exception | None = None

    def versions(self, _: str) -> list[Version]:
        return [replace(CHAMPION, aliases=("champion",) if self.champion else ())]

    def check_served(self, _: Version) -> None:
        if self.beside:
            raise self.beside

    def load(self, *_: Any) -> Loaded:
        if isinstance(self.loads, Exception):
            raise self.loads
        return self.loads


@dataclass
class Features:
    """Stands for a warehouse and for the account features in it."""

    schema: StructType = FEATURES

    @property
    def columns(self) -> list[str]:
        return [field.name for field in self.schema]

    def read(self, _: Any) -> Features:
        return self

    def select(self, *names: str) -> Features:
        return Features(StructType([field for field in self.schema if field.name in names]))


def reads(**features: str) -> Loaded:
    return Loaded(CHAMPION, "spark", None, features)


def found(loads: Loaded | Exception, *, champion: bool = True) -> Any:
    return incumbent(cast(Warehouse, Features()), cast(Store, Registered(loads, champion)), "arrears")


def test_without_a_champion_there_is_nobody_to_beat() -> None:
    assert found(reads(category="string"), champion=False) is None


def test_a_champion_that_reads_what_is_there_is_compared_with() -> None:
    holds = found(reads(late_share_365d="double", category="string"))
    assert (holds.version, holds.lost) == (3, None)
    assert holds.model is not None


@pytest.mark.parametrize(
    ("loads", "why"),
    [
        (reads(category="string", dropped="double"), "version 3 of arrears cannot score without the features dropped"),
        (reads(category="double"), "version 3 of arrears was trained with other types: category (string instead of double)"),
        (RegistryError("version 3 of arrears was altered"), "version 3 of arrears was altered"),
    ],
    ids=["a feature is gone", "a feature is of another type", "altered"],
)
def test_a_champion_that_cannot_score_todays_features_holds_no_place(loads: Loaded | Exception, why: str) -> None:
    lost = found(loads)
    assert (lost.version, lost.model) == (3, None)
    assert lost.lost.startswith(why)


def test_a_champion_whose_reasons_were_altered_holds_no_place() -> None:
    altered = Registered(reads(category="string"), beside=RegistryError("version 3 of arrears was altered (means.json)"))
    lost = incumbent(cast(Warehouse, Features()), cast(Store, altered), "arrears")
    assert lost is not None
    assert (lost.model, lost.lost) == (None, "version 3 of arrears was altered (means.json)")
    assert has_lost(cast(Warehouse, Features()), cast(Store, altered), "arrears"), "the same facts are learned from again"


def test_a_store_out_of_reach_is_no_reason_to_replace_the_champion() -> None:
    with pytest.raises(PlatformError):
        found(PlatformError("the MLflow store does not answer"))
