"""Computes trajectories, paths and stages: `spark-submit … jobs/trajectory.py [OPTIONS]`, options as `gridlens trajectory run`."""

import sys

from gridlens.cli import main

if __name__ == "__main__" and (code := main(["trajectory", "run", *sys.argv[1:]])):
    sys.exit(code)
