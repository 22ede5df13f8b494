"""Trains a model, judges it out of time and registers it: `spark-submit … jobs/train.py NAME [OPTIONS]`, options as `gridlens train`."""

import sys

from gridlens.cli import main

if __name__ == "__main__" and (code := main(["train", *sys.argv[1:]])):
    sys.exit(code)
