"""Loads what is new at the sources: `spark-submit … jobs/ingest.py [OPTIONS]`, options as `gridlens ingest`."""

import sys

from gridlens.cli import main

if __name__ == "__main__" and (code := main(["ingest", *sys.argv[1:]])):
    sys.exit(code)
