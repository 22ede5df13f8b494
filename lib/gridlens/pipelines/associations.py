"""Associations: baskets of one moment → frequent itemsets on one half → rules tested on the other, by industry and area."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from gridlens.associations.baskets import kept_items, only
from gridlens.associations.counting import MINED, count_itemsets, scopes_of
from gridlens.associations.itemsets import candidate_rules, frequent_itemsets
from gridlens.associations.library import Basket, BasketLibrary
from gridlens.associations.names import item_names, with_names
from gridlens.associations.related import related_pairs
from gridlens.associations.rules import Thresholds, findings, plan_of
from gridlens.contracts.association import ASSOCIATION_RULE
from gridlens.contracts.ops import RUN_LOG
from gridlens.contracts.tag import TAG_CATALOGUE
from gridlens.errors import SourceError
from gridlens.lease import writer_lease
from gridlens.pipelines.account_features import batches_digest
from gridlens.pipelines.association_facts import BasketFacts, basket_facts, basket_library, filled_baskets
from gridlens.pipelines.history import unfinished_since
from gridlens.pipelines.moments import of_micros, of_moment
from gridlens.pipelines.options import AssociationOptions
from gridlens.pipelines.tag_state import Moment, required_features
from gridlens.runs import Run, logged, timed
from gridlens.settings import Settings
from gridlens.tables import empty, literal_in
from gridlens.warehouse import Warehouse

Say = Callable[[str], None]
JOB = "associations"


@dataclass(frozen=True)
class BasketResult:
    """What was found in one basket table.

    Attributes:
        baskets: accounts of the population.
        items: items within the coverage.
        itemsets: frequent itemsets of the mining half.
        candidates: rules that were mined.
        scopes: scopes in which they were looked at, all included.
        tested: rules tested, one for each scope.
        significant: of these, those at the definition's level of false discoveries.
        redundant: of these, those that a more general rule makes superfluous: they are not written.
        rules: rows written.
    """

    basket: str
    baskets: int
    items: int
    itemsets: int
    candidates: int
    scopes: int
    tested: int
    significant: int
    redundant: int
    rules: int


@dataclass(frozen=True)
class AssociationsResult:
    """What was computed; ``baskets`` are those computed in this run."""

    run_id: str
    as_of: dt.date
    known_at: dt.datetime
    nothing_new: bool
    baskets: tuple[BasketResult, ...]
    seconds: float


def run_associations(
    spark: SparkSession, settings: Settings, options: AssociationOptions, *, library: BasketLibrary | None = None, say: Say = print
) -> AssociationsResult:
    """Finds the rules of every basket at one ``as_of``.

    ``library`` are the definitions where they have been read already.

    Raises:
        DefinitionError: a basket does not hold; names file, line and remedy.
        SourceError: there are no account features of that day, or no tags of it though a basket holds some.
        SettingsError: there is no such basket, or its itemsets are too many.
    """
    library = library or basket_library(settings)
    chosen = library.chosen(options.basket)
    warehouse = Warehouse(spark, settings)
    with writer_lease(settings):
        moment = _moment(warehouse, options, chosen)
        run = Run(JOB, {"basket": options.basket}, as_of=moment.as_of, known_at=moment.known_at)
        with logged(warehouse, run):
            runs = _runs_before(warehouse, moment)
            inputs = _inputs(warehouse, moment, runs)
            due = [basket for basket in chosen if not _stands(warehouse, basket, inputs, runs)]
            run.fingerprints = {**inputs, **{basket.id: basket.stamp for basket in due}}
            run.nothing_new = not due
            found = _compute(warehouse, settings, due, moment, say) if due else []
            for one in found:
                run.wrote(f"gold.{ASSOCIATION_RULE.name}", one.rules)
            return AssociationsResult(run.run_id, moment.as_of, moment.known_at, run.nothing_new, tuple(found), run.seconds)


def _moment(warehouse: Warehouse, options: AssociationOptions, chosen: Sequence[Basket]) -> Moment:
    moment = required_features(warehouse, options.as_of, options.known_at)
    with_tags = next((basket.id for basket in chosen if basket.tags), None)
    if with_tags and empty(warehouse.read(TAG_CATALOGUE).where(of_moment(moment.as_of, moment.known_at))):
        raise SourceError(f"basket {with_tags} holds tags, but there are none of {moment.as_of}: run `gridlens tags run` first")
    return moment


def _runs_before(warehouse: Warehouse, moment: Moment) -> list[Row]:
    """The runs of tags and associations at this moment that wrote something, oldest first: job, run_id, fingerprints, began (µs)."""
    began = F.unix_micros("started_at").alias("began")
    good = F.col("job").isin("tags", JOB) & (F.col("outcome") == "succeeded") & of_moment(moment.as_of, moment.known_at)
    return warehouse.read(RUN_LOG).where(good).orderBy("ended_at").select("job", "run_id", "fingerprints", began).collect()


def _inputs(warehouse: Warehouse, moment: Moment, runs: Sequence[Row]) -> dict[str, str]:
    """What rules are computed from, beside their definitions: the features and tags of the moment, and the batches loaded."""
    tags = [row["run_id"] for row in runs if row["job"] == "tags"]
    return {"features": moment.run_id, "tags": tags[-1] if tags else "", "batches": batches_digest(warehouse)}


def _stands(warehouse: Warehouse, basket: Basket, inputs: Mapping[str, str], runs: Sequence[Row]) -> bool:
    """True where the last run that computed the basket did so from the same inputs and definition, and none has died over it since."""
    told = [(of_micros(row["began"]), json.loads(row["fingerprints"])) for row in runs if row["job"] == JOB]
    began, last = next(((began, one) for began, one in reversed(told) if basket.id in one), (of_micros(0), {}))
    same = {**inputs, basket.id: basket.stamp}.items() <= last.items()
    return same and not unfinished_since(warehouse, began, (ASSOCIATION_RULE,), basket.id)


def _compute(warehouse: Warehouse, settings: Settings, due: Sequence[Basket], moment: Moment, say: Say) -> list[BasketResult]:
    with timed(say, "what was known"):
        facts = basket_facts(warehouse, settings, moment)
    left_out = [name for name in facts.expired if any(name in (basket.definition.items.tags or ()) for basket in due)]
    if left_out:
        say(f"left out, as they are past their time to live: {', '.join(left_out)}; `gridlens tags run` computes them")
    return [_basket(warehouse, facts, basket, moment, say) for basket in due]


def _basket(warehouse: Warehouse, facts: BasketFacts, basket: Basket, moment: Moment, say: Say) -> BasketResult:
    """Fills, mines, tests and writes one basket table."""
    definition = basket.definition
    filled = filled_baskets(facts, basket).persist()  # read for the items, for mining and for counting
    try:
        with timed(say, f"{basket.id}: baskets"):
            items = kept_items(filled, definition.coverage)
            baskets = only(filled, items)
        with timed(say, f"{basket.id}: itemsets of {len(items)} items"):
            itemsets = frequent_itemsets(
                baskets.where(F.col("half") == MINED),
                min_support=definition.min_support,
                max_length=definition.max_length,
                limit=definition.max_itemsets,
                of=f"basket {basket.id}",
            )
        tags = {tag.id: tag for tag in basket.tags}
        candidates = candidate_rules(
            itemsets,
            min_confidence=definition.min_confidence,
            min_lift=definition.min_lift,
            allowed=definition.allowed,
            related=related_pairs(items, tags, facts.categories),
        )
        with timed(say, f"{basket.id}: {len(candidates)} candidate rules tested"):
            plan, scopes = plan_of(candidates), scopes_of(baskets, definition.by, least=definition.min_baskets)
            tally = count_itemsets(baskets, plan.itemsets, scopes)
            tested = findings(plan, tally, scopes, _thresholds(basket))
        rules = with_names(tested.written, item_names(items, tags, facts.products))
        with timed(say, f"{basket.id}: {rules.num_rows} rules written"):
            _write(warehouse, rules, basket, moment)
        return BasketResult(
            basket=basket.id,
            baskets=tested.baskets,
            items=len(items),
            itemsets=len(itemsets.counts) - 1,
            candidates=len(candidates),
            scopes=len(scopes),
            tested=tested.rows.num_rows,
            significant=tested.significant,
            redundant=tested.redundant,
            rules=rules.num_rows,
        )
    finally:
        filled.unpersist()


def _thresholds(basket: Basket) -> Thresholds:
    d = basket.definition
    return Thresholds(d.min_confidence, d.min_lift, d.min_count, d.min_improvement, d.level)


def _write(warehouse: Warehouse, rules: pa.Table, basket: Basket, moment: Moment) -> None:
    """Replaces the basket's rules of the moment."""
    amount = basket.definition.money
    columns = {
        "basket": F.lit(basket.id),
        "as_of": F.lit(moment.as_of),
        "known_at": F.lit(moment.known_at),
        "definition": F.lit(basket.stamp),
        "effect_of": F.lit(amount).cast("string"),
        "currency": F.lit(basket.currency).cast("string"),
        "rule_id": F.substring(F.sha2(F.concat_ws("|", F.lit(basket.id), "antecedent", "consequent"), 256), 1, 12),
        "effect_amount": F.col("effect_amount").cast(ASSOCIATION_RULE["effect_amount"].type),
    }
    frame = warehouse.spark.createDataFrame(rules.drop_columns(["redundant"])).withColumns(columns).coalesce(1)
    of_basket = [literal_in("basket", [basket.id]), literal_in("as_of", [moment.as_of]), literal_in("known_at", [moment.known_at])]
    warehouse.replace(ASSOCIATION_RULE, frame, where=" AND ".join(of_basket), note=f"{warehouse.note} {basket.id}")
