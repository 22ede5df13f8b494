"""Computes opinions, estimates and load shapes: `spark-submit … jobs/features.py [OPTIONS]`, options as `gridlens features`."""

import sys

from gridlens.cli import main

if __name__ == "__main__" and (code := main(["features", *sys.argv[1:]])):
    sys.exit(code)
