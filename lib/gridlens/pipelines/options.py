"""What each pipeline can be asked for; the command line, jobs and notebooks fill these."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SampleOptions:
    """The synthetic province.

    Attributes:
        accounts: number of billing accounts.
        months: months of daily registers and monthly bills, ending with the month of end_date.
        curve_days: last days with 15-minute curves; 0: no curves.
        end_date: last local day. Fixed, so that the same command gives the same files; the Spring Festival of
            2026 (17 February) lies within the last 90 days.
        seed: of every random choice; the same seed gives the same province on any number of partitions.
        to: folder of the source files; default ``sample`` under root_dir.
    """

    accounts: int = 5000
    months: int = 24
    curve_days: int = 90
    end_date: dt.date = dt.date(2026, 3, 31)
    seed: int = 20260331
    to: Path | None = None


@dataclass(frozen=True)
class IngestOptions:
    """Which sources to load.

    Attributes:
        sources: source definition file; default the packaged one of the synthetic province.
        root: folder that the definition's relative paths start from; default the synthetic province's.
    """

    sources: Path | None = None
    root: str | None = None


@dataclass(frozen=True)
class FeatureOptions:
    """Which features to compute.

    Attributes:
        as_of: last local day included; default the last day that has data.
        known_at: knowledge cut-off, UTC; default the end of as_of plus the declared lag.
        from_: first local day of a backfill; default what is new.
        to: last local day of a backfill; default as_of.
    """

    as_of: dt.date | None = None
    known_at: dt.datetime | None = None
    from_: dt.date | None = None
    to: dt.date | None = None

    @property
    def backfill(self) -> bool:
        return bool(self.from_ or self.to)


@dataclass(frozen=True)
class TagOptions:
    """Which tags to compute.

    Attributes:
        as_of: last local day of the account features; default the newest there are.
        known_at: their moment of knowledge, UTC; default the newest of that day.
        changed: only tags whose definition changed, and those that depend on them, of the day the tags stand for.
    """

    as_of: dt.date | None = None
    known_at: dt.datetime | None = None
    changed: bool = False


@dataclass(frozen=True)
class SegmentOptions:
    """Which segments to compute.

    Attributes:
        as_of: last local day of the account features; default the newest there are.
        known_at: their moment of knowledge, UTC; default the newest of that day.
        refit: fit every model anew instead of keeping it while it fits.
    """

    as_of: dt.date | None = None
    known_at: dt.datetime | None = None
    refit: bool = False


@dataclass(frozen=True)
class GraphOptions:
    """Which moment.

    Attributes:
        as_of: last local day included; default that of the newest account features.
        known_at: moment of knowledge, UTC; default the end of as_of plus the declared lag.
    """

    as_of: dt.date | None = None
    known_at: dt.datetime | None = None


@dataclass(frozen=True)
class TrajectoryOptions:
    """Which trajectories, paths and transitions to compute.

    Attributes:
        as_of: last local day included; default that of the newest account features.
        known_at: knowledge cut-off, UTC; default that of these features, or the end of a given as_of plus the declared lag.
        window_days: days before an outcome in which paths are looked for.
        period_days: last days up to as_of in which the first outcome of an account counts.
        min_support: least share of the accounts with the outcome that walked a path.
        max_steps: longest path.
        limit: paths kept for an outcome.
        stage_months: whole months up to as_of whose transitions are counted.
    """

    as_of: dt.date | None = None
    known_at: dt.datetime | None = None
    window_days: int = 90
    period_days: int = 365
    min_support: float = 0.03
    max_steps: int = 4
    limit: int = 50
    stage_months: int = 24


@dataclass(frozen=True)
class AssociationOptions:
    """Which associations to compute.

    Attributes:
        as_of: last local day of the account features; default the newest there are.
        known_at: their moment of knowledge, UTC; default the newest of that day.
        basket: id of the only basket; default all that are defined.
    """

    as_of: dt.date | None = None
    known_at: dt.datetime | None = None
    basket: str | None = None


@dataclass(frozen=True)
class TrainOptions:
    """Which model to train.

    Attributes:
        model: id of its definition.
        as_of: last local day of the facts that labels are made from; default that of the newest account features.
        known_at: what was known of them, UTC; default that of these features.
        again: train although nothing has changed since the last version.
    """

    model: str
    as_of: dt.date | None = None
    known_at: dt.datetime | None = None
    again: bool = False


@dataclass(frozen=True)
class FlatOptions:
    """A table of any kind to train on.

    Attributes:
        data: CSV (header line) or Parquet file, any Hadoop path.
        label: column to predict.
        positive: its value that counts as 1; default 1, true or yes.
        key: column of who a row is about: the rows of one are never in two parts.
        without: columns not to learn from.
        strong: columns that may tell the label almost alone; any other that does is refused as a leak.
        by: column of time: about the last fifth of the rows judges; none: cross-validation.
        folds: its parts.
        separator: between the columns of a CSV file.
        name: under which the model is registered; none: it is judged and not kept.
    """

    data: str
    label: str
    positive: str | None = None
    key: str | None = None
    without: tuple[str, ...] = ()
    strong: tuple[str, ...] = ()
    by: str | None = None
    folds: int = 5
    separator: str = ","
    name: str | None = None


@dataclass(frozen=True)
class ScoreOptions:
    """Which accounts to score by which model's champion; as_of and known_at default to the newest account features."""

    model: str
    as_of: dt.date | None = None
    known_at: dt.datetime | None = None


@dataclass(frozen=True)
class CreditOptions:
    """Which scorecard to fit or to grade by; as_of and known_at default to the newest account features.

    Attributes:
        scorecard: of conf/scorecards.
        again: fit although nothing has changed since the last version.
    """

    scorecard: str = "credit_grade"
    as_of: dt.date | None = None
    known_at: dt.datetime | None = None
    again: bool = False


@dataclass(frozen=True)
class AnomalyOptions:
    """Which moment to look at: default that of the newest account features."""

    as_of: dt.date | None = None
    known_at: dt.datetime | None = None


@dataclass(frozen=True)
class MomentOptions:
    """Which moment the collection list, customer value, offers and substitution are about: default that of the newest account features."""

    as_of: dt.date | None = None
    known_at: dt.datetime | None = None


@dataclass(frozen=True)
class RunOptions:
    """The whole chain; ``sample`` None: take the sources as they are, without making the synthetic province."""

    sample: SampleOptions | None = None
    ingest: IngestOptions = IngestOptions()
    features: FeatureOptions = FeatureOptions()


@dataclass(frozen=True)
class MaintainOptions:
    """Upkeep of the tables.

    Attributes:
        retain_days: days for which files no longer in use are kept, so that running readers and time travel go on.
        dry_run: only say what would be done.
    """

    retain_days: int = 30
    dry_run: bool = False


@dataclass(frozen=True)
class MigrateOptions:
    """Schema changes; ``dry_run``: only say what would be changed."""

    dry_run: bool = False
