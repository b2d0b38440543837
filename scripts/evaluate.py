"""Meta-test a run again: python scripts/evaluate.py run=outputs/<when> evaluation.episodes=2000."""

import sys

from metassl.cli.command import run_command
from metassl.cli.evaluate import evaluate_run

if __name__ == "__main__":
    sys.exit(run_command(evaluate_run))
