"""Computes the tags of all accounts: `spark-submit … jobs/tags.py [OPTIONS]`, options as `gridlens tags run`."""

import sys

from gridlens.cli import main

if __name__ == "__main__" and (code := main(["tags", "run", *sys.argv[1:]])):
    sys.exit(code)
