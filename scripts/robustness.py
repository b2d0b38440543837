"""A picture of the suite of robustness: accuracy against severity, a panel a kind, a line a pair.

    python scripts/robustness.py docs/assets/robustness.png

Reads the stored records of benchmarks/results/robustness. Intervals are Student's over the seeds, or, of one
seed, those over its test episodes.
"""

import sys
from collections.abc import Mapping
from math import isnan
from pathlib import Path

from matplotlib.axes import Axes

from metassl.experiments.suites.suite import Table
from metassl.experiments.suites.suite_file import read_suite
from metassl.outcomes.scores import ACCURACY
from metassl.reports.drawing import new_figure, save_png, wrapped
from metassl.reports.looks import Look, numbered_look
from metassl.reports.suites.records import Records, read_records
from metassl.reports.suites.verdicts import verdict
from metassl.shipped import suites_folder

SUITE = "robustness"
RESULTS = Path("benchmarks", "results", SUITE)
COLUMNS, WIDTH, HEIGHT = 3, 10.0, 8.6


def main(target: Path) -> None:
    """Draws the picture."""
    tables, records = read_suite(suites_folder(), SUITE).tables, read_records(RESULTS)
    looks = {row: numbered_look(place) for place, row in enumerate(tables[0].rows)}
    figure = new_figure(WIDTH, HEIGHT)
    axes = figure.subplots(-(-len(tables) // COLUMNS), COLUMNS, sharey=True)
    for axis, table in zip(axes.flat, tables, strict=False):
        draw(axis, table, records, looks)
    axes.flat[0].set_ylim(0, 102)  # an interval of three seeds may reach beyond what can be
    for row in axes:
        row[0].set_ylabel("accuracy in %")
    lines = axes.flat[0].get_legend_handles_labels()
    figure.legend(*lines, loc="outside lower center", ncols=4, fontsize="small")
    save_png(figure, target)


def draw(axis: Axes, table: Table, records: Records, looks: Mapping[str, Look]) -> None:
    """The panel of one table."""
    for place, row in enumerate(table.rows):
        found = [
            (float(column), verdict({}, records.get((table.name, row, column), {}), ACCURACY))
            for column in table.columns
        ]
        points = [(x, v.mean, v.ci if isnan(v.half_width) else v.half_width) for x, v in found if v.mean]
        if not points:
            continue
        x, y, half = zip(*points, strict=True)
        look = looks[row]
        spread = 0.008 * (float(table.columns[-1]) - float(table.columns[0]))
        beside = [value + (place - len(table.rows) / 2) * spread for value in x]
        axis.errorbar(
            beside, y, half, color=look.colour, linestyle=look.style, marker=look.marker, markersize=4,
            capsize=2, linewidth=1.2, label=row,
        )  # fmt: skip
    axis.set_title(table.name, fontsize="medium")
    axis.set_xlabel(wrapped(str(table.axis), 3.0, 8), fontsize="small")
    axis.set_xticks([float(column) for column in table.columns], table.columns)
    axis.grid(alpha=0.3)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__.strip())
        sys.exit(0 if sys.argv[1:] in (["-h"], ["--help"]) else 2)
    main(Path(sys.argv[1]))
