"""Brings the tables' schemas up to this version: `spark-submit … jobs/migrate.py [OPTIONS]`, options as `gridlens migrate`."""

import sys

from gridlens.cli import main

if __name__ == "__main__" and (code := main(["migrate", *sys.argv[1:]])):
    sys.exit(code)
