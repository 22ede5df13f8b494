"""What customer value is computed from at one moment: account features, products, scores; as known then."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame

from gridlens.contracts.account_feature import ACCOUNT_FEATURE
from gridlens.models.customer_value import product_margins, product_potential
from gridlens.models.library import Model
from gridlens.models.offer_definition import Offers
from gridlens.models.substitution import potential
from gridlens.models.substitution_definition import Substitution
from gridlens.models.value_definition import Value
from gridlens.pipelines.moments import of_moment
from gridlens.pipelines.propensities import Catalogue, catalogue, of_products, propensities
from gridlens.pipelines.scores import Served, served_at, with_scores
from gridlens.pipelines.tag_state import Moment
from gridlens.warehouse import Warehouse

_READ = (
    "account_id",
    "category",
    "industry_code",
    "account_age_days",
    "arrears_amount",
    "average_price_365d",
    "bill_amount_365d",
    "bill_amount_mean_365d",
)
"""What is read whatever the definitions say."""


@dataclass(frozen=True)
class Definitions:
    """All that customer value is defined by."""

    value: Value
    offers: Offers
    substitution: Substitution
    models: tuple[Model, ...]

    @property
    def horizons(self) -> dict[str, int]:
        """Days within which each model's score says that something happens."""
        return {model.id: model.definition.label.horizon_days for model in self.models}


def scored(warehouse: Warehouse, definitions: Definitions, moment: Moment) -> Served:
    """Which of the models that the value reads have scored the moment."""
    return served_at(warehouse, (*definitions.value.models, *of_products(definitions.models)), moment)


def value_facts(warehouse: Warehouse, definitions: Definitions, served: Served, moment: Moment) -> DataFrame:
    """The facts of :func:`~gridlens.models.customer_value.values` at one moment, a row an account; ``served``: as of :func:`scored`."""
    read = definitions.value.columns | definitions.offers.columns | definitions.substitution.columns
    columns = [name for name in ACCOUNT_FEATURE.columns if name in _READ or name in read]
    features = warehouse.read(ACCOUNT_FEATURE).where(of_moment(moment.as_of, moment.known_at)).select(*columns)
    sold = catalogue(warehouse, moment)
    earned = product_margins(sold.purchases, sold.products, definitions.value.definition.recurring, as_of=moment.as_of)
    added = potential(features, definitions.substitution).select("account_id", "added_revenue")
    read_of = [f"{model}_score" for model in definitions.value.models]
    rows = with_scores(features, warehouse, read_of, served, moment)
    for part in (earned, added, _potential(warehouse, definitions, served, moment, sold, features)):
        rows = rows.join(part, on="account_id", how="left")
    return rows


def _potential(
    warehouse: Warehouse, definitions: Definitions, served: Served, moment: Moment, sold: Catalogue, features: DataFrame
) -> DataFrame:
    products = served.of(of_products(definitions.models))
    found = propensities(warehouse, definitions.models, products, moment, sold=sold, features=features, offers=definitions.offers)
    return product_potential(found.pairs, sold.products, sold.owned)
