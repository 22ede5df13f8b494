"""Writes the behaviour graph: `spark-submit … jobs/graph.py [OPTIONS]`, options as `gridlens graph run`."""

import sys

from gridlens.cli import main

if __name__ == "__main__" and (code := main(["graph", "run", *sys.argv[1:]])):
    sys.exit(code)
