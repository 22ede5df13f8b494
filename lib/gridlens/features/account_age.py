"""The age of who holds an account, in bands: only for telling whether models treat young and old alike."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.codes import AGE_BANDS

OLDEST = 120
"""An age beyond it, or below 0, is a year of birth that was mistyped."""


def age_features(identities: DataFrame, *, as_of: dt.date) -> DataFrame:
    """account_id and ``age_band`` (a code of AGE_BANDS), null where the year of birth is not known or cannot be.

    Args:
        identities: account_id and birth_year of customer_identity as known, one row an account.
        as_of: the age is that which the holder reaches in its year.
    """
    age = F.lit(as_of.year) - F.col("birth_year")
    band = F.lit(None).cast("string")
    for code, (first, _) in sorted(AGE_BANDS.items(), key=lambda item: item[1][0]):
        band = F.when(age >= first, F.lit(code)).otherwise(band)
    return identities.select("account_id", F.when(age <= OLDEST, band).alias("age_band"))
