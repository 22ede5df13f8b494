"""What offers and customer value read about products: the catalogue, purchases, and how likely each account buys each product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.silver import SILVER
from gridlens.fold.versioned import as_known
from gridlens.models.library import Model
from gridlens.models.next_best_offer import by_product
from gridlens.models.offer_definition import Offers, eligible_pairs
from gridlens.pipelines.scores import Served, score_rows
from gridlens.pipelines.tag_state import Moment
from gridlens.warehouse import Warehouse

LABEL = "product_bought"
_SCORES = "account_id string, model string, version int, score double"
_SOLD = "model string, product_id string, days int"


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Products and purchases as known at a moment.

    Attributes:
        products: product_id, name_zh, name_en, category, margin.
        ids: of the products with their categories, by id: as many as a company sells.
        purchases: account_id, product_id, purchased_on, ended_on, quantity, up to the last day.
        owned: account_id and product_id of what runs.
    """

    products: DataFrame
    ids: tuple[tuple[str, str], ...]
    purchases: DataFrame
    owned: DataFrame


@dataclass(frozen=True, eq=False)
class Propensities:
    """How likely accounts buy products.

    Attributes:
        pairs: as :func:`~gridlens.models.next_best_offer.by_product` gives them.
        eligible: account_id and product_id of what may be offered at all.
    """

    pairs: DataFrame
    eligible: DataFrame


def catalogue(warehouse: Warehouse, moment: Moment) -> Catalogue:
    """Products and purchases as known at the moment."""

    def known(name: str) -> DataFrame:
        return as_known(warehouse.read(SILVER[name]), SILVER[name], known_at=moment.known_at, as_of=moment.as_of)

    products = known("product").select("product_id", "name_zh", "name_en", "category", "margin")
    ids = products.select("product_id", "category").orderBy("product_id").collect()
    bought = known("purchase").where(F.col("purchased_on") <= F.lit(moment.as_of))
    purchases = bought.select("account_id", "product_id", "purchased_on", "ended_on", "quantity")
    runs = F.col("ended_on").isNull() | (F.col("ended_on") > F.lit(moment.as_of))
    owned = purchases.where(runs).select("account_id", "product_id").distinct()
    return Catalogue(products, tuple((row["product_id"], row["category"]) for row in ids), purchases, owned)


def of_products(models: Sequence[Model]) -> list[str]:
    """Ids of the models whose label is the purchase of products."""
    return [model.id for model in models if model.label.name == LABEL]


def propensities(
    warehouse: Warehouse,
    models: Sequence[Model],
    served: Served,
    moment: Moment,
    *,
    sold: Catalogue,
    features: DataFrame,
    offers: Offers,
) -> Propensities:
    """The propensities of a moment, from the versions that scored it last.

    Args:
        warehouse: where scores are.
        models: all that are defined.
        served: which of those of products have scored the moment.
        moment: as_of and known_at.
        sold: the catalogue.
        features: account features of the moment.
        offers: which products may be offered to whom.
    """
    about = [
        (model.id, product, model.definition.label.horizon_days)
        for model in models
        if model.id in served.versions
        for product, category in sold.ids
        if _tells(model, product, category)
    ]
    spark = warehouse.spark
    scores = spark.createDataFrame([], _SCORES)
    if served.versions:
        scores = score_rows(warehouse, served.versions, moment).select("account_id", "model", "version", "score")
    eligible = eligible_pairs(features, offers, [product for product, _ in sold.ids])
    pairs = by_product(scores, spark.createDataFrame(about, _SOLD), eligible)
    return Propensities(pairs, eligible)


def _tells(model: Model, product: str, category: str) -> bool:
    """Whether the product is one that the model's label counts."""
    told = model.arguments.model_dump()
    return product in told["products"] or category in told["categories"]
