"""What the newest survey of a premises saw: by hand, against plain pandas, and blind to what happened or became known later."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from chispa import assert_df_equality
from gridlens.contracts.account_contact import SURVEY_FEATURES
from gridlens.contracts.codes import SURVEY_EQUIPMENT, SURVEY_FUELS
from gridlens.contracts.silver import SILVER
from gridlens.features.account_field import survey_features
from gridlens.fold.versioned import as_known
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

AS_OF = dt.date(2026, 3, 31)
KNOWN_AT = dt.datetime(2026, 4, 2, 16, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
SURVEY = SILVER["energy_survey"]
FOUND = "account_id string, surveyed_equipment string, surveyed_fuel string, days_since_survey int"
PLACE = "account_id string, transformer_id string"
OWN = ("surveyed_equipment", "surveyed_fuel", "days_since_survey")


def surveys(spark: SparkSession, rows: list[tuple]) -> DataFrame:
    """Versions from (survey, account, day, equipment, fuel, known from)."""
    told = [(*row[:5], "survey", row[5], n, "file", f"line {n}") for n, row in enumerate(rows)]
    return spark.createDataFrame(told, SURVEY.schema).coalesce(1)


def seen(rows: DataFrame, *, as_of: dt.date = AS_OF, known_at: dt.datetime = KNOWN_AT) -> DataFrame:
    """Of surveyed accounts what the account's own survey saw."""
    current = as_known(rows, SURVEY, known_at=known_at, as_of=as_of)
    places = rows.select("account_id", F.lit(None).cast("string").alias("transformer_id")).distinct()
    return survey_features(current, places, as_of=as_of).where("surveyed_fuel is not null").select("account_id", *OWN)


def known(day: dt.date, days: int = 1) -> dt.datetime:
    """The evening of so many days after ``day``."""
    return dt.datetime.combine(day + days * DAY, dt.time(20), dt.UTC)


def test_the_newest_survey_counts(spark: SparkSession) -> None:
    long_ago, lately = AS_OF - 900 * DAY, AS_OF - 40 * DAY
    rows = [
        ("S1", "changed", long_ago, "boiler", "coal", known(long_ago)),
        ("S2", "changed", lately, "boiler", "electricity", known(lately)),
        ("S3", "register entered late", lately, "furnace", "gas", known(lately)),
        ("S4", "register entered late", long_ago, "boiler", "coal", known(lately, 20)),
        ("S5", "twice on a day", lately, "kitchen", "oil", known(lately, 2)),
        ("S6", "twice on a day", lately, "kitchen", "gas", known(lately, 5)),
        ("S7", "on the day", AS_OF, "none", "none", known(AS_OF)),
        ("S8", "after the day", AS_OF + DAY, "stove", "coal", known(AS_OF)),
    ]
    expected = [
        ("changed", "boiler", "electricity", 40),
        ("on the day", "none", "none", 0),
        ("register entered late", "furnace", "gas", 40),
        ("twice on a day", "kitchen", "gas", 40),
    ]
    assert_df_equality(
        seen(surveys(spark, rows)),
        spark.createDataFrame(expected, FOUND),
        ignore_row_order=True,
        ignore_nullable=True,
        ignore_metadata=True,
    )


def test_what_became_known_later_is_not_seen_then(spark: SparkSession) -> None:
    then, when = AS_OF - 100 * DAY, AS_OF - 130 * DAY
    rows = surveys(
        spark,
        [
            ("S1", "late", when, "boiler", "coal", known(then, 10)),
            ("S2", "corrected", when, "boiler", "none", known(when)),
            ("S2", "corrected", when, "boiler", "gas", known(then, 10)),
        ],
    )
    earlier = {row.account_id: row.surveyed_fuel for row in seen(rows, as_of=then, known_at=known(then)).collect()}
    assert earlier == {"corrected": "none"}
    assert {row.account_id: row.surveyed_fuel for row in seen(rows).collect()} == {"late": "coal", "corrected": "gas"}
    assert {row.account_id for row in seen(rows, as_of=when - DAY).collect()} == set()


def test_random_surveys_agree_with_pandas(spark: SparkSession) -> None:
    rng = np.random.default_rng(3)
    rows = []
    for n in range(80):
        day = AS_OF - int(rng.integers(-10, 60)) * DAY
        for version in range(rng.integers(1, 3)):
            fuel, equipment = str(rng.choice(SURVEY_FUELS)), str(rng.choice(SURVEY_EQUIPMENT))
            rows.append((f"S{n}", f"A{n % 25}", day, equipment, fuel, known(day, int(rng.integers(1, 30)) + 30 * version)))
    every = pd.DataFrame(rows, columns=["survey_id", "account_id", "surveyed_on", "equipment", "fuel", "known_from"])
    told = every[(every.known_from <= KNOWN_AT) & (every.surveyed_on <= AS_OF)]
    current = told.sort_values("known_from").groupby("survey_id").tail(1)
    newest = current.sort_values(["surveyed_on", "known_from", "survey_id"]).groupby("account_id").tail(1)
    expected = [(row.account_id, row.equipment, row.fuel, (AS_OF - row.surveyed_on).days) for row in newest.itertuples()]
    assert len(expected) > 15
    assert sorted(tuple(row) for row in seen(surveys(spark, rows)).collect()) == sorted(expected)


def test_a_neighbourhood_is_told_by_those_of_it_that_were_surveyed(spark: SparkSession) -> None:
    village = {"a": "coal", "b": "gas", "c": "none", "d": "electricity", "e": None}
    hamlet = {"f": "coal", "g": "oil", "h": "coal", "i": None, "j": None}
    alone = {"k": "coal", "l": None}
    fuels = village | hamlet | alone
    day = AS_OF - 9 * DAY
    rows = surveys(spark, [(f"S{a}", a, day, "stove", fuel, known(day)) for a, fuel in fuels.items() if fuel])
    place = {**dict.fromkeys(village, "T1"), **dict.fromkeys(hamlet, "T2"), **dict.fromkeys(alone, None)}
    result = survey_features(rows, spark.createDataFrame(list(place.items()), PLACE), as_of=AS_OF)
    share = {row.account_id: row.fuel_share_nearby for row in result.collect()}
    assert share == pytest.approx(
        {
            "a": 1 / 3,
            "b": 1 / 3,
            "c": 2 / 3,
            "d": 2 / 3,
            "e": 0.5,
            "f": None,
            "g": None,
            "h": None,
            "i": 1.0,
            "j": 1.0,
            "k": None,
            "l": None,
        }
    )
    assert [(f.name, f.dataType.simpleString()) for f in result.schema][1:] == [(f.name, f.type) for f in SURVEY_FEATURES]


def test_without_a_source_of_surveys_all_is_unknown(spark: SparkSession) -> None:
    places = spark.createDataFrame([("a", "T1"), ("b", "T1"), ("c", None)], PLACE)
    rows = survey_features(spark.createDataFrame([], SURVEY.schema), places, as_of=AS_OF).collect()
    assert sorted(row.account_id for row in rows) == ["a", "b", "c"]
    assert all(row[f.name] is None for row in rows for f in SURVEY_FEATURES)
