"""A table as numbers: its rows by class, encoded by what tasks may see of it.

Legend: n rows, d numbers of a row, C classes, P parts of the rows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metassl.data.pool import SPLITS
from metassl.data.tables.columns import READ, Column, Said, found_columns, summary
from metassl.data.tables.encoding import Encoder, Scale
from metassl.data.tables.frames import Framed
from metassl.data.tables.narrowing import Narrowing
from metassl.data.tables.target import MOST, UNKNOWN, Target, read_target, target_column
from metassl.errors import DataError

Divide = Callable[[Sequence[str], NDArray[np.int64]], NDArray[np.int64]]
"""(names of the classes, [n] labels) -> [n] the part of each row; rows without a class are of part 0."""


@dataclass(frozen=True)
class Encoding:
    """How the columns of a table become numbers.

    Attributes:
        scale, categories: see metassl.data.tables.encoding.Encoder.
        width, always: see metassl.data.tables.narrowing.Narrowing.
        said: column -> kind, where a user knows better.
    """

    scale: Scale
    categories: int
    width: int | None
    always: bool
    said: Mapping[str, Said]


@dataclass(frozen=True)
class Prepared:
    """Rows sorted by class, within a class by part; those without a class last.

    Attributes:
        x: [n, d].
        classes: C names.
        counts: [C, P] rows of each class in each part.
        free: rows without a class.
        groups: for each column the places of its numbers.
        said: what was found, for people.
    """

    x: NDArray[np.float32]
    classes: list[str]
    counts: NDArray[np.int64]
    free: int
    groups: list[list[int]]
    said: str


def prepare(
    where: str,
    framed: Framed,
    target: str | None,
    encoding: Encoding,
    divide: Divide,
    parts: int,
    least: int = 2,
    most: int | None = MOST,
) -> Prepared:
    """A frame as numbers, encoded by the rows of the first part, in which those without a class are.

    Args:
        where: the table, for messages.
        framed: its rows.
        target: column of the classes; None: what their source says, else see `target_column`.
        encoding: how.
        divide: says which part a row is of.
        parts: P.
        least, most: rows of a class, classes of a table.

    Raises:
        DataError: a column or the target is not what can be learned from.
    """
    frame = framed.frame
    column = target_column(where, frame, target or framed.target)
    found = read_target(where, frame[column], least, most)
    keep = ~found.out
    rest = frame.drop(columns=column)[keep].reset_index(drop=True)
    labels = found.labels[keep]
    part = divide(found.names, labels)
    seen = rest[part == 0]
    columns = found_columns(where, seen, encoding.said, framed.ignored)
    try:
        encoder = Encoder(columns, encoding.scale, encoding.categories).fit(seen)
        encoded, x = encoder.transform(seen), encoder.transform(rest)
    except DataError as error:
        raise DataError(f"{where}, {error}") from error
    narrowing = Narrowing(encoding.width, encoding.always).fit(encoded)
    order = np.lexsort((part, np.where(labels == UNKNOWN, len(found.names), labels)))
    counts = np.zeros((len(found.names), parts), np.int64)
    np.add.at(counts, (labels[labels != UNKNOWN], part[labels != UNKNOWN]), 1)
    return Prepared(
        narrowing.transform(x)[order],
        found.names,
        counts,
        int((labels == UNKNOWN).sum()),
        narrowing.groups(encoder.groups),
        _said(found, framed.of, len(labels), columns, x.shape[1], encoding),
    )


def by_rows(shares: Sequence[float], seed: int) -> Divide:
    """Divides the rows of each class by these shares, which sum to 1; the first part gets at least one."""

    def divide(names: Sequence[str], labels: NDArray[np.int64]) -> NDArray[np.int64]:
        parts = np.zeros(len(labels), np.int64)
        for label in range(len(names)):
            rows = np.random.default_rng([seed, label]).permutation(np.flatnonzero(labels == label))
            edges = np.maximum(np.rint(np.cumsum(shares)[:-1] * len(rows)), 1)
            parts[rows] = np.searchsorted(edges, np.arange(len(rows)), side="right")
        return parts

    return divide


def by_classes(split: Callable[[Sequence[str]], Mapping[str, Sequence[int]]]) -> Divide:
    """Divides by class: training, validation, test, and what is in no split as if it were test."""

    def divide(names: Sequence[str], labels: NDArray[np.int64]) -> NDArray[np.int64]:
        of_class = np.full(len(names) + 1, SPLITS.index("test"))
        of_class[UNKNOWN] = 0
        for number, part in enumerate(SPLITS):
            of_class[list(split(names).get(part, ()))] = number
        return of_class[labels]

    return divide


def _said(
    found: Target, of: int | None, rows: int, columns: Sequence[Column], width: int, encoding: Encoding
) -> str:
    free = int((found.labels == UNKNOWN).sum() - found.out.sum())
    drawn = f" drawn from {of}" if of is not None and of > len(found.labels) else ""
    line = f"{rows} rows{drawn}{f' ({free} without a label)' if free else ''}, {len(found.names)} classes of "
    line += f"'{found.column}', {sum(c.kind in READ for c in columns)} columns as {width} numbers "
    line += f"({summary(columns)})"
    if found.left_out:
        line += f"; left out as too small: {', '.join(found.left_out[:5])}"
        line += f" and {len(found.left_out) - 5} more classes" if len(found.left_out) > 5 else ""
    if encoding.width is not None and width > encoding.width:
        line += f"; their first {encoding.width} principal components"
    return line
