"""Draws what benchmarks.office_caltech stored: a row for each method, a column for each pair of domains.

python -m benchmarks.office_picture FILE.json PICTURE.png
"""

import sys
from pathlib import Path

import numpy as np

from metassl.files import read_json
from metassl.reports.heat_maps import HeatMap, Sides, draw_heat_maps


def main(stored: Path, picture: Path) -> None:
    """Writes the picture."""
    found = read_json(stored)
    columns = [f"{pair[0]} to {pair[1]}" for pair in found["pairs"]]
    rows = list(found["methods"])
    values = np.array([found["methods"][name]["accuracy"] for name in rows])
    best = {(rows[int(row)], columns[k]) for k, row in enumerate(values.argmax(axis=0))}
    sides = Sides(rows, columns, "method", "source and target")
    grid = HeatMap(
        values, "accuracy on the target in %; the best of a pair is framed", False, ".1f", 1.0, framed=best
    )
    draw_heat_maps(sides, [grid], picture, "Office-Caltech10, full source", set())


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
