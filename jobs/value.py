"""Values every account: `spark-submit … jobs/value.py [OPTIONS]`, options as `gridlens value run`."""

import sys

from gridlens.cli import main

if __name__ == "__main__" and (code := main(["value", "run", *sys.argv[1:]])):
    sys.exit(code)
