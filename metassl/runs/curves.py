"""Reads the learning curves that a run logged."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from metassl.errors import DataError

LAST = 1 << 53  # the largest step that a number of a csv file tells exactly


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
    rows = read_rows(path)
    points: dict[str, dict[int, float]] = {}
    for index, row in enumerate(rows):
        try:
            step = step_of(row.pop("step"))
            logged = {name: float(cell) for name, cell in row.items() if cell and name}
        except (KeyError, ValueError) as error:
            if index == len(rows) - 1:  # a run killed while it wrote leaves half a row
                break
            raise DataError(f"{path}: row {index + 1} lacks a number ({error}).") from error
        for name, value in logged.items():
            points.setdefault(name, {})[step] = value
    return {name: _curve(values) for name, values in points.items()}


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a metrics.csv as they are. Raises DataError for what is no table."""
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as lines:
            return list(csv.DictReader(lines, restkey="", restval=""))
    except (OSError, csv.Error) as error:
        raise DataError(f"{path}: can't be read as csv ({error}).") from None


def step_of(cell: str) -> int:
    """The step in a cell. Raises ValueError where it is none."""
    step = float(cell)
    if not 0 <= step < LAST or not step.is_integer():
        raise ValueError(f"no step: {cell[:40]}")
    return int(step)


def _curve(values: Mapping[int, float]) -> Curve:
    steps = sorted(values)
    return Curve(np.array(steps, dtype=np.int64), np.array([values[step] for step in steps]))
