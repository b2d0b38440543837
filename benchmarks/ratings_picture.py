"""Draws what benchmarks.recommendation stored: errors on new users against the number of their ratings.

    python -m benchmarks.ratings_picture FILE.json PICTURE.png

Each line is a method's mean absolute error less that of biases, paired over the test users, below 0 where the
errors are smaller; with 95% intervals. Solid with unlabelled items, dashed without.
"""

import re
import sys
from pathlib import Path

import numpy as np

from metassl.evaluation.intervals import over_seeds
from metassl.files import read_json
from metassl.reports.drawing import new_figure, save_png
from metassl.reports.looks import COLOURS, FAINT

CELL = re.compile(r"new users, known items, K=(\d+)")
CONTROL = "bias"
LINES = {  # method -> its words, whether it has unlabelled items
    "anil": ("anil", False),
    "anil_consistency": ("anil, ssl=consistency", True),
    "cnaps": ("cnaps", False),
    "melu_1": ("melu_1", False),
    "nearest_task": ("nearest_task", False),
    "ridge on bias": ("ridge on what biases leave", False),
}


def main(stored: Path, picture: Path) -> None:
    """Writes the picture."""
    cells = read_json(stored)["cells"]
    shots = {int(cell[1]): name for name in cells if (cell := CELL.fullmatch(name))}
    figure = new_figure(6.4, 3.8)
    axes = figure.subplots()
    axes.axhline(0, color=FAINT, linewidth=1)
    for place, (method, (words, with_u)) in enumerate(LINES.items()):
        found = [
            over_seeds(-_paired(cells[shots[k]]["found"][CONTROL], cells[shots[k]]["found"][method]))
            for k in sorted(shots)
        ]
        axes.errorbar(
            [k * (1 + 0.02 * (place - 2.5)) for k in sorted(shots)],
            [each.mean for each in found],
            [each.half_width for each in found],
            label=words,
            color=COLOURS[place % len(COLOURS)],
            linestyle="-" if with_u else "--",
            marker="o",
            markersize=4,
            capsize=2,
        )
    axes.set(xscale="log", xlabel="K, ratings of a new user", ylabel="absolute error, less that of biases")
    axes.set_xticks(sorted(shots), [str(k) for k in sorted(shots)])
    axes.minorticks_off()
    axes.legend(fontsize=8, frameon=False)
    save_png(figure, picture)


def _paired(control: dict[str, list[float]], method: dict[str, list[float]]) -> np.ndarray:
    """How much smaller the errors are than the control's, a number for each user."""
    return np.array(control["mae"]) - np.array(method["mae"])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
