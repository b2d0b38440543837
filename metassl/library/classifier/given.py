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
        facts: of the learner's training, which say whether it is of pictures, and of what size.
        reset: True in `fit`, which says what the columns are.

    Raises:
        ValueError: no row, an infinite number, sparse or complex cells, or other columns than in `fit`;
            names that are not known come with the nearest that is. Pictures for a learner of vectors, or the
            other way round; one picture in place of several.
    """
    files = picture_list(x)
    given = as_rows(x) if files is None else read_pictures(files, facts)
    if isinstance(given, np.ndarray) and given.dtype.kind == "c":  # scikit-learn's own line shows them all
        raise InputError("X: Complex data not supported, allowed are real numbers.")
    if not isinstance(given, pd.DataFrame):
        given = check_array(
            given, dtype=None, ensure_all_finite="allow-nan", allow_nd=True, estimator=estimator,
            input_name="X",
        )  # fmt: skip
    else:
        _check_frame(given)
    if facts is not None:
        check_kind(given, facts)
    if not reset and facts is not None and facts.pictures is not None:
        return given  # of any size
    try:
        validate_data(estimator, given, reset=reset, skip_check_array=True)
    except ValueError as error:
        near = _nearest(estimator, given)
        raise ValueError(f"{error}{near}") from None
    return given


def check_kind(given: pd.DataFrame | NDArray[Any], facts: Facts) -> None:
    """Raises InputError for what is no pictures where the learner is of pictures, and the other way round."""
    pictures = facts.picture_shape is not None
    if (given.ndim > 2) != pictures:
        found, known = ("rows of numbers or words", "pictures") if pictures else ("pictures", "vectors")
        raise InputError(f"X: found {found}, the model was trained on {known}.")
    if pictures and given.ndim == 3 and given.shape[-1] in (1, 3):
        raise InputError(
            f"X: found shape {list(given.shape)}, which is one picture. Allowed are several, [n, h, w] or "
            "[n, h, w, c]: X[None]."
        )


def _check_frame(given: pd.DataFrame) -> None:
    rows, columns = given.shape
    if not rows or not columns:
        raise InputError(f"X: found {rows} rows and {columns} columns, at least 1 of each is needed.")
    twice = given.columns[given.columns.duplicated()]
    if len(twice):
        raise InputError(f"X: found the column '{twice[0]}' twice, allowed is each name once.")
    numbers = given.select_dtypes("number")
    endless = numbers.columns[np.isinf(numbers.to_numpy(dtype=float, na_value=np.nan)).any(axis=0)]
    if len(endless):
        raise InputError(
            f"X, column '{endless[0]}': found an infinite number, allowed are finite ones or none."
        )


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
