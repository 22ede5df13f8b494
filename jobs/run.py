"""Runs the whole chain: `spark-submit … jobs/run.py [OPTIONS]`, options as `gridlens run`."""

import sys

from gridlens.cli import main

if __name__ == "__main__" and (code := main(["run", *sys.argv[1:]])):
    sys.exit(code)
