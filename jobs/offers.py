"""Chooses the next best offers: `spark-submit … jobs/offers.py [OPTIONS]`, options as `gridlens offers run`."""

import sys

from gridlens.cli import main

if __name__ == "__main__" and (code := main(["offers", "run", *sys.argv[1:]])):
    sys.exit(code)
