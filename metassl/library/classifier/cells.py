"""The cells of a table as a frame: of an array, of lists, or of a frame of the caller's."""

from datetime import date
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from metassl.data.tables.columns import Said
from metassl.errors import CellError


def frame_of(x: pd.DataFrame | NDArray[Any]) -> pd.DataFrame:
    """The rows with names of columns that are strings; cells of no declared type get the one that they have.

    Raises:
        CellError: a cell that is neither a number, a word, a date nor missing.
    """
    frame = pd.DataFrame(x).copy(deep=False)
    frame.columns = [str(name) for name in frame.columns]
    for name in frame.columns:
        if frame[name].dtype == object:
            _check_cells(str(name), frame[name])
    return frame.infer_objects().reset_index(drop=True)


def said_by_type(x: Any) -> dict[str, Said]:
    """What the columns of an array of numbers are; those of others are found by their values."""
    numbers = isinstance(x, np.ndarray) and x.dtype.kind in "iufb"
    return {str(k): "numeric" for k in range(x.shape[1])} if numbers else {}


def _check_cells(name: str, cells: pd.Series) -> None:
    for cell in cells:
        if isinstance(cell, str | Real | bool | np.bool_ | date | np.datetime64) or cell is None:
            continue
        if not (pd.api.types.is_scalar(cell) and pd.isna(cell)):
            kind = type(cell).__name__
            raise CellError(
                f"X, column '{name}': found a {kind}, each argument must be a string, a number, a date or "
                "missing."
            )
