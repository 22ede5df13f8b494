"""Somebody with pyspark and mlflow, who has no gridlens: scores JSON frames of its input with a registered model."""

import json
import sys


class NoGridlens:
    """Whoever asks for gridlens is told that it is not there."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "gridlens":
            raise ModuleNotFoundError(f"{name} is not installed here")


sys.meta_path.insert(0, NoGridlens())

import mlflow  # noqa: E402
import pandas as pd  # noqa: E402

model = mlflow.pyfunc.load_model(sys.argv[1])
frames = json.loads(sys.stdin.read())
scores = [model.predict(pd.DataFrame(frame["data"], columns=frame["columns"])) for frame in frames]
print("scores", json.dumps([[float(score) for score in of_frame] for of_frame in scores]))
assert "gridlens" not in sys.modules
