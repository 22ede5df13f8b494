"""Makes the collection list: `spark-submit … jobs/collection.py [OPTIONS]`, options as `gridlens collection run`."""

import sys

from gridlens.cli import main

if __name__ == "__main__" and (code := main(["collection", "run", *sys.argv[1:]])):
    sys.exit(code)
