"""Compacts the tables and removes files no longer used: `spark-submit … jobs/maintain.py [OPTIONS]`, options as `gridlens maintain`."""

import sys

from gridlens.cli import main

if __name__ == "__main__" and (code := main(["maintain", *sys.argv[1:]])):
    sys.exit(code)
