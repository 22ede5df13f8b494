"""Searches for abnormal usage: `spark-submit … jobs/anomalies.py [OPTIONS]`, options as `gridlens anomalies run`."""

import sys

from gridlens.cli import main

if __name__ == "__main__" and (code := main(["anomalies", "run", *sys.argv[1:]])):
    sys.exit(code)
