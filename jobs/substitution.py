"""Ranks who could change to electricity: `spark-submit … jobs/substitution.py [OPTIONS]`, options as `gridlens substitution run`."""

import sys

from gridlens.cli import main

if __name__ == "__main__" and (code := main(["substitution", "run", *sys.argv[1:]])):
    sys.exit(code)
