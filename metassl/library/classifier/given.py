"""What a caller gives as X, looked at as scikit-learn looks at it."""

from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data

from metassl.errors import InputError
from metassl.library.classifier.picture_list import picture_list, read_pictures
from metassl.trained.facts import Facts


def read_given(
    estimator: BaseEstimator, x: Any, facts: Facts | None, reset: bool = False
) -> pd.DataFrame | NDArray[Any]:
    """A frame as it is, and an array of all else; the columns are counted and compared by name.

    Args:
        estimator: keeps number and names of the columns.
        x: a frame, an array, a tensor or lists; 3 or 4 dimensions are pictures, and so is a list of files.
        facts: of the learner's training, which say of what size a picture of a file is to be.
        reset: True in `fit`, which says what the columns are.

    Raises:
        ValueError: no row, an infinite number, sparse or complex cells, or other columns than in `fit`;
            names that are not known come with the nearest that is.
    """
    files = picture_list(x)
    given = as_rows(x) if files is None else read_pictures(files, facts)
    if not isinstance(given, pd.DataFrame):
        given = check_array(
            given, dtype=None, ensure_all_finite="allow-nan", allow_nd=True, estimator=estimator,
            input_name="X",
        )  # fmt: skip
    else:
        _check_frame(given)
    try:
        validate_data(estimator, given, reset=reset, skip_check_array=True)
    except ValueError as error:
        near = _nearest(estimator, given)
        raise ValueError(f"{error}{near}") from None
    return given


def _check_frame(given: pd.DataFrame) -> None:
    rows, columns = given.shape
    if not rows or not columns:
        raise InputError(f"X: found {rows} rows and {columns} columns, at least 1 of each is needed.")
    twice = given.columns[given.columns.duplicated()]
    if len(twice):
        raise InputError(f"X: found the column '{twice[0]}' twice, allowed is each name once.")


def as_rows(x: Any) -> Any:
    """Frames as they are, tensors and lists as arrays; numbers among words stay numbers."""
    if hasattr(x, "detach"):
        return x.detach().cpu().numpy()
    if isinstance(x, list | tuple):
        array = np.asarray(x)
        return np.asarray(x, dtype=object) if array.dtype.kind in "US" else array
    return x


def _nearest(estimator: Any, given: Any) -> str:
    """A line for each column that `fit` has not met, with the nearest of those that are missing."""
    if not isinstance(given, pd.DataFrame) or not hasattr(estimator, "feature_names_in_"):
        return ""
    known = [str(name) for name in estimator.feature_names_in_]
    missing = [name for name in known if name not in given.columns]
    new = [str(name) for name in given.columns if name not in known]
    pairs = [(name, get_close_matches(name, missing, n=1)) for name in new]
    return "".join(f"Did you mean '{near[0]}' by '{name}'?\n" for name, near in pairs if near)
