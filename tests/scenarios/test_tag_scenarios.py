"""Tags as business sentences: a row of ``tags/CATEGORY.csv`` says what is known of an account and whether it gets the tag.

``given`` holds ``feature=value`` pairs; a feature that it does not name is unknown, or NEUTRAL where its contract is never null.
``expected`` is true, false, a text, or empty: not known. Bands and growth are compared with pandas on random features.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
import yaml
from gridlens.contracts.account_feature import ACCOUNT_FEATURE, COUNTS
from gridlens.contracts.score import score_field
from gridlens.contracts.tag import Category, Kind
from gridlens.pipelines.declared import score_columns
from gridlens.settings import load_settings
from gridlens.tables import Sensitivity
from gridlens.tags.engine import evaluate
from gridlens.tags.library import Tag, load_tags
from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

FOLDER = Path(__file__).with_name("tags")
DEFINITIONS = Path(__file__).resolve().parents[2] / "conf" / "tags"
FIELDS = {f.name: f for f in ACCOUNT_FEATURE.fields if f.name not in ("account_id", "as_of", "known_at") and not f.type.startswith("array")}
SCORES = {name: score_field(name) for name in score_columns(load_settings("local"))}
LIBRARY = load_tags([DEFINITIONS], *({name: field.type for name, field in fields.items()} for fields in (FIELDS, SCORES)))
FIELDS |= SCORES
JUDGED = [tag for tag in LIBRARY.tags if tag.definition.kind in ("rule", "derived", "model")]
STATISTICAL = [tag for tag in LIBRARY.tags if tag.definition.kind == "statistical"]
WRITTEN = {tag["id"]: tag for file in DEFINITIONS.glob("*.yml") for tag in yaml.safe_load(file.read_text(encoding="utf-8"))["tags"]}
BY_TYPE: dict[str, Any] = {"boolean": False, "int": 0, "double": 0.0, "string": "-", "date": dt.date(2020, 1, 1)}
NEUTRAL: dict[str, Any] = {name: BY_TYPE[field.type] for name, field in FIELDS.items() if field.null is None or name in COUNTS} | {
    "category": "residential",
    "party_kind": "person",
    "billing_kind": "postpaid",
    "is_open": True,
    "account_age_days": 2000,
    "party_accounts": 1,
    "point_count": 1,
    "days_known_90d": 90,
    "days_known_365d": 365,
    "shape_days": 90,
}
"""An open household account of five and a half years with all its readings, of which nothing else has happened."""
READERS: dict[str, Callable[[str], Any]] = {
    "boolean": {"true": True, "false": False}.__getitem__,
    "int": int,
    "double": float,
    "string": str,
    "date": dt.date.fromisoformat,
}
ALWAYS_THERE = (
    "consumption_rising_90d",
    "holiday_idle_factory",
    "night_heavy_user",
    "habitual_late_payer",
    "price_sensitive_and_shiftable",
    "electric_heating_household",
    "vacant_dwelling",
    "new_small_workshop_growing_fast",
    "cold_storage_load",
    "ev_charging_at_home",
    "rooftop_pv_likely",
    "fuel_to_electric_candidate",
)


def scenarios(file: Path) -> list[dict[str, str]]:
    """The rows of one file, each with the ``id`` of its account."""
    with file.open(encoding="utf-8", newline="") as lines:
        return [{**row, "id": f"{file.stem} {number}"} for number, row in enumerate(csv.DictReader(lines), start=2)]


FILES = sorted(FOLDER.glob("*.csv"))
SCENARIOS = [row for file in FILES for row in scenarios(file)]


def features(row: dict[str, str]) -> dict[str, Any]:
    """The features of a scenario's account."""
    given = dict(pair.split("=", 1) for pair in row["given"].split("; ") if pair)
    told = {name: READERS[FIELDS[name].type](text) if text else None for name, text in given.items()}
    return {**NEUTRAL, **told, "account_id": row["id"]}


def as_text(value: bool | str | None) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else value


def limits(tag: Tag) -> list[float]:
    return [step.below for step in tag.definition.bands.steps if step.below is not None] if tag.definition.bands else []


def random_features(rows: int) -> pd.DataFrame:
    """Features of the statistical tags: a fifth unknown where they may be, numbers exactly at the limits, between and beyond them."""
    random = np.random.default_rng(7)
    columns: dict[str, Any] = {"account_id": [f"random {n}" for n in range(rows)]}
    for name in sorted({feature for tag in STATISTICAL for feature in tag.features}):
        field, readers = FIELDS[name], [tag for tag in STATISTICAL if name in tag.features]
        edges = np.unique([-0.2, 0.0, 0.2, 1.1, 2.0, 3.0, *(edge for tag in readers for edge in limits(tag))])
        if field.type == "boolean":
            values = random.random(rows) < 0.8
        elif field.type == "string":
            values = random.choice([*(field.allowed or [value for tag in readers for value in tag.values]), "unheard_of"], rows)
        else:
            steps = np.concatenate([[edges[0] - 1], edges, [2 * edges[-1]]])
            step = random.integers(0, len(steps) - 1, rows)
            values = steps[step] + (steps[step + 1] - steps[step]) * random.choice([0.0, 0.3, 0.7], rows)
            values = np.round(values) if field.type == "int" else values
        unknown = random.random(rows) < (0.2 if field.null else 0)
        columns[name] = [None if missing else value for value, missing in zip(values.tolist(), unknown, strict=True)]
    return pd.DataFrame(columns)


RANDOM = random_features(600)


@pytest.fixture(scope="module")
def found(spark: SparkSession) -> dict[str, dict[str, Any]]:
    """The tags of every account, those of the scenarios and the random ones: one job."""
    names = ["account_id", *FIELDS]
    schema = StructType.fromDDL(", ".join(f"{name} {'string' if name == 'account_id' else FIELDS[name].type}" for name in names))
    random = RANDOM.astype(object).where(RANDOM.notna(), None).to_dict("records")
    whole = {name: int for name in FIELDS if FIELDS[name].type == "int"}
    rows = [*map(features, SCENARIOS), *({**NEUTRAL, **row} for row in random)]
    typed = [tuple(whole.get(name, lambda x: x)(row[name]) if row.get(name) is not None else None for name in names) for row in rows]
    return {row["account_id"]: row.asDict() for row in evaluate(spark.createDataFrame(typed, schema), LIBRARY).collect()}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_accounts_get_the_tags_that_their_story_says(file: Path, found: dict[str, dict[str, Any]]) -> None:
    stories = scenarios(file)
    expected = {(row["id"], row["scenario"], row["tag"], row["given"]): row["expected"] for row in stories}
    assert {key: as_text(found[key[0]][key[2]]) for key in expected} == expected


def test_every_rule_derived_and_model_tag_has_a_story_with_it_and_one_without() -> None:
    told = {tag.id: {row["expected"] for row in SCENARIOS if row["tag"] == tag.id} for tag in JUDGED}
    wanted = {tag.id: set(tag.values) if tag.value_type == "text" else {"true"} for tag in JUDGED}
    assert {identity: missing for identity, values in wanted.items() if (missing := values - told[identity])} == {}
    assert [tag.id for tag in JUDGED if tag.value_type == "boolean" and "false" not in told[tag.id]] == []
    assert [tag.id for tag in JUDGED if tag.value_type == "text" and "" not in told[tag.id] and len(told[tag.id]) < 2] == []


def test_stories_are_told_once_and_of_tags_and_features_that_exist() -> None:
    assert {row["tag"] for row in SCENARIOS} <= set(LIBRARY.ids)
    told = [(row["tag"], row["given"]) for row in SCENARIOS]
    assert len(set(told)) == len(told)
    assert [file.stem for file in FILES] == sorted(get_args(Category))
    assert [row["id"] for row in SCENARIOS if LIBRARY.tag(row["tag"]).definition.category != row["id"].split()[0]] == []


def of_category(frame: pd.DataFrame, column: str, *, households: bool) -> pd.Series:
    return frame[column].where((frame["category"] == "residential") == households)


NUMBERS: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "household_consumption_level": lambda f: of_category(f, "energy_kwh_365d", households=True),
    "business_consumption_level": lambda f: of_category(f, "energy_kwh_365d", households=False),
    "full_load_hours_class": lambda f: of_category(f, "full_load_hours_365d", households=False),
    "household_bill_class": lambda f: of_category(f, "bill_amount_mean_365d", households=True),
    "capacity_use_class": lambda f: f["capacity_utilisation"].where(f["capacity_utilisation"] < 2),
    "payment_punctuality": lambda f: f["late_share_365d"].where((f["billing_kind"] == "postpaid") & (f["bills_due_365d"] > 2)),
    "arrears_age": lambda f: f["days_outstanding"].where(f["arrears_amount"] > 0),
    "arrears_size": lambda f: f["arrears_months"].where(f["arrears_amount"] > 0),
}
"""What the bands cut, where that is not simply a feature."""


def tier(frame: pd.DataFrame) -> pd.Series:
    second, third = frame["tier_2_share_365d"], frame["tier_3_share_365d"]
    return pd.Series(np.select([third > 0, second > 0, second == 0], ["tier_3", "tier_2", "tier_1"], default=""), frame.index)


def season(frame: pd.DataFrame) -> pd.Series:
    span, summer, winter = (frame[name] for name in ("seasonal_amplitude_365d", "summer_ratio_365d", "winter_ratio_365d"))
    high = summer.ge(1.1).map({True: "S", False: ""}) + winter.ge(1.1).map({True: "W", False: ""})
    names = high.map({"SW": "double_peak", "S": "summer_peak", "W": "winter_peak"}).where(span.isna() | (span >= 0.3), "even")
    return names.where(names.notna(), span.notna().map({True: "other", False: ""}))


TEXTS: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "billed_tier": tier,
    "seasonal_pattern": season,
    "usual_payment_channel": lambda f: f["payment_channel"].where(f["payment_channel"] != "unheard_of"),
    "usual_online_channel": lambda f: f["interaction_channel"].where(f["interaction_channel"] != "unheard_of"),
    "current_interest": lambda f: f["product_interest"].where(f["product_interest"] != "unheard_of"),
}


def banded(tag: Tag, frame: pd.DataFrame) -> pd.Series:
    """Cut by pandas at the limits as they stand in the file."""
    family = next(name for name in WRITTEN if name in (tag.id, *(tag.id.replace(days, "{window}") for days in ("30", "90", "365"))))
    steps = WRITTEN[family]["bands"]["steps"]
    number = pd.to_numeric(NUMBERS[tag.id](frame) if tag.id in NUMBERS else frame[tag.features[0]])
    position = np.searchsorted([step["below"] for step in steps[:-1]], number.fillna(0), side="right")
    return pd.Series([steps[p]["value"] for p in position], frame.index).where(number.notna())


def growth(tag: Tag, frame: pd.DataFrame) -> pd.Series:
    change, days = tag.id.split("_")[1:]
    sign = {"rising": 1, "falling": -1}[change]
    growth = pd.to_numeric(frame[f"energy_growth_{days}"])
    known = growth.notna() | ~frame["is_open"].astype(bool)
    return ((sign * growth >= 0.2) & frame["is_open"].astype(bool)).map({True: "true", False: "false"}).where(known)


@pytest.mark.parametrize("tag", STATISTICAL, ids=lambda tag: tag.id)
def test_statistical_tags_are_what_pandas_says(tag: Tag, found: dict[str, dict[str, Any]]) -> None:
    oracle = banded if tag.definition.bands else growth if tag.value_type == "boolean" else None
    expected = (oracle(tag, RANDOM) if oracle else TEXTS[tag.id](RANDOM)).fillna("")
    values = [as_text(found[account][tag.id]) for account in RANDOM["account_id"]]
    assert values == expected.tolist()
    assert set(values) >= {*tag.values, *(["true", "false"] if tag.value_type == "boolean" else [])}


def test_the_library_is_complete() -> None:
    assert len(LIBRARY.tags) >= 160
    assert {tag.definition.category for tag in LIBRARY.tags} == set(get_args(Category))
    assert {tag.definition.kind for tag in LIBRARY.tags} == set(get_args(Kind))
    assert sum(tag.definition.kind == "derived" for tag in LIBRARY.tags) >= 25
    assert set(ALWAYS_THERE) <= set(LIBRARY.ids)


def test_no_tag_says_what_another_says() -> None:
    for distinct in ("text", "name_zh", "name_en", "description"):
        values = [getattr(tag.definition, distinct) for tag in LIBRARY.tags]
        assert sorted(v for v in values if values.count(v) > 1) == []


def test_care_follows_from_how_often_a_tag_is_computed() -> None:
    care = {(tag.definition.refresh, tag.definition.ttl_days) for tag in LIBRARY.tags}
    assert care == {("daily", 3), ("monthly", 40)}
    owners = {"marketing", "collection", "energy_service", "metering", "customer_service"}
    assert {tag.definition.owner for tag in LIBRARY.tags} == owners


def test_tags_that_could_harm_a_person_are_personal() -> None:
    """Whose home stands empty, who was or is suspected of theft, who cannot pay: left out of exports and profiles unless asked for."""
    personal = {tag.id for tag in LIBRARY.tags if tag.definition.sensitivity.value == "personal"}
    empty_homes = {"vacant_dwelling", "long_vacant_dwelling", "emptied_dwelling", "festival_absence", "absent_owner_homecoming"}
    of_empty_homes = {"leaving_signals", "life_cycle_stage", "meter_check_needed", "silent_customer", "valley_tariff_candidate"}
    of_strained = {"automatic_debit_candidate"}
    harmful = {*empty_homes, "past_theft", "theft_inspection_candidate", "financially_strained"}
    assert personal == {*harmful, *of_empty_homes, *of_strained}
    assert all(tag.definition.sensitivity.value in ("internal", "personal") for tag in LIBRARY.tags)


def test_no_tag_is_less_sensitive_than_one_it_reads() -> None:
    """Else the life-cycle stage `dormant` would tell on the profile page whose home stands empty."""
    order = list(Sensitivity)
    less = [
        f"{tag.id} reads {name}"
        for tag in LIBRARY.tags
        for name in tag.tags
        if order.index(tag.definition.sensitivity) < order.index(LIBRARY.tag(name).definition.sensitivity)
    ]
    assert less == []
