"""Scores every account by the champion of a model: `spark-submit … jobs/score.py NAME [OPTIONS]`, options as `gridlens score`."""

import sys

from gridlens.cli import main

if __name__ == "__main__" and (code := main(["score", *sys.argv[1:]])):
    sys.exit(code)
