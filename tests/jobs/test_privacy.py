"""Names, telephone numbers and secrets stay where they belong (RELIABILITY 18, and 19's part on file statistics)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import world
from delta_files import rows
from delta_writer import put
from gridlens.contracts.tag import TAG_CATALOGUE, TAG_VALUE
from gridlens.pipelines import look
from gridlens.settings import Settings
from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
SECRET = "canary-Zq7Xv2Lm9"
PERSONAL = (world.PHONE, world.NAME, world.REJECTED_PHONE, world.REJECTED_NAME)
RESTRICTED = {
    "bronze/customer": PERSONAL,
    "silver/customer_identity": (world.PHONE, world.NAME),
    "silver/quarantine": (world.REJECTED_PHONE, world.REJECTED_NAME),
}
"""Where personal values may be, and which of them are."""
PRODUCTS = """
  - name: products
    entity: product
    kind: jdbc
    jdbc:
      url_env: CANARY_URL
      user_env: CANARY_USER
      password_env: CANARY_PASSWORD
      driver: org.apache.derby.iapi.jdbc.AutoloadedDriver
      query: >-
        SELECT 'D1' AS "id", 'Lamp' AS "name", 'smart_home' AS "kind", '2026-01-01' AS "since", '2026-02-01 00:00' AS "received"
        FROM SYSIBM.SYSDUMMY1
    key: [id]
    zone: Asia/Shanghai
    columns: {product_id: id, name_zh: name, category: kind, currency: {constant: CNY}, valid_from: since}
    known_from: {column: received}
"""


@dataclass(frozen=True)
class Trace:
    """What the job left: folder, screen and exit codes."""

    folder: Path
    screen: str
    codes: list[str]


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """The job in a process of its own, with secrets in its environment."""
    folder = tmp_path_factory.mktemp("private")
    world.write(folder / "in", {"customers/all.csv": world.FILES["customers/all.csv"]})
    people = world.define(folder, ["customers"]).read_text(encoding="utf-8") + PRODUCTS
    (folder / "people.yml").write_text(people, encoding="utf-8")
    (folder / "broken.yml").write_text("sources:" + PRODUCTS.replace("name: products", "name: elsewhere"), encoding="utf-8")
    (folder / "events").mkdir()
    spark = {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.compress": "false",
        "spark.eventLog.dir": (folder / "events").as_uri(),
        "spark.hadoop.fs.s3a.secret.key": SECRET,
    }
    secrets = {
        "GRIDLENS_SPARK": json.dumps(spark),
        "GRIDLENS_PSEUDONYM_KEY": SECRET,
        "GRIDLENS_MLFLOW_TRACKING_URI": f"postgresql://mlflow:{SECRET}@db/mlflow",
        "CANARY_URL": "jdbc:derby:memory:canary;create=true",
        "CANARY_USER": "reader",
        "CANARY_PASSWORD": SECRET,
    }
    script = str(Path(__file__).with_name("private_job.py"))
    done = subprocess.run(
        [sys.executable, script, str(folder)], env={**os.environ, **secrets}, cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    last = done.stdout.strip().splitlines()[-1].split()
    assert last[0] == "codes", done.stdout[-2000:]
    return Trace(folder, done.stdout + done.stderr, last[1:])


def test_the_jobs_did_what_they_should(trace: Trace) -> None:
    assert trace.codes[0] == "0"
    assert trace.codes[1] != "0"
    assert set(trace.codes[2:]) == {"0"}
    assert [row["product_id"] for row in rows(trace.folder / "warehouse" / "silver" / "product")] == ["D1"]


def test_no_personal_value_and_no_secret_in_screen_logs_and_events(trace: Trace) -> None:
    logs = [path for name in ("logs", "events") for path in (trace.folder / name).rglob("*") if path.is_file()]
    assert {"gridlens.log", "spark.log"} <= {path.name for path in logs}
    assert [path for path in logs if "events" in path.parts and path.stat().st_size > 10_000], "Spark wrote no event log"
    texts = {"screen": trace.screen} | {path.name: path.read_text(encoding="utf-8", errors="replace") for path in logs}
    assert [(name, canary) for name, text in texts.items() for canary in (*PERSONAL, SECRET) if canary in text] == []


def test_personal_values_are_in_the_restricted_tables_only(trace: Trace) -> None:
    found = {}
    for log in sorted((trace.folder / "warehouse").glob("*/*/_delta_log")):
        text = repr(rows(log.parent))
        hits = tuple(canary for canary in PERSONAL if canary in text)
        if hits:
            found[f"{log.parent.parent.name}/{log.parent.name}"] = hits
        assert SECRET not in text
    assert found == RESTRICTED


def test_no_personal_value_in_delta_logs_and_their_statistics(trace: Trace) -> None:
    logs = [path for path in (trace.folder / "warehouse").rglob("_delta_log/*") if path.is_file()]
    assert any(path.suffix == ".crc" for path in logs)
    values = [value.encode() for value in (*PERSONAL, SECRET)]
    assert [path.name for path in logs if any(value in path.read_bytes() for value in values)] == []
    stats = [
        json.loads(json.loads(line)["add"]["stats"])
        for path in (trace.folder / "warehouse" / "silver" / "customer_identity" / "_delta_log").glob("*.json")
        for line in path.read_text(encoding="utf-8").splitlines()
        if '"add"' in line
    ]
    named = {column for stat in stats for part in ("minValues", "maxValues", "nullCount") for column in stat.get(part, {})}
    assert not named & {"name", "phone", "address", "document_number", "birth_year"}


def test_rows_of_personal_tags_are_shown_to_who_may_see_them(settings: Settings, spark: SparkSession) -> None:
    """A tag is a column of tag_current_v1 and a row here. One of them is personal no longer; what it said then is."""
    told = [{"account_id": "A1", "tag_id": tag, "value_boolean": True} for tag in ("vacant_dwelling", "was_personal", "night_heavy_user")]
    put(settings, TAG_VALUE, told)
    put(settings, TAG_CATALOGUE, [{"tag_id": "was_personal", "sensitivity": "personal"}])
    seen = {personal: look.show(spark, settings, look.Selection("tag_value_v1", personal=personal)) for personal in (False, True)}
    assert [len(rows) for rows in seen.values()] == [1, 3]
    assert seen[False][0]["tag_id"] == "night_heavy_user"
