"""Ingests from a database several times in one process: ``jdbc_job.py FOLDER STEP…``, a step a definition's name or SQL for psql."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from gridlens.cli import main
from gridlens.cli_options import session
from gridlens.settings import load_settings

folder, steps = sys.argv[1], sys.argv[2:]
with session(load_settings("local", overrides={"root_dir": folder})):
    for step in steps:
        if step.endswith(".yml"):
            code = main(["ingest", "--json", "--sources", f"{folder}/{step}", "--root", folder, "--root-dir", folder])
            print(f"code {code}", flush=True)
        else:
            subprocess.run([*json.loads(os.environ["PSQL"]), "-c", step], check=True)
