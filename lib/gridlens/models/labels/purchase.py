"""Products and services that are bought (产品购买)."""

from __future__ import annotations

from pydantic import Field as ModelField
from pydantic import field_validator, model_validator
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.codes import PRODUCT_CATEGORIES
from gridlens.errors import nearest
from gridlens.models.labels.label import Arguments, Facts, LabelFunction, Window, open_accounts
from gridlens.tables import Field


class ProductBought(Arguments):
    """Which products count: by id, and every one of some categories."""

    products: tuple[str, ...] = ()
    categories: tuple[str, ...] = ModelField(default=())

    @field_validator("categories")
    @classmethod
    def _known(cls, categories: tuple[str, ...]) -> tuple[str, ...]:
        for name in categories:
            if name not in PRODUCT_CATEGORIES:
                hint = nearest(name, PRODUCT_CATEGORIES, f"expected one of {', '.join(PRODUCT_CATEGORIES)}")
                raise ValueError(f"{name} is no category of products; {hint}")
        return categories

    @model_validator(mode="after")
    def _any(self) -> ProductBought:
        if not self.products and not self.categories:
            raise ValueError("expected products or categories")
        return self


def product_bought(facts: Facts, window: Window, arguments: ProductBought) -> DataFrame:
    """1 where the account buys one of the products in the window, having none of them when it begins.

    Who has one (bought, not ended) when the window begins has no row; every other open account has one. What was bought and had ended
    before may be bought again.
    """
    wanted = F.col("product_id").isin(*arguments.products) | F.coalesce(F.col("category").isin(*arguments.categories), F.lit(False))
    catalogue = facts["product"].select("product_id", "category")
    bought = facts["purchase"].join(F.broadcast(catalogue), on="product_id", how="left").where(wanted)
    has = (F.col("purchased_on") <= F.lit(window.begin)) & (F.col("ended_on").isNull() | (F.col("ended_on") > F.lit(window.begin)))
    inside = window.holds("purchased_on")
    accounts = bought.groupBy("account_id").agg(
        F.max(has).alias("has"),
        F.min(F.when(inside, F.col("purchased_on"))).alias("bought_on"),
        F.sum(F.when(inside, F.col("amount"))).cast("double").alias("bought_amount"),
    )
    rows = open_accounts(facts, window).join(accounts, on="account_id", how="left").where(~F.coalesce("has", F.lit(False)))
    return rows.select("account_id", F.col("bought_on").isNotNull().cast("int").alias("label"), "bought_on", "bought_amount")


PRODUCT_BOUGHT = LabelFunction(
    "product_bought",
    ProductBought,
    ("account", "purchase", "product"),
    (
        Field("bought_on", "date", "Day of the first of these purchases", null="bought nothing of it"),
        Field("bought_amount", "double", "Amount of these purchases in the window", unit="CNY", null="bought nothing of it"),
    ),
    product_bought,
)
