"""Which class each row is of, and which rows have none.

Legend: n rows, C classes.
"""

import warnings
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from metassl.data.tables.target import UNKNOWN
from metassl.errors import InputError

MEANS = "-1, None, NaN and an empty string mean unlabelled"


class Labels(NamedTuple):
    """The labels of a table.

    Attributes:
        classes: [C] as they were given, sorted.
        codes: [n] the place of each row's class among them; -1 for a row without a label.
    """

    classes: NDArray[Any]
    codes: NDArray[np.int64]

    @property
    def known(self) -> NDArray[np.bool_]:
        """[n] whether a row has a label."""
        return self.codes != UNKNOWN


def read_labels(y: Any, count: int) -> Labels:
    """Classes and codes of labels of any type.

    Args:
        y: [n] numbers, strings or truth values; see `is_labelled` for rows without one.
        count: n.

    Raises:
        ValueError: another form or number, no labelled row, or values that are no classes.
        InputError: of these; ValueErrors of scikit-learn come out as they are.
    """
    given = given_labels(y, count)
    known = is_labelled(given)
    if not known.any():
        raise InputError(f"y: found no labelled row among {count}, at least one of each class is needed.")
    present = of_one_type(given[known])
    if present.dtype.kind == "f" and np.isinf(present).any():
        raise InputError(f"y: found an infinite label, allowed are finite ones; {MEANS}.")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        check_classification_targets(present)
    classes, codes = _sorted(present)
    found = np.full(count, UNKNOWN, np.int64)
    found[known] = codes
    return Labels(classes, found)


def two_classes(labels: Labels) -> Labels:
    """The labels themselves, where there are at least two classes; else raises InputError."""
    if len(labels.classes) < 2:
        raise InputError(
            f"y: found one class, '{labels.classes[0]}', at least 2 classes are needed; {MEANS}."
        )
    return labels


def given_labels(y: Any, count: int) -> NDArray[Any]:
    """[n] labels as they were given, one for each row."""
    if y is None:
        raise InputError("y: requires y to be passed, but the target y is None.")
    given: NDArray[Any] = column_or_1d(y, warn=True)
    if len(given) != count:
        raise InputError(f"y: found {len(given)} labels for {count} rows, needed is one for each row.")
    return given


def of_one_type(y: NDArray[Any]) -> NDArray[Any]:
    """Labels among which None was, with the type that they have without it."""
    found: NDArray[Any] = pd.Series(y).infer_objects().to_numpy()
    return found


def is_labelled(y: NDArray[Any]) -> NDArray[np.bool_]:
    """[n] whether there is a label: neither -1, None, NaN nor an empty string.

    "-1" counts as -1, which numpy makes of a -1 among strings.
    """
    known: NDArray[np.bool_] = ~pd.isna(y)
    if y.dtype.kind in "iuf":
        return known & (y != UNKNOWN)
    if y.dtype.kind == "b":
        return known
    return known & np.array([not _says_nothing(value) for value in y], dtype=bool)


def _says_nothing(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip() in ("", str(UNKNOWN))
    return not isinstance(value, bool | np.bool_) and bool(value == UNKNOWN)


def _sorted(present: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    try:
        classes, codes = np.unique(present, return_inverse=True)
    except TypeError:
        kinds = sorted({type(value).__name__ for value in present})
        raise InputError(f"y: found labels of {' and '.join(kinds)}, allowed is one type.") from None
    return classes, codes.astype(np.int64)
