"""Loads people and a JDBC source with Spark's event log on, then looks at everything a user can look at: ``private_job.py FOLDER``."""

from __future__ import annotations

import os
import sys

from gridlens.cli import main
from gridlens.cli_options import session
from gridlens.logs import set_up_logging
from gridlens.settings import load_settings

folder, place = sys.argv[1], ["--root-dir", sys.argv[1]]
settings = load_settings("local", overrides={"root_dir": folder})
set_up_logging(settings)
with session(settings):
    codes = [main(["ingest", "--sources", f"{folder}/people.yml", "--root", f"{folder}/in", *place])]
    os.environ["CANARY_URL"] = f"jdbc:derby:/no/such/place;user=reader;password={os.environ['CANARY_PASSWORD']}"
    codes.append(main(["ingest", "--sources", f"{folder}/broken.yml", "--root", f"{folder}/in", *place]))
    for look in (
        ["quality"],
        ["runs", "--json"],
        ["show", "customer_identity"],
        ["show", "quarantine"],
        ["show", "bronze.customer", "--json"],
    ):
        codes.append(main([*look, *place]))
print("codes", *codes)
