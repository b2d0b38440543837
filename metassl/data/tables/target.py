"""Which class each row of a table is of."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api import types

from metassl.errors import DataError, one_of

USUAL = ("class", "target", "label", "y")
MANY = 20  # different whole numbers that may still be classes
MOST = 100  # classes that all rows of a table are told apart by
UNKNOWN = -1


@dataclass(frozen=True)
class Target:
    """The classes of a table.

    Attributes:
        column: where they stand.
        names: C, in the order of the alphabet.
        labels: [n] 0..C-1, or UNKNOWN for a row without a class.
        left_out: names of classes with too few rows, whose rows are [n] True in `out`.
    """

    column: str
    names: list[str]
    labels: np.ndarray
    left_out: list[str]
    out: np.ndarray


def target_column(where: str, frame: pd.DataFrame, column: str | None) -> str:
    """The column that was named, or the one called class, target, label or y, or else the last."""
    if column is not None:
        if column not in frame.columns:
            raise DataError(one_of(f"dataset.source.target, column of {where}", column, frame.columns))
        return column
    usual = [name for name in frame.columns if name.strip().lower() in USUAL]
    return str(usual[0] if len(usual) == 1 else frame.columns[-1])


def read_target(where: str, values: pd.Series, least: int, most: int | None = MOST) -> Target:
    """The classes of a column.

    Args:
        where: the file, for messages.
        values: the column; missing ones are rows without a label.
        least: rows of a class; smaller ones are left out.
        most: classes; None: as many as there are.

    Raises:
        DataError: no row has a label, there is one class or too many of them, or the column holds values.
    """
    what = f"{where}, target '{values.name}'"
    present = values.dropna()
    if not len(present):
        raise DataError(
            f"{what}: found no row with a label, at least {least} of each of two classes are needed."
        )
    _check_classes(what, present)
    words = as_words(values)
    counts = words[values.notna()].value_counts()
    kept = sorted(str(name) for name in counts.index[counts >= least])
    left_out = sorted(str(name) for name in counts.index[counts < least])
    if len(kept) < 2:
        found = f"one class, '{kept[0]}'" if kept else f"no class of {least} rows"
        gone = f" beside {len(left_out)} of fewer than {least} rows" if left_out and kept else ""
        raise DataError(f"{what}: found {found}{gone}, at least 2 classes are needed.")
    if most is not None and len(kept) > most:
        raise DataError(
            f"{what}: found {len(kept)} classes, allowed are up to {most} for tasks of all of them; "
            "dataset.source.tasks=classes draws a few for each task."
        )
    place = {name: k for k, name in enumerate(kept)}
    known = values.notna().to_numpy()
    labels = np.array([place.get(w, UNKNOWN) if k else UNKNOWN for w, k in zip(words, known, strict=True)])
    return Target(str(values.name), kept, labels, left_out, known & (labels == UNKNOWN))


def as_words(values: pd.Series) -> pd.Series:
    """Each value as a word; whole numbers without a point, whatever type the file gave them."""
    if types.is_float_dtype(values):
        present = values.dropna()
        if len(present) and (present == present.round()).all():
            return values.map(lambda v: "" if pd.isna(v) else str(int(v)))
    return values.astype(object).where(values.notna(), "").astype(str).str.strip()


def _check_classes(what: str, present: pd.Series) -> None:
    different = present.nunique()
    if types.is_numeric_dtype(present) and not types.is_bool_dtype(present):
        whole = bool((present == present.round()).all())
        if not whole or different > max(MANY, len(present) // 10):
            raise DataError(
                f"{what}: found {different} different numbers in {len(present)} rows, from "
                f"{present.min():g} to {present.max():g}, which look like values to be predicted "
                "(regression); allowed is a column of classes."
            )
    if different > MANY and different == len(present):
        raise DataError(
            f"{what}: found a class of its own for each of {different} rows, allowed are classes."
        )
