"""One small training against the store of the environment: ``model_training.py FOLDER VALUE``; the model gives VALUE."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gridlens.settings import load_settings
from gridlens.tracking import Store
from pyspark.sql.types import DoubleType, StructField, StructType

folder, value = Path(sys.argv[1]), float(sys.argv[2])
code = folder / f"code_{value}.py"
code.write_text(
    "import json, pathlib, mlflow\n"
    "class Constant(mlflow.pyfunc.PythonModel):\n"
    "    def load_context(self, context):\n"
    "        self.value = json.loads(pathlib.Path(context.artifacts['parameters']).read_text())['value']\n"
    "    def predict(self, context, model_input, params=None):\n"
    "        return [self.value] * len(model_input)\n"
    "mlflow.models.set_model(Constant())\n",
    encoding="utf-8",
)
data = folder / f"parameters_{value}.json"
data.write_text(json.dumps({"value": value}), encoding="utf-8")
store = Store.open(load_settings("local", overrides={"root_dir": str(folder / "root")}))
with store.run("arrears", params={"value": value}) as run:
    run.log_metrics({"auc": value})
    run.log_text("# Card\n", "model_card.md")
    run.log_code_model(code, {"parameters": data}, StructType([StructField("kwh", DoubleType())]))
    version = run.register()
store.promote("arrears", version.version, reason="test")
print(json.dumps({"run": run.run_id, "version": version.version}))
