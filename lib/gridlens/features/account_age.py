"""The age of who holds an account, in bands: only for telling whether models treat young and old alike."""

from __future__ import annotations

import datetime as dt

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from gridlens.contracts.codes import AGE_BANDS

OLDEST = 120
"""An age beyond it, or below 0, is a year of birth that was mistyped."""


def age_features(identities: DataFrame, accounts: DataFrame, *, as_of: dt.date) -> DataFrame:
    """account_id and ``age_band`` (a code of AGE_BANDS) of persons, null where the year of birth is not known or cannot be.

    Args:
        identities: account_id and birth_year of customer_identity as known, one row an account.
        accounts: account_id and party_kind: companies, of which some sources say when they were founded, have no row.
        as_of: the age is that which the holder reaches in its year.
    """
    persons = accounts.where(F.col("party_kind") == "person").select("account_id")
    age = F.lit(as_of.year) - F.col("birth_year")
    band = F.lit(None).cast("string")
    for code, first in AGE_BANDS.items():
        band = F.when(age >= first, F.lit(code)).otherwise(band)
    return identities.join(persons, on="account_id", how="left_semi").select("account_id", F.when(age <= OLDEST, band).alias("age_band"))
