"""`python -m metassl`: the same as the console command `metassl`."""

import sys

from metassl.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
