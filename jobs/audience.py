"""Builds snapshots of audiences: `spark-submit … jobs/audience.py [OPTIONS]`, options as `gridlens audience build`."""

import sys

from gridlens.cli import main

if __name__ == "__main__" and (code := main(["audience", "build", *sys.argv[1:]])):
    sys.exit(code)
