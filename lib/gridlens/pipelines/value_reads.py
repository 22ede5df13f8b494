"""Customer value as segments and offers read it: beside the account features of the same moment."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.value import CUSTOMER_VALUE, VALUE_COLUMNS
from gridlens.models.customer_value import mean_stay
from gridlens.pipelines.moments import of_moment
from gridlens.pipelines.tag_state import Moment
from gridlens.warehouse import Warehouse

JOB = "value"


def with_value(features: DataFrame, warehouse: Warehouse, moment: Moment) -> DataFrame:
    """``features`` with VALUE_COLUMNS, null where an account was not valued at the moment."""
    valued = warehouse.read(CUSTOMER_VALUE).where(of_moment(moment.as_of, moment.known_at))
    columns = [F.col(name.removeprefix("value_")).alias(name) for name in VALUE_COLUMNS]
    return features.join(valued.select("account_id", *columns), on="account_id", how="left")


def kept_shares(warehouse: Warehouse, moment: Moment) -> DataFrame:
    """account_id and kept_share of the accounts valued at the moment: mean probability over the year of still being there."""
    valued = warehouse.read(CUSTOMER_VALUE).where(of_moment(moment.as_of, moment.known_at))
    return valued.select("account_id", mean_stay(F.col("retention")).alias("kept_share"))
