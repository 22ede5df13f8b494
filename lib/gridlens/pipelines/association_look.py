"""Looks at association rules without changing them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from gridlens.contracts.association import ASSOCIATION_RULE
from gridlens.errors import SettingsError
from gridlens.pipelines.association_facts import basket_library
from gridlens.pipelines.moments import utc_text
from gridlens.settings import Settings
from gridlens.warehouse import Warehouse

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class RuleSelection:
    """Which rules.

    Attributes:
        basket: of this basket definition; None: of all.
        item: with this item on either side; None: with any.
        scope: of this scope, as ``all`` or ``industry:52``; None: of any.
        limit: most rules.
        tested: also rules that are not significant.
    """

    basket: str | None = None
    item: str | None = None
    scope: str | None = None
    limit: int = 20
    tested: bool = False


def list_baskets(settings: Settings) -> Rows:
    """The basket definitions, by id."""
    return [
        {
            "basket": basket.id,
            "name_zh": basket.definition.name_zh,
            "name_en": basket.definition.name_en,
            "population": basket.definition.population,
            "consequents": ", ".join(basket.definition.consequents),
            "by": ", ".join(basket.definition.by),
            "definition": basket.stamp,
        }
        for basket in basket_library(settings).baskets
    ]


def list_rules(spark: SparkSession, settings: Settings, selection: RuleSelection) -> Rows:
    """The rules of each basket's newest moment: significant ones first, then by q-value and lift.

    Raises:
        SettingsError: there are no rules yet, or the basket is not defined.
    """
    if selection.basket is not None:
        basket_library(settings).chosen(selection.basket)
    wanted = [F.lit(True) if selection.tested else F.col("significant")]
    wanted += [F.col("basket") == selection.basket] if selection.basket else []
    wanted += [F.col("scope") == selection.scope] if selection.scope else []
    if selection.item:
        wanted.append(F.array_contains("antecedent_items", selection.item) | (F.col("consequent") == selection.item))
    rules = _newest(_rules(spark, settings))
    for condition in wanted:
        rules = rules.where(condition)
    order = (F.desc("significant"), F.asc("q_value"), F.desc("lift"), "basket", "scope", "antecedent", "consequent")
    return _collected(rules.orderBy(*order).limit(selection.limit))


def show_rule(spark: SparkSession, settings: Settings, rule: str) -> Rows:
    """One rule in every scope in which it was tested, at its newest moment: all first.

    Raises:
        SettingsError: there is no such rule.
    """
    found = _collected(_newest(_rules(spark, settings).where(F.col("rule_id") == rule)).orderBy(F.col("scope") != "all", "scope"))
    if not found:
        raise SettingsError(f"rule {rule} is not there; `gridlens associations list` shows the ids of rules")
    return found


def _rules(spark: SparkSession, settings: Settings) -> DataFrame:
    warehouse = Warehouse(spark, settings)
    if not warehouse.exists(ASSOCIATION_RULE):
        raise SettingsError(f"there are no association rules yet in {settings.warehouse}: run `gridlens associations run` first")
    return warehouse.read(ASSOCIATION_RULE)


def _newest(rules: DataFrame) -> DataFrame:
    """Of each basket the rules of its newest moment."""
    moment: Column = F.struct("as_of", "known_at")
    newest = F.max(moment).over(Window.partitionBy("basket"))
    return rules.withColumn("_newest", newest == moment).where("_newest").drop("_newest")


def _collected(rules: DataFrame) -> Rows:
    columns = [utc_text(name) if name == "known_at" else F.col(name) for name in ASSOCIATION_RULE.columns]
    return [row.asDict() for row in rules.select(*columns).collect()]
