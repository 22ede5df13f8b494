"""A scorecard and its likeness without Spark are promoted and rolled back together."""

from __future__ import annotations

import json
from pathlib import Path

from gridlens.pipelines.credit_cards import OF_SCORECARD, SPARK_FREE
from gridlens.pipelines.model_reads import promote_version, roll_back
from gridlens.settings import load_settings
from gridlens.tracking import Store
from pyspark.sql.types import DoubleType, StructField, StructType

CODE = Path(__file__).with_name("code_model.py")


def test_both_names_have_the_same_champion(tmp_path: Path) -> None:
    settings = load_settings("local", overrides={"root_dir": str(tmp_path)})
    store = Store.open(settings)
    data = tmp_path / "parameters.json"
    data.write_text(json.dumps({"value": 0.5}), encoding="utf-8")
    for _ in range(2):
        with store.run("grade") as run:
            run.log_code_model(CODE, {"parameters": data}, StructType([StructField("kwh", DoubleType())]))
            version = run.register()
        with store.run("grade" + SPARK_FREE) as run:
            run.log_code_model(CODE, {"parameters": data}, StructType([StructField("kwh", DoubleType())]))
            run.register(tags={OF_SCORECARD: version.version})

    def champions() -> tuple[int, str]:
        return store.version("grade").version, store.version("grade" + SPARK_FREE).tags[OF_SCORECARD]

    promote_version(settings, "grade", 1, "agreed")
    assert champions() == (1, "1")
    promote_version(settings, "grade", 2, "better")
    assert champions() == (2, "2")
    roll_back(settings, "grade")
    assert champions() == (1, "1")
