"""Fits the credit scorecard, or grades by it: `spark-submit … jobs/credit.py train|grade [OPTIONS]`, options as `gridlens credit`."""

import sys

from gridlens.cli import main

if __name__ == "__main__" and (code := main(["credit", *sys.argv[1:]])):
    sys.exit(code)
