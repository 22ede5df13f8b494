"""Counts who left by month and cause: `spark-submit … jobs/churn.py hazard [OPTIONS]`, options as `gridlens churn`."""

import sys

from gridlens.cli import main

if __name__ == "__main__" and (code := main(["churn", *sys.argv[1:]])):
    sys.exit(code)
