"""Reads the learning curves that a run logged."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from metassl.errors import DataError


class Curve(NamedTuple):
    """One metric over training: the steps at which it was logged (ascending) and its values there."""

    steps: NDArray[np.int64]
    values: NDArray[np.float64]


def read_curves(path: Path) -> dict[str, Curve]:
    """The curve of each metric in a metrics.csv. Raises DataError for a broken file.

    A run killed early has no such file, which is no error: it has no curves.
    """
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8", errors="replace") as lines:
        rows = list(csv.DictReader(lines, restkey="", restval=""))
    points: dict[str, dict[int, float]] = {}
    for index, row in enumerate(rows):
        try:
            step = int(float(row.pop("step")))
            logged = {name: float(cell) for name, cell in row.items() if cell and name}
        except (KeyError, ValueError) as error:
            if index == len(rows) - 1:  # a run killed while it wrote leaves half a row
                break
            raise DataError(f"{path}: row {index + 1} lacks a number ({error}).") from error
        for name, value in logged.items():
            points.setdefault(name, {})[step] = value
    return {name: _curve(values) for name, values in points.items()}


def _curve(values: Mapping[int, float]) -> Curve:
    steps = sorted(values)
    return Curve(np.array(steps, dtype=np.int64), np.array([values[step] for step in steps]))
