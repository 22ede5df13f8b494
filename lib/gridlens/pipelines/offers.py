"""Next best offers (产品推荐): propensities of one moment → what is owned, allowed, consented to → the best of each account."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from gridlens.audiences.facts import consent_column, consent_flags
from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.contracts.graph import IDENTITY_LINK
from gridlens.contracts.offers import EXCLUSIONS, NEXT_BEST_OFFER, OFFER_EXCLUSION
from gridlens.contracts.silver import SILVER
from gridlens.errors import SourceError
from gridlens.fold.versioned import as_known
from gridlens.lease import writer_lease
from gridlens.models.library import Model
from gridlens.models.next_best_offer import exclusions, judged, offers
from gridlens.models.offer_definition import Offers, consenting, load_offers
from gridlens.pipelines.account_features import batches_digest
from gridlens.pipelines.declared import model_library, taggable, value_definition
from gridlens.pipelines.history import last_run, last_success
from gridlens.pipelines.moments import moment_where, of_moment
from gridlens.pipelines.options import MomentOptions
from gridlens.pipelines.propensities import catalogue, of_products, propensities
from gridlens.pipelines.scores import Served, served_at
from gridlens.pipelines.tag_state import Moment, required_features
from gridlens.pipelines.value_reads import JOB as VALUE
from gridlens.pipelines.value_reads import kept_shares
from gridlens.runs import Run, logged, timed
from gridlens.settings import Settings, conf_file
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]
JOB = "offers"


@dataclass(frozen=True)
class OffersResult:
    """What was offered.

    Attributes:
        accounts: with at least one offer.
        propensities: pairs of account and product that a model has a probability of: offered, excluded and beyond the plan together.
        offered, excluded: of these.
        beyond_plan: nothing is against them, but the plan's numbers are full of better ones.
        exclusions: pairs by reason.
        models: that scored, with the version. missing: models of products that no version has scored at the moment.
    """

    run_id: str
    as_of: dt.date
    known_at: dt.datetime
    nothing_new: bool
    accounts: int
    propensities: int
    offered: int
    excluded: int
    beyond_plan: int
    exclusions: Mapping[str, int]
    models: Mapping[str, int]
    missing: tuple[str, ...]
    seconds: float

    @property
    def found(self) -> str:
        """In one line."""
        return "" if self.nothing_new else f"{self.offered:,} offers to {self.accounts:,} accounts, of {self.propensities:,} propensities"


def offer_plan(settings: Settings) -> Offers:
    """The plan of conf/offers/plan.yml, the user's file first; raises DefinitionError at the first mistake."""
    return load_offers(conf_file(settings, "offers/plan.yml"), taggable())


def run_offers(
    spark: SparkSession, settings: Settings, options: MomentOptions, *, plan: Offers | None = None, say: Say = print
) -> OffersResult:
    """Chooses the offers of one moment, default that of the newest account features.

    Raises:
        DefinitionError: the plan does not hold.
        SourceError: there are no account features of that day, no product is known, or no model of a product has scored it.
    """
    plan, models = plan or offer_plan(settings), model_library(settings)
    recurring = value_definition(settings, models).definition.recurring
    warehouse = Warehouse(spark, settings)
    with writer_lease(settings):
        moment = required_features(warehouse, options.as_of, options.known_at)
        run = Run(JOB, {}, as_of=moment.as_of, known_at=moment.known_at)
        served = served_at(warehouse, of_products(models), moment)
        run.fingerprints = {
            "plan": plan.fingerprint,
            "features": moment.run_id,
            "batches": batches_digest(warehouse),
            "persons": last_success(warehouse, "graph"),
            "value": last_success(warehouse, VALUE),
            "recurring": ", ".join(recurring),
            **{f"model {name}": str(version) for name, version in served.versions.items()},
        }
        with logged(warehouse, run):
            run.nothing_new = last_run(warehouse, JOB, wrote=(NEXT_BEST_OFFER, OFFER_EXCLUSION)) == (
                run.fingerprints,
                moment.as_of,
                moment.known_at,
            )
            if not run.nothing_new:
                _refuse_without(served, moment)
                _write(warehouse, models, served, moment, plan, recurring, run, say)
            return _result(warehouse, run, moment, served)


def _refuse_without(served: Served, moment: Moment) -> None:
    if not served.versions:
        first = served.missing[0] if served.missing else "MODEL"
        raise SourceError(
            f"no model of a product has scored {moment.as_of} ({', '.join(served.missing) or 'none is defined'}): "
            f"run `gridlens train {first}` and `gridlens score {first}` first"
        )


def _write(
    warehouse: Warehouse,
    models: Sequence[Model],
    served: Served,
    moment: Moment,
    plan: Offers,
    recurring: Sequence[str],
    run: Run,
    say: Say,
) -> None:
    sold = catalogue(warehouse, moment)
    if not sold.ids:
        raise SourceError(f"no product is known as of {moment.as_of}: add products to the sources and run `gridlens ingest`")
    columns = sorted(plan.columns | {"account_id", "party_id"})
    features = warehouse.read(ACCOUNT_FEATURE).where(of_moment(moment.as_of, moment.known_at)).select(*columns)
    wanted = propensities(warehouse, models, served, moment, sold=sold, features=features, offers=plan)
    if served.missing:
        say(f"  without {', '.join(served.missing)}: not scored at the moment")
    agree = _consenting(warehouse, features, plan, moment)
    pairs = judged(
        wanted.pairs,
        sold.products,
        owned=sold.owned,
        eligible=wanted.eligible,
        consenting=agree,
        kept=kept_shares(warehouse, moment),
        recurring=recurring,
        plan=plan.plan,
    ).persist()
    where = moment_where(moment.as_of, moment.known_at)
    try:
        with timed(say, "offers"):
            warehouse.replace(NEXT_BEST_OFFER, offers(pairs, plan.plan, as_of=moment.as_of, known_at=moment.known_at), where=where)
        offered = warehouse.read(NEXT_BEST_OFFER).where(of_moment(moment.as_of, moment.known_at))
        with timed(say, "what is not offered"):
            left = exclusions(pairs, offered, as_of=moment.as_of, known_at=moment.known_at)
            warehouse.replace(OFFER_EXCLUSION, left, where=where)
        run.wrote(f"gold.{NEXT_BEST_OFFER.name}", offered.count())
    finally:
        pairs.unpersist()


def _consenting(warehouse: Warehouse, features: DataFrame, plan: Offers, moment: Moment) -> DataFrame:
    """Accounts whose party consents by one of the plan's channels; a refusal counts for all parties of the same person."""
    consents = as_known(warehouse.read(SILVER["consent"]), SILVER["consent"], known_at=moment.known_at, as_of=moment.as_of)
    links = warehouse.read(IDENTITY_LINK).where(of_moment(moment.as_of, moment.known_at) & (F.col("parties") > 1))
    flags = consent_flags(consents, plan.consents, links)
    return consenting(features, flags, [consent_column(*pair) for pair in plan.consents])


def _result(warehouse: Warehouse, run: Run, moment: Moment, served: Served) -> OffersResult:
    at = of_moment(moment.as_of, moment.known_at)
    counts = warehouse.read(OFFER_EXCLUSION).where(at).groupBy("exclusion").agg(F.sum("accounts").alias("n")).collect()
    by_reason = {row["exclusion"]: row["n"] for row in counts}
    row = (
        warehouse.read(NEXT_BEST_OFFER)
        .where(at)
        .agg(F.count("*").alias("n"), F.count_if(F.col("rank") == 1).alias("accounts"))
        .collect()[0]
    )
    beyond = by_reason.pop(EXCLUSIONS[-1], 0)
    excluded = sum(by_reason.values())
    told = {name: by_reason[name] for name in EXCLUSIONS if name in by_reason}
    return OffersResult(
        run.run_id,
        moment.as_of,
        moment.known_at,
        run.nothing_new,
        row["accounts"],
        row["n"] + excluded + beyond,
        row["n"],
        excluded,
        beyond,
        told,
        served.versions,
        served.missing,
        run.seconds,
    )
