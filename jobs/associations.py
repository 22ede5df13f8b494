"""Finds association rules: `spark-submit … jobs/associations.py [OPTIONS]`, options as `gridlens associations run`."""

import sys

from gridlens.cli import main

if __name__ == "__main__" and (code := main(["associations", "run", *sys.argv[1:]])):
    sys.exit(code)
