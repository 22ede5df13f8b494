"""Every default rule has a row that breaks it and one that doesn't (rule_cases.yml)."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from gridlens.contracts.entities import ENTITIES
from gridlens.quality.rule_columns import defects_column
from gridlens.quality.rule_functions import any_present, required
from gridlens.quality.rules import load_rules
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType, TimestampType

RULES = load_rules([Path(__file__).resolve().parents[3] / "conf" / "rules"])
CASES = yaml.safe_load((Path(__file__).parent / "rule_cases.yml").read_text(encoding="utf-8"))
KNOWN_FROM = dt.datetime(2024, 3, 10, 8, 0, tzinfo=dt.UTC)


def schema_of(entity):
    fields = [StructField(f.name, f.data_type) for f in ENTITIES[entity][1]]
    return StructType([StructField("case", StringType()), *fields, StructField("known_from", TimestampType())])


def typed(value, kind):
    """A YAML value as the field's Spark type wants it."""
    if value is None:
        return None
    if isinstance(value, str) and value.startswith("x * "):
        return "x" * int(value[4:])
    if kind == "timestamp":
        moment = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.replace(tzinfo=dt.UTC)
    if kind.startswith("decimal"):
        return Decimal(str(value))
    return value


def rows_of(entity):
    good = {"known_from": KNOWN_FROM, **CASES[entity]["good"]}
    kinds = {f.name: f.type for f in ENTITIES[entity][1]} | {"known_from": "timestamp"}
    for case, change in CASES[entity].items():
        row = good if case == "good" else {**good, **change}
        assert row.keys() <= kinds.keys()
        yield (case, *(typed(row.get(name), kind) for name, kind in kinds.items()))
    yield ("nothing", *(None for _ in kinds))


def test_every_rule_has_a_case_and_every_case_a_rule():
    cases = {f"{entity}_{case}" for entity, found in CASES.items() for case in found if case != "good"}
    assert cases == {rule.id for rule in RULES.rules}


def test_every_required_field_and_every_closed_list_is_ruled():
    for entity, (_, fields, keys) in ENTITIES.items():
        required = {name for r in RULES.for_entity(entity) if r.function == "required" and r.severity == "reject" for name in r.fields}
        listed = {r.fields[0] for r in RULES.for_entity(entity) if r.function == "one_of" and r.severity == "reject"}
        needed = {f.name for f in fields if not f.nullable} | {"known_from"} | set(keys)
        assert required == needed
        assert listed == {f.name for f in fields if f.allowed}


@pytest.mark.parametrize("entity", list(ENTITIES))
def test_rules_of(spark, entity):
    rows = spark.createDataFrame(list(rows_of(entity)), schema_of(entity)).coalesce(1)
    judged = rows.select("case", defects_column(RULES, entity).alias("defects"))
    found = {row["case"]: row for row in judged.collect()}

    # Nulls are reported by the rules about presence alone, and fail no other.
    broken_by_nulls = {defect["rule"] for defect in found["nothing"]["defects"]}
    presence = {r.id for r in RULES.for_entity(entity) if r.function in ("required", "readable", "any_present")}
    assert broken_by_nulls == presence
    assert "reject" in {defect["severity"] for defect in found["nothing"]["defects"]}
    assert found["good"]["defects"] is None
    severities = {rule.id: rule.severity for rule in RULES.rules}
    for case in CASES[entity]:
        if case == "good":
            continue
        broken = {defect["rule"]: defect for defect in found[case]["defects"]}
        rule = f"{entity}_{case}"
        assert rule in broken, f"{case} broke {sorted(broken)}"
        assert broken[rule]["severity"] == severities[rule]


def test_details_name_the_value_but_never_a_personal_one(spark):
    rows = list(rows_of("customer"))
    df = spark.createDataFrame(rows, schema_of("customer")).where(F.col("case").isin("phone_form", "category_code", "required"))
    judged = df.select("case", defects_column(RULES, "customer").alias("d")).collect()
    details = {r["case"]: {d["rule"]: d["detail"] for d in r["d"]} for r in judged}
    assert details["phone_form"] == {"customer_phone_form": "phone=(personal)"}
    assert details["category_code"] == {"customer_category_code": "category=unknown"}
    assert details["required"] == {"customer_required": "party_id=null"}


def test_verdicts_and_details_do_not_depend_on_the_session_zone(spark):
    before = spark.conf.get("spark.sql.session.timeZone")
    answers = set()
    rows = [r for r in rows_of("payment") if r[0] in ("good", "paid_at_future", "paid_at_plausible")]
    try:
        for zone in ("UTC", "Australia/Sydney"):
            spark.conf.set("spark.sql.session.timeZone", zone)
            df = spark.createDataFrame(rows, schema_of("payment"))
            found = df.select("case", defects_column(RULES, "payment").cast("string").alias("d")).orderBy("case").collect()
            answers.add(tuple((r["case"], r["d"]) for r in found))
    finally:
        spark.conf.set("spark.sql.session.timeZone", before)
    assert len(answers) == 1
    assert "paid_at=2024-03-11T08:00:01Z" in str(answers)


def test_what_counts_as_no_value(spark):
    """Blanks are no required text, with anything behind them they are one; only null says that nothing is present."""
    texts = {"": True, "   ": True, " x": False, "!": False, "x ": False, None: True}
    rows = spark.createDataFrame(list(enumerate(texts)), "i int, name string")
    entity = {f.name: f for f in ENTITIES["customer"][1]}
    judged = rows.select(
        "name", required(entity, fields=("name",)).alias("missing"), any_present(entity, fields=("name",)).alias("absent")
    ).collect()
    assert {r["name"]: r["missing"] for r in judged} == texts
    assert {r["name"]: r["absent"] for r in judged} == {text: text is None for text in texts}
