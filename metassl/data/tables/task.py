"""One task of a table: which of its rows are support, queries and unlabelled.

Legend: N classes of the task, K places for classes, S support, Q query, U unlabelled.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from metassl.data.tables.part import Part, Rows
from metassl.data.tables.spec import TableSpec
from metassl.errors import DataError

Lane = Callable[[int], Generator]
"""A lane's number -> its own random numbers of this task."""

# S and Q have lanes of their own, so that they stay when U changes
CLASSES, SUPPORT, QUERY, UNLABELLED = range(4)


@dataclass(frozen=True)
class Places:
    """Rows of one kind, padded: [n] rows, labels (-1: none) and whether they are there."""

    rows: Rows
    labels: Rows
    weight: NDArray[np.bool_]


@dataclass(frozen=True)
class RowTask:
    """A task by its rows.

    Attributes:
        support: [S], class after class; query: [Q]; unlabelled: U and the outer loss's own U (or none).
        classes: [N] numbers of its classes in the table.
    """

    support: Places
    query: Places
    unlabelled: list[Places]
    classes: Rows


def row_task(part: Part, spec: TableSpec, way: int, sets: int, lane: Lane) -> RowTask:
    """Draws a task of a table.

    Q and U have the classes as often as the table has them. Where there are fewer rows than were asked for, Q
    comes before U; where Q has no rows of its own, it gets up to half of what S leaves.

    Args:
        part: of the table.
        spec: the make-up.
        way: K, places for classes.
        sets: 1, or 2 with the outer loss's own U.
        lane: random numbers.

    Raises:
        DataError: the table has fewer than 2 classes with rows, or S leaves nothing to ask.
    """
    rng = lane(CLASSES)
    shot = int(rng.integers(spec.shot.low, spec.shot.high + 1))
    least = 1 if part.asked is not None else 2
    able = np.array([k for k, rows in enumerate(part.seen) if len(rows) >= least], np.int64)
    if len(able) < 2:
        raise DataError(f"table '{part.name}': found {len(able)} class with {least} rows, 2 are needed.")
    classes = rng.permutation(able)[: min(way, spec.classes)]
    support, left = _support(part, classes, shot, spec.shot.high, way, least - 1, lane(SUPPORT))
    query, left = _query(part, classes, spec.queries, left, lane(QUERY))
    if spec.transductive:
        return RowTask(support, query, [query] * sets, classes)
    rows, labels = _joined(left)
    if len(classes) == len(part.seen) and len(part.free):
        rows = np.concatenate((rows, part.free))
        labels = np.concatenate((labels, np.full(len(part.free), -1)))
    order = lane(UNLABELLED).permutation(len(rows))
    size = min(spec.unlabelled, len(rows) // sets)
    pieces = [order[k * size : (k + 1) * size] for k in range(sets)]
    pad = int(support.rows[0])
    return RowTask(
        support, query, [_padded(rows[p], labels[p], spec.unlabelled, pad) for p in pieces], classes
    )


def _support(
    part: Part, classes: Rows, shot: int, most: int, way: int, spare: int, rng: Generator
) -> tuple[Places, list[Rows]]:
    """S, and what is left of each class; a class keeps `spare` rows."""
    rows = np.zeros((way, most), np.int64)
    weight = np.zeros((way, most), bool)
    left = []
    for slot, k in enumerate(classes):
        own = rng.permutation(part.seen[k])
        take = min(shot, len(own) - spare)
        rows[slot, :take], weight[slot, :take] = own[:take], True
        left.append(own[take:])
    rows[~weight] = rows[0, 0]
    labels = np.repeat(np.arange(way), most)
    return Places(rows.ravel(), labels, weight.ravel()), left


def _query(
    part: Part, classes: Rows, queries: int, left: list[Rows], rng: Generator
) -> tuple[Places, list[Rows]]:
    """Q, and what is left of the rows that S left."""
    pool = left if part.asked is None else [part.asked[k] for k in classes]
    rows, labels = _joined(pool)
    if not len(rows):
        raise DataError(f"table '{part.name}': found no row to ask for beside the support's.")
    most = len(rows) if part.asked is not None else -(-len(rows) // 2)
    order = rng.permutation(len(rows))[: min(queries, most)]
    if part.asked is None:
        gone = np.zeros(len(rows), bool)
        gone[order] = True
        ends = np.cumsum([len(own) for own in pool])
        left = [own[~taken] for own, taken in zip(pool, np.split(gone, ends[:-1]), strict=True)]
    return _padded(rows[order], labels[order], queries, int(rows[0])), left


def _joined(pools: Sequence[Rows]) -> tuple[Rows, Rows]:
    """Rows of all classes, and their places."""
    return np.concatenate(pools), np.repeat(np.arange(len(pools)), [len(own) for own in pools])


def _padded(rows: Rows, labels: Rows, size: int, pad: int) -> Places:
    wide, named = np.full(size, pad), np.zeros(size, np.int64)  # numpy.pad takes twenty times as long
    wide[: len(rows)], named[: len(rows)] = rows, labels
    return Places(wide, named, np.arange(size) < len(rows))
