"""Customer value (客户价值): features, products, scores of one moment → what each account brings; judged by what came after a year."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict, dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.value import CUSTOMER_VALUE, VALUE_FIGURE
from gridlens.errors import SourceError
from gridlens.lease import writer_lease
from gridlens.models.customer_value import YEAR, customer_value, values
from gridlens.models.substitution_definition import load_substitution
from gridlens.models.value_figures import ValueFigure, against_what_came, value_figures
from gridlens.pipelines.account_features import batches_digest
from gridlens.pipelines.declared import model_library, taggable, value_definition
from gridlens.pipelines.history import last_run
from gridlens.pipelines.moments import moment_where, of_micros, of_moment
from gridlens.pipelines.offers import offer_plan
from gridlens.pipelines.options import MomentOptions
from gridlens.pipelines.scores import Served
from gridlens.pipelines.tag_state import Moment, required_features
from gridlens.pipelines.value_facts import Definitions, scored, value_facts
from gridlens.pipelines.value_reads import JOB
from gridlens.runs import Run, logged, timed
from gridlens.settings import Settings, conf_file
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]
NEAR = 10
"""Days by which the moment of a year before may miss the day."""


@dataclass(frozen=True)
class BandValue:
    """The accounts of one band, and the sums of what they bring, CNY."""

    band: str
    accounts: int
    margin_365d: float
    expected_margin: float
    potential: float
    total: float


@dataclass(frozen=True)
class ValueResult:
    """What was valued.

    Attributes:
        bands: the highest values first.
        judged: the margin expected a year before against the one that came, and last year's as the simplest guess; nothing where there
            are no account features of that time.
        missing: models that no version has scored at the moment: their parts are 0 or unknown.
    """

    run_id: str
    as_of: dt.date
    known_at: dt.datetime
    nothing_new: bool
    accounts: int
    bands: tuple[BandValue, ...]
    judged: tuple[ValueFigure, ...]
    missing: tuple[str, ...]
    seconds: float

    @property
    def found(self) -> str:
        """In one line."""
        if self.nothing_new:
            return ""
        margin, expected = (sum(getattr(band, name) for band in self.bands) for name in ("margin_365d", "expected_margin"))
        return f"{self.accounts:,} accounts: margin {margin:,.0f} in twelve months, {expected:,.0f} expected in the next"


def value_definitions(settings: Settings) -> Definitions:
    """The definitions of conf/value, conf/offers, conf/substitution and conf/models; raises DefinitionError at the first mistake."""
    models = model_library(settings)
    value, plan = value_definition(settings, models), offer_plan(settings)
    return Definitions(value, plan, load_substitution(conf_file(settings, "substitution/processes.yml"), taggable()), models)


def run_value(
    spark: SparkSession, settings: Settings, options: MomentOptions, *, definitions: Definitions | None = None, say: Say = print
) -> ValueResult:
    """Values the accounts at one moment, default that of the newest account features.

    Raises:
        DefinitionError: a definition does not hold.
        SourceError: there are no account features of that day, no bill is known, or no account is in the population.
    """
    told = definitions or value_definitions(settings)
    warehouse = Warehouse(spark, settings)
    with writer_lease(settings):
        moment = required_features(warehouse, options.as_of, options.known_at)
        earlier = _a_year_before(warehouse, moment)
        models = scored(warehouse, told, moment)
        run = Run(JOB, {}, as_of=moment.as_of, known_at=moment.known_at)
        run.fingerprints = {
            "value": told.value.fingerprint,
            "offers": told.offers.fingerprint,
            "features": moment.run_id,
            "batches": batches_digest(warehouse),
            "judged": f"{earlier.as_of} {earlier.run_id}" if earlier else "",
            **{f"model {name}": str(version) for name, version in models.versions.items()},
        }
        with logged(warehouse, run):
            last = last_run(warehouse, JOB, wrote=(CUSTOMER_VALUE, VALUE_FIGURE))
            run.nothing_new = last == (run.fingerprints, moment.as_of, moment.known_at)
            if not run.nothing_new:
                _write(warehouse, told, models, moment, earlier, run, say)
            return _result(warehouse, told, run, moment, models)


def _a_year_before(warehouse: Warehouse, moment: Moment) -> Moment | None:
    """The moment with account features that is nearest to a year before; None where there is none near enough.

    Of the moments of a day the first: what became known of it later was no ground for what was expected then.
    """
    rows = warehouse.read(ACCOUNT_FEATURE).select("as_of", F.unix_micros("known_at").alias("micros"))
    wanted = moment.as_of - dt.timedelta(days=YEAR)
    near = rows.where(F.abs(F.datediff("as_of", F.lit(wanted))) <= NEAR).groupBy("as_of").agg(F.min("micros").alias("micros"))
    found = sorted((abs((row["as_of"] - wanted).days), row["as_of"], row["micros"]) for row in near.collect())
    return required_features(warehouse, found[0][1], of_micros(found[0][2])) if found else None


def _write(warehouse: Warehouse, told: Definitions, models: Served, moment: Moment, earlier: Moment | None, run: Run, say: Say) -> None:
    known = warehouse.read(ACCOUNT_FEATURE).where(of_moment(moment.as_of, moment.known_at) & F.col("bill_amount_365d").isNotNull())
    if known.isEmpty():
        raise SourceError(f"no bill is known as of {moment.as_of}, and value is made of bills: add bills to the sources and load them")
    if models.missing:
        say(f"  without {', '.join(models.missing)}: not scored at the moment")
    everybody = values(value_facts(warehouse, told, models, moment), told.value, told.horizons).persist()
    try:
        with timed(say, "value of every account"):
            valued = everybody.where("member")
            if valued.isEmpty():
                raise SourceError(
                    f"no account is in the population of conf/value ({told.value.definition.population}) as of {moment.as_of}"
                )
            rows = customer_value(valued, told.value, as_of=moment.as_of, known_at=moment.known_at)
            warehouse.replace(CUSTOMER_VALUE, rows, where=moment_where(moment.as_of, moment.known_at))
        run.wrote(f"gold.{CUSTOMER_VALUE.name}", valued.count())
        if earlier:
            with timed(say, f"the margin expected on {earlier.as_of} against what came"):
                _judge(warehouse, told, moment, everybody, earlier, run)
    finally:
        everybody.unpersist()


def _judge(warehouse: Warehouse, told: Definitions, moment: Moment, after: DataFrame, earlier: Moment, run: Run) -> None:
    """Who was open then counts, also where the account has been closed since; ``after``: the values of all accounts now."""
    served = scored(warehouse, told, earlier)
    before = values(value_facts(warehouse, told, served, earlier), told.value, told.horizons).where("member")
    churn = set(told.value.definition.churn) & served.versions.keys()
    compared = against_what_came(before, after).persist()
    try:
        figures = value_figures(compared, judged_as_of=earlier.as_of, scored=bool(churn))
    finally:
        compared.unpersist()
    rows = [{**asdict(figure), "as_of": moment.as_of, "known_at": moment.known_at} for figure in figures]
    frame = warehouse.spark.createDataFrame([tuple(row[name] for name in VALUE_FIGURE.columns) for row in rows], VALUE_FIGURE.schema)
    warehouse.replace(VALUE_FIGURE, frame.coalesce(1), where=moment_where(moment.as_of, moment.known_at))
    run.wrote(f"gold.{VALUE_FIGURE.name}", len(rows))


def _result(warehouse: Warehouse, told: Definitions, run: Run, moment: Moment, models: Served) -> ValueResult:
    at = of_moment(moment.as_of, moment.known_at)
    amounts = ("margin_365d", "expected_margin", "potential", "total")
    sums = [F.round(F.sum(name), 2).alias(name) for name in amounts]
    counted = warehouse.read(CUSTOMER_VALUE).where(at).groupBy("band").agg(F.count("*").alias("accounts"), *sums).collect()
    found = {row["band"]: row.asDict() for row in counted}
    bands = tuple(BandValue(**found[band.id]) for band in told.value.definition.bands if band.id in found)
    judged = warehouse.read(VALUE_FIGURE).where(at).drop("as_of", "known_at").orderBy("estimate").collect()
    return ValueResult(
        run.run_id,
        moment.as_of,
        moment.known_at,
        run.nothing_new,
        sum(band.accounts for band in bands),
        bands,
        tuple(ValueFigure(**row.asDict()) for row in judged),
        models.missing,
        run.seconds,
    )
