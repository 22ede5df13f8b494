"""What follows from scores: the collection list, the hazard of leaving, electric substitution, customer value and next best offers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from pyspark.sql import SparkSession

from gridlens.errors import RegistryError, SettingsError, SourceError
from gridlens.pipelines.churn import ChurnOptions, run_churn_hazard
from gridlens.pipelines.collection import run_collection
from gridlens.pipelines.customer_value import run_value
from gridlens.pipelines.offers import run_offers
from gridlens.pipelines.options import MomentOptions
from gridlens.pipelines.substitution import run_substitution
from gridlens.settings import Settings

Say = Callable[[str], None]


@dataclass(frozen=True)
class Understood:
    """One job of the chain, and what it found."""

    job: str
    nothing_new: bool
    found: str
    seconds: float


class _Done(Protocol):
    @property
    def nothing_new(self) -> bool: ...
    @property
    def found(self) -> str: ...
    @property
    def seconds(self) -> float: ...


def outlook(spark: SparkSession, settings: Settings, as_of: dt.date, known_at: dt.datetime, *, say: Say) -> Iterator[Understood]:
    """Runs the jobs one after another; one that lacks scores or a definition says so and does not stop the chain."""
    moment = MomentOptions(as_of, known_at)
    jobs: tuple[tuple[str, Callable[[], _Done]], ...] = (
        ("collection", lambda: run_collection(spark, settings, moment, say=say)),
        ("churn", lambda: run_churn_hazard(spark, settings, ChurnOptions(as_of, known_at), say=say)),
        ("substitution", lambda: run_substitution(spark, settings, moment, say=say)),
        ("value", lambda: run_value(spark, settings, moment, say=say)),
        ("offers", lambda: run_offers(spark, settings, moment, say=say)),
    )
    for name, job in jobs:
        say(name)
        try:
            done = job()
        except (SourceError, SettingsError, RegistryError) as error:
            yield Understood(name, True, f"not done: {error}", 0.0)
            continue
        yield Understood(name, done.nothing_new, "" if done.nothing_new else done.found, done.seconds)
