"""Computes the segments of all accounts: `spark-submit … jobs/segments.py [OPTIONS]`, options as `gridlens segments run`."""

import sys

from gridlens.cli import main

if __name__ == "__main__" and (code := main(["segments", "run", *sys.argv[1:]])):
    sys.exit(code)
