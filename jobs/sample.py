"""Writes the source files of a synthetic province: `spark-submit … jobs/sample.py [OPTIONS]`, options as `gridlens sample`."""

import sys

from gridlens.cli import main

if __name__ == "__main__" and (code := main(["sample", *sys.argv[1:]])):
    sys.exit(code)
