"""Report a sweep or a single run: a Markdown table, a heat map and learning curves.

    python scripts/report.py outputs/multirun/2026-11-22_10-00-00 [--out FOLDER]
    python scripts/report.py suite=ren2018_omniglot   # stored results of a suite beside the published

Writes report.md, heatmap.png and curves.png into the sweep's folder or FOLDER, and prints the table
and the paths. Exit code 2 and one line on stderr for a missing folder or a broken file.
"""

import sys
from functools import partial
from pathlib import Path

from metassl.cli.command import run_command
from metassl.cli.report import report

if __name__ == "__main__":
    sys.exit(run_command(partial(report, root=Path(__file__).resolve().parent.parent)))
