"""Register readings and metering points out of a real PostgreSQL: read in parts, accounted, corrected; a wrong password is one sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import postgres
import pytest
from delta_files import rows

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]
CREATE = """
CREATE TABLE points (id text, account text, meter text, capacity numeric, ct numeric, since date);
INSERT INTO points VALUES ('P1', 'A1', 'M1', 50, 20, '2024-01-01'), ('P2', 'A2', 'M2', 8, 1, '2024-01-01');
CREATE TABLE readings (n int, point text, meter text, day date, total numeric(18,3), read_at timestamptz);
INSERT INTO readings
  SELECT 2 * d + p, 'P' || p, 'M' || p, date '2026-01-01' + d, 100 * p + d * 1.125, timestamptz '2026-01-02 01:00+08' + d * interval '1 day'
  FROM generate_series(0, 299) d, generate_series(1, 2) p;
INSERT INTO readings VALUES (3, 'P1', 'M1', '2026-01-02', 101.125, '2026-01-03 01:00+08');
INSERT INTO readings VALUES (900, 'P1', 'M1', '2026-10-30', -5, '2026-10-31');
"""
"""600 readings of two meters, one of them twice, and a negative one."""
CHANGE = """
UPDATE readings SET total = 777.5, read_at = '2026-11-02 09:00+08' WHERE point = 'P2' AND day = '2026-01-11';
INSERT INTO readings VALUES (901, 'P2', 'M2', '2026-10-28', 999, '2026-10-29 01:00+08')
"""
DEFINITION = """
sources:
  - name: db_points
    entity: supply_point
    kind: jdbc
    jdbc: {url_env: DB_URL, user_env: DB_USER, password_env: DB_PASSWORD, query: SELECT * FROM points}
    key: [id]
    zone: Asia/Shanghai
    columns:
      metering_point_id: id
      account_id: account
      meter_id: meter
      feeder_id: {constant: F1}
      area_id: {constant: A}
      voltage_level: {constant: 0.38kV}
      contract_capacity_kva: capacity
      ct_ratio: ct
      pt_ratio: {constant: "1"}
      valid_from: since
    known_from: {days_after: 0}
  - name: db_readings
    entity: meter_register
    kind: jdbc
    jdbc:
      url_env: DB_URL
      user_env: DB_USER
      password_env: DB_PASSWORD
      query: SELECT n, point, meter, day, total, read_at FROM readings
      partition_column: n
      lower: "1"
      upper: "600"
      partitions: 3
    key: [point, day]
    zone: Asia/Shanghai
    columns:
      metering_point_id: point
      meter_id: meter
      channel: {constant: 1.8.0}
      read_date: day
      read_kind: {constant: scheduled}
      reading_total: total
    known_from: {column: read_at}
"""


@dataclass(frozen=True)
class Told:
    """What the job left: folder, its ingests as reported, exit codes, standard error, and the queries that the server saw."""

    folder: Path
    reports: list[dict]
    codes: list[int]
    err: str
    queries: list[str]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Loaded, loaded again, changed, loaded again, and asked with a password that is wrong."""
    folder = tmp_path_factory.mktemp("jdbc")
    (folder / "db.yml").write_text(DEFINITION, encoding="utf-8")
    (folder / "shut.yml").write_text(DEFINITION.replace("DB_PASSWORD", "DB_WRONG").replace("db_", "shut_"), encoding="utf-8")
    with postgres.server() as server:
        server.run(CREATE)
        environment = {
            **os.environ,
            "DB_URL": server.url,
            "DB_USER": "reader",
            "DB_PASSWORD": postgres.PASSWORD,
            "DB_WRONG": "guessed",
            "PGPASSWORD": postgres.PASSWORD,
            "PSQL": json.dumps(server.client),
            "GRIDLENS_SPARK": json.dumps({"spark.jars": str(server.driver)}),
        }
        steps = ["db.yml", "db.yml", CHANGE, "db.yml", "shut.yml"]
        script = str(Path(__file__).with_name("jdbc_job.py"))
        done = subprocess.run(
            [sys.executable, script, str(folder), *steps], env=environment, capture_output=True, text=True, timeout=500, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        queries = server.queries()
    return Told(folder, *_parsed(done.stdout), done.stderr, queries)


def _parsed(out: str) -> tuple[list[dict], list[int]]:
    """The JSON of each ingest and its exit code."""
    first, *rest = out.split("code ")
    reports, codes = [first], []
    for part in rest:
        code, _, report = part.partition("\n")
        codes.append(int(code))
        reports.append(report)
    return [json.loads(text) for text in reports if text.strip()], codes


def accounts(report: dict) -> dict[str, tuple[int, ...]]:
    names = ("row_count", "accepted", "superseded", "duplicate", "quarantined")
    return {batch["source"]: tuple(batch["account"][name] for name in names) for batch in report["loaded"]}


def test_every_row_of_the_query_is_accounted_for(told: Told) -> None:
    assert told.codes[:3] == [0, 0, 0]
    assert accounts(told.reports[0]) == {"db_points": (2, 2, 0, 0, 0), "db_readings": (602, 600, 0, 1, 1)}
    quarantined = rows(told.folder / "warehouse" / "silver" / "quarantine")
    assert len(quarantined) == 2, "in the first load and in the one after the change"
    for row in quarantined:
        assert row["_locator"] == "db_readings:point=P1,day=2026-10-30"
        assert row["defects"][0]["rule"] == "meter_register_reading_total_negative"


def test_what_did_not_change_is_known(told: Told) -> None:
    assert told.reports[1]["loaded"] == []


def test_a_changed_table_is_loaded_and_only_the_change_is_new(told: Told) -> None:
    assert accounts(told.reports[2]) == {"db_readings": (603, 2, 0, 600, 1)}
    versions = [row for row in rows(told.folder / "warehouse" / "silver" / "register_reading") if str(row["read_date"]) == "2026-01-11"]
    found = sorted((row["metering_point_id"], row["reading_total"]) for row in versions)
    assert found == [("P1", Decimal("111.250")), ("P2", Decimal("211.250")), ("P2", Decimal("777.500"))]


def test_the_query_is_read_in_its_parts(told: Told) -> None:
    parts = {
        query.split("WHERE", 1)[1].strip() for query in told.queries if "readings) q" in query and "WHERE" in query and "1=0" not in query
    }
    assert len([part for part in parts if '"n" <' in part or '"n" >=' in part]) == 3, sorted(parts)


def test_a_wrong_password_is_one_sentence(told: Told) -> None:
    assert told.codes[3] != 0
    (sentence,) = [line for line in told.err.splitlines() if line.startswith("gridlens: ")]
    assert sentence.startswith("gridlens: source shut_points: the database does not answer, or refuses user or password")
    assert "guessed" not in told.err
    assert "Traceback" not in told.err
    assert "at org." not in told.err
