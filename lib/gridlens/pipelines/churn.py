"""How customers leave, month by month: accounts at risk and lost as the churn models' label sees them → hazard and survival."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pyspark.sql import SparkSession

from gridlens.contracts.churn import CHURN_HAZARD
from gridlens.contracts.silver import ACCOUNT_TABLE
from gridlens.errors import SettingsError, SourceError
from gridlens.lease import writer_lease
from gridlens.models.hazard import MonthCount, hazard_rows, month_counts, month_windows
from gridlens.models.labels.departure import ACCOUNT_LEFT, AccountLeft
from gridlens.models.library import Model
from gridlens.pipelines.account_features import batches_digest
from gridlens.pipelines.declared import model_library
from gridlens.pipelines.history import by_this_version, last_run
from gridlens.pipelines.moments import moment_where
from gridlens.pipelines.tag_state import asked_moment
from gridlens.pipelines.training_set import label_facts, last_known_day
from gridlens.runs import Run, logged, timed
from gridlens.settings import Settings
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]
JOB = "churn_hazard"


@dataclass(frozen=True)
class ChurnOptions:
    """Which months: the last ones whose bills are known at the moment, default that of the newest account features."""

    as_of: dt.date | None = None
    known_at: dt.datetime | None = None
    months: int = 12


@dataclass(frozen=True)
class Lost:
    """A kind of party and a cause over all months: accounts lost, mean monthly hazard, share that stayed with its interval, share lost."""

    party_kind: str
    cause: str
    events: int
    mean_hazard: float
    survival: float
    survival_low: float | None
    survival_high: float | None
    incidence: float


@dataclass(frozen=True)
class ChurnHazardResult:
    """What was counted.

    Attributes:
        first, last: months counted.
        lost: by kind of party and cause.
    """

    run_id: str
    as_of: dt.date
    known_at: dt.datetime
    nothing_new: bool
    first: dt.date
    last: dt.date
    lost: tuple[Lost, ...]
    seconds: float

    @property
    def found(self) -> str:
        """One line."""
        told = [f"{one.party_kind} {one.mean_hazard:.2%}" for one in self.lost if one.cause == "any"]
        return f"monthly hazard {self.first:%Y-%m} to {self.last:%Y-%m}: {', '.join(told)}"


def departures(models: Sequence[Model]) -> AccountLeft:
    """What the models that predict departure count as one.

    Raises:
        SettingsError: there is no such model, or they do not agree.
    """
    found = {model.id: model.arguments for model in models if model.label is ACCOUNT_LEFT}
    if not found:
        raise SettingsError(f"no model of conf/models has the label {ACCOUNT_LEFT.name}: nothing says what counts as lost")
    first = next(iter(found.values()))
    if any(arguments != first for arguments in found.values()):
        raise SettingsError(f"the models {', '.join(found)} count other things as lost: give their labels the same arguments")
    assert isinstance(first, AccountLeft)
    return first


def run_churn_hazard(spark: SparkSession, settings: Settings, options: ChurnOptions, *, say: Say = print) -> ChurnHazardResult:
    """Counts the months and writes churn_hazard_v1 of one moment.

    Raises:
        DefinitionError, SettingsError: the models' definitions do not hold, or do not say what counts as lost.
        SourceError: there are no account features and no day is given, or a table that the label reads is empty.
    """
    arguments = departures(model_library(settings))
    warehouse = Warehouse(spark, settings)
    with writer_lease(settings):
        as_of, known_at = asked_moment(warehouse, settings, options.as_of, options.known_at)
        run = Run(JOB, {"months": options.months}, as_of=as_of, known_at=known_at)
        run.fingerprints = {"batches": batches_digest(warehouse), "label": arguments.model_dump_json(), "months": str(options.months)}
        with logged(warehouse, run):
            run.nothing_new = last_run(warehouse, JOB, by_this_version(), wrote=(CHURN_HAZARD,)) == (run.fingerprints, as_of, known_at)
            if not run.nothing_new:
                _count(warehouse, arguments, options.months, run, as_of, known_at, say)
            return _result(warehouse, run, as_of, known_at, arguments.causes)


def _count(warehouse: Warehouse, arguments: AccountLeft, months: int, run: Run, as_of: dt.date, known_at: dt.datetime, say: Say) -> None:
    last = last_known_day(warehouse.settings, as_of, known_at)
    over = last - dt.timedelta(days=arguments.later_days)  # what happened by then is known
    known = label_facts(warehouse, warehouse.settings, ACCOUNT_LEFT.facts, as_of=last, known_at=known_at, label=ACCOUNT_LEFT.name)
    facts = {name: rows.persist() for name, rows in known.items()}
    try:
        counts: list[MonthCount] = []
        with timed(say, f"churn: {months} months counted"):
            for window in month_windows(over, months):
                labelled = ACCOUNT_LEFT.rows(facts, window, arguments)
                counts += month_counts(labelled, facts[ACCOUNT_TABLE.name], window)
    finally:
        for rows in facts.values():
            rows.unpersist()
    told = [{**row, "as_of": as_of, "known_at": known_at} for row in hazard_rows(counts, arguments.causes)]
    if not told:
        raise SourceError(f"no account was open in the {months} months before {over}: load more history, or take fewer months")
    warehouse.replace(
        CHURN_HAZARD, warehouse.spark.createDataFrame(told, CHURN_HAZARD.schema).coalesce(1), where=moment_where(as_of, known_at)
    )
    run.wrote(f"gold.{CHURN_HAZARD.name}", len(told))


def _result(warehouse: Warehouse, run: Run, as_of: dt.date, known_at: dt.datetime, causes: Sequence[str]) -> ChurnHazardResult:
    columns = [name for name in CHURN_HAZARD.columns if name not in ("as_of", "known_at")]
    rows = warehouse.read(CHURN_HAZARD).where(moment_where(as_of, known_at)).select(*columns).collect()  # kinds × causes × months
    lost = []
    for kind in sorted({row["party_kind"] for row in rows}):
        for cause in ("any", *causes):
            own = sorted((row for row in rows if (row["party_kind"], row["cause"]) == (kind, cause)), key=lambda row: row["month"])
            end = own[-1]
            lost.append(
                Lost(
                    party_kind=kind,
                    cause=cause,
                    events=sum(row["events"] for row in own),
                    mean_hazard=sum(row["events"] for row in own) / sum(row["at_risk"] for row in own),
                    **{name: end[name] for name in ("survival", "survival_low", "survival_high", "incidence")},
                )
            )
    months = [row["month"] for row in rows]
    return ChurnHazardResult(run.run_id, as_of, known_at, run.nothing_new, min(months), max(months), tuple(lost), run.seconds)
