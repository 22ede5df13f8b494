"""Checked expressions: what is allowed means what it says; everything else is refused before Spark sees it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from gridlens.errors import DefinitionError
from gridlens.expressions import MAX_LENGTH, Checked, check, checked
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

COLUMNS = {
    "a": "int",
    "amount": "decimal(18,2)",
    "energy": "double",
    "name": "string",
    "day": "date",
    "at": "timestamp",
    "flag": "boolean",
    "values": "array<double>",
}

MALICIOUS = [
    "reflect('java.lang.System', 'getenv', 'PATH')",
    "java_method('java.lang.Runtime', 'getRuntime')",
    "try_reflect('java.lang.System', 'exit', '1')",
    "name = reflect('java.lang.System', 'getProperty', 'user.home')",
    "if(flag, reflect('java.lang.System', 'exit', 1), 1)",
    "a in (select a from t)",
    "a = (select max(a) from t)",
    "exists(select 1 from csv.`/etc/passwd`)",
    "(select value from text.`/etc/passwd` limit 1) = 'x'",
    "a > all (select 1)",
    "a = any (select 1)",
    "select * from t",
    "drop table t",
    "a > 1; drop table t",
    "a > 1 union select 1",
    "with t as (select 1) select * from t",
    "set spark.sql.ansi.enabled = false",
    "insert into t values (1)",
    "create function f as 'x.Y'",
    "add jar '/tmp/x.jar'",
    "merge into t using s on t.a = s.a when matched then delete",
    "read_files('/etc/passwd') is not null",
    "input_file_name() = 'x'",
    "current_user() = 'x'",
    "current_user = 'x'",
    "current_date() > day",
    "current_date > day",
    "now() > at",
    "current_timestamp > at",
    "rand() > 0.5",
    "uuid() = name",
    "monotonically_increasing_id() = 1",
    "spark_partition_id() = 0",
    "java.lang.System.exit(1)",
    "`reflect`('java.lang.System', 'exit', 1)",
    "system.builtin.reflect('a', 'b')",
    "REFLECT('a', 'b')",
    "transform(values, x -> reflect('a', 'b'))",
    "filter(values, x -> x > 1)",
    "aggregate(values, 0, (x, y) -> x + y)",
    "explode(values)",
    "sum(a) over ()",
    "sum(a) > 1",
    "count(*) > 1",
    "count(distinct a) > 1",
    "name rlike '(a+)+$'",
    "regexp_replace(name, '(a+)+$', '')",
    "name like '%%%%%%%%%%%%%%%%a'",
    "name like 'a\\\\x'",
    "name like any ('a', 'b')",
    "a::binary = a",
    "cast(a as array<int>) is null",
    "cast(values as string) = 'x'",
    "from_json(name, 'a int') is null",
    "schema_of_json(name) = 'x'",
    "xpath(name, '/a') is null",
    "parse_url(name, 'HOST') = 'x'",
    "url_decode(name) = 'x'",
    "aes_decrypt(name, 'k') is null",
    "secret('scope', 'key') = 'x'",
    "http_request(conn => 'x') is null",
    "ai_query('m', name) = 'x'",
    "assert_true(flag) is null",
    "raise_error('x') is null",
    "repeat(name, 1000000000) = 'x'",
    "sequence(1, 1000000000) is null",
    "space(2000000000) = name",
    "lpad(name, 2000000000, 'x') = 'x'",
    "t.a = 1",
    "a.*",
    "*",
    "values[0] > 1",
    "a -> 'x'",
    "a:b = 1",
    ":parameter = 1",
    "? = 1",
    "@x = 1",
    "{{ a }} = 1",
    "${env.PATH} = 'x'",
    "a as b",
    "(a, flag)",
    "interval 1 day > interval 2 day",
    "x'1F' = name",
    "r'x' = name",
    "a & 1 = 1",
    "a ^ 1 = 1",
    "~a = 1",
    "a = 1 -- comment\n; select 1",
    "a == 1 /*+ broadcast(t) */ union all select 2",
    "a between (select 1) and 2",
    "case when (select true) then 1 end = 1",
    "cast((select 1) as int) = 1",
    "coalesce(a, (select 1)) = 1",
    "a = 1e999",
    "a = 99999999999999999999",
    "name = 'unclosed",
    "a = 1 or",
    "",
    "   ",
    ";",
]


@pytest.mark.parametrize("expression", MALICIOUS)
def test_malicious_expressions_are_refused_without_spark(expression: str) -> None:
    with pytest.raises(DefinitionError, match=r"^tags\.yml line 3: the expression ") as caught:
        check(expression, COLUMNS, "tags.yml line 3")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 1500 + "a" + ")" * 1500,
        "not " * 900 + "flag",
        "- " * 1500 + "a > 0",
        "a = 1 or " * 300 + "flag",
        "case when flag then " * 190 + "1",
        "abs(" * 900 + "a" + ")" * 900,
        "a > 1 and " * MAX_LENGTH + "flag",
        "a in (" + "1," * 700 + "1)",
    ],
    ids=["parentheses", "not", "minus", "or", "case", "calls", "long", "list"],
)
def test_size_and_depth_are_capped(expression: str) -> None:
    with pytest.raises(DefinitionError, match=r"nested|characters long|parts|cannot be read"):
        check(expression, COLUMNS, "x")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("enery > 1", "reads the unknown column enery; did you mean energy?"),
        ("zzz > 1", "reads the unknown column zzz; there are a, amount, at, day, energy, flag, name, values"),
        ("foo(a) = 1", "calls the function foo, which is not allowed; allowed are abs, "),
        ("abs(a, a) = 1", "calls abs with 2 argument(s), it takes 1"),
        ("a > 'x'", "compares a number with a text"),
        ("name > 5", "compares a text with a number"),
        ("name + 1 = 2", "gives ADD a text where a number is expected"),
        ("a and flag", "gives AND a number where a boolean is expected"),
        ("name = null", "compares with NULL, which is never true; use IS NULL or IS NOT NULL"),
        ("day > '2026-02-30'", "has '2026-02-30' where a date in ISO 8601 is expected"),
        ("name = 'it''s'", "two texts side by side"),
        ("case when flag then 1 else 'x' end = 1", "mixes number and text in CASE"),
        ("cast(a as binary) is null", "casts to binary, which is not allowed"),
    ],
)
def test_a_refusal_says_what_is_wrong(expression: str, message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        check(expression, COLUMNS, "option --where")
    assert message in str(caught.value)


def test_the_wanted_family_is_checked() -> None:
    assert check("a > 1", COLUMNS, "x", family="boolean").columns == {"a"}
    with pytest.raises(DefinitionError, match="gives a number, expected a boolean"):
        check("a + 1", COLUMNS, "option --where", family="boolean")


TOKENS = """
a energy name day at flag values nope ( ) ( ) , ; . -> => :: || <=> = <> < > + - * / % ~ & | ^ ! ? @ $ { } [ ] ` ' " -- /* */ \\
0 1 2.5 1e3 1e999 'x' '2026-01-01' "y" null true false and or not in is like rlike between case when then else end cast as int
string select from where exists any all over union drop table reflect if coalesce abs size current_date interval date lateral
explode struct array map with values filter transform sum count distinct 界 \x00
"""


@given(st.lists(st.sampled_from(TOKENS.split()), min_size=1, max_size=25).map(" ".join) | st.text(max_size=60))
@hypothesis_settings(max_examples=50, deadline=None)
def test_any_text_is_either_checked_or_refused_in_one_sentence(text: str) -> None:
    try:
        outcome: Checked | str = check(text, COLUMNS, "x")
    except DefinitionError as error:
        outcome = str(error)
    if isinstance(outcome, Checked):
        assert outcome.columns <= set(COLUMNS)
    else:
        assert outcome.startswith("x: the expression ")


ROWS: list[dict[str, Any]] = [
    {"a": 1, "energy": 0.5, "name": "1' or '1'='1", "day": dt.date(2026, 2, 17), "flag": True, "values": [1.0, None]},
    {"a": 0, "energy": -2.0, "name": "10%_x", "day": dt.date(2025, 12, 31), "flag": False, "values": []},
    {"a": None, "energy": None, "name": None, "day": None, "flag": None, "values": None},
    {"a": 7, "energy": 1e9, "name": "abc", "day": dt.date(2024, 2, 29), "flag": True, "values": [0.0]},
]
MEANINGS = [  # expression, rows (by position) for which it holds
    ("name = \"1' or '1'='1\"", [0]),
    ("name = '1\\' or \\'1\\'=\\'1'", [0]),
    ("name in ('abc', \"1' or '1'='1\")", [0, 3]),
    ("name not in ('abc')", [0, 1]),
    ("name like '10\\\\%\\\\_x'", [1]),
    ("name not like 'a%'", [0, 1]),
    ("a / 0 is null", [0, 1, 2, 3]),
    ("1 / a > 0", [0, 3]),
    ("9223372036854775807 + a is null", [0, 2, 3]),
    ("cast(name as double) is null", [0, 1, 2, 3]),
    ("try_cast(name as double) is null", [0, 1, 2, 3]),
    ("energy between -2 and 0.5", [0, 1]),
    ("energy not between -2 and 0.5", [3]),
    ("not flag", [1]),
    ("flag is not true", [1, 2]),
    ("flag is null or a = 7", [2, 3]),
    ("a = 0 and flag or a = 1", [0]),
    ("a = 1 or a = 0 and flag", [0]),
    ("-a < 0", [0, 3]),
    ("a % 2 = 1", [0, 3]),
    ("(a + 1) * 2 - 2 = a * 2", [0, 1, 3]),
    ("day >= '2025-12-31'", [0, 1]),
    ("day > date '2025-12-31'", [0]),
    ("'2024-02-29' = day", [3]),
    ("year(day) = 2026 and month(day) = 2 and day(day) = 17", [0]),
    ("datediff(date_add(day, 10), day) = 10 and last_day(day) = day", [1, 3]),
    ("coalesce(a, -1) = -1", [2]),
    ("nullif(a, 0) is null", [1, 2]),
    ("if(flag, a, 100) = 100", [1, 2]),
    ("case when a > 5 then 'big' when a > 0 then 'small' else 'none' end = 'none'", [1, 2]),
    ("case a when 7 then true else false end", [3]),
    ("upper(substring(name, 1, 2)) = 'AB' and length(name) = 3", [3]),
    ("concat(name, '!') = 'abc!'", [3]),
    ("contains(name, '%') and startswith(name, '10')", [1]),
    ("greatest(a, 3) = 7 or least(a, 0) = 0 and energy < 0", [1, 3]),
    ("round(energy, 0) = floor(energy)", [1, 3]),
    ("size(`values`) = 0", [1]),
]


@pytest.mark.spark
def test_allowed_expressions_mean_what_sql_says(spark: SparkSession) -> None:
    schema = ", ".join(f"`{c}` {COLUMNS[c]}" for c in ("a", "energy", "name", "day", "flag", "values"))
    rows = [(i, *row.values()) for i, row in enumerate(ROWS)]
    df = spark.createDataFrame(rows, f"i int, {schema}")
    columns = [checked(text, df.schema, "x").alias(f"e{k}") for k, (text, _) in enumerate(MEANINGS)]
    found = df.select("i", *columns).orderBy("i").collect()
    wrong = {text: got for k, (text, want) in enumerate(MEANINGS) if (got := [r["i"] for r in found if r[f"e{k}"]]) != want}
    assert not wrong


@pytest.mark.spark
def test_moments_are_utc_whatever_the_session_zone(spark: SparkSession) -> None:
    df = spark.createDataFrame([(1,)], "x int").selectExpr("timestamp_seconds(1771286400) AS at")  # 2026-02-17T00:00:00Z
    before = spark.conf.get("spark.sql.session.timeZone")
    try:
        for zone in ("UTC", "Asia/Shanghai"):
            spark.conf.set("spark.sql.session.timeZone", zone)
            for text in (
                "at = '2026-02-17T00:00:00'",
                "at = timestamp '2026-02-17 08:00:00+08:00'",
                "at >= '2026-02-17' and at < '2026-02-18'",
            ):
                assert df.where(checked(text, df.schema, "x")).count() == 1, (zone, text)
    finally:
        spark.conf.set("spark.sql.session.timeZone", before)
