"""Meta-test a run again: python scripts/evaluate.py run=outputs/<when> evaluation.episodes=2000."""

import sys

from metassl.cli.evaluate import evaluate_run
from metassl.errors import UserError

if __name__ == "__main__":
    try:
        evaluate_run(sys.argv[1:])
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
