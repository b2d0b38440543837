"""Draws a table, then a task of it: a pure function of (seed, split, i).

Legend: T tasks, K places for classes, S support, Q query, U unlabelled.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from metassl.data.drawing.draw import Draw
from metassl.data.drawing.random_numbers import RandomNumbers
from metassl.data.tables.part import Part
from metassl.data.tables.spec import TableSpec
from metassl.data.tables.task import Lane, Places, RowTask, row_task

TABLE = 10  # a lane of its own, after those of row_task


@dataclass(frozen=True)
class Drawn:
    """The table of one task.

    Attributes:
        part: its rows.
        number: of the table among those of the source.
        items: [n, d] what the rows are of; None: the source's.
    """

    part: Part
    number: int
    items: NDArray[np.float32] | None = None


class Tables(Protocol):
    """Gives the table of a task."""

    @property
    def count(self) -> int:
        """Rows that all tables have, 0 where each is made anew."""
        ...

    def __call__(self, lane: Lane) -> Drawn:
        """By the random numbers of the task."""
        ...


class KnownTables:
    """Gives one of some tables, each as likely, whatever its size."""

    def __init__(self, parts: Sequence[Part], numbers: Sequence[int]) -> None:
        self.parts, self.numbers = parts, numbers
        self.count = sum(part.rows for part in parts)

    def __call__(self, lane: Lane) -> Drawn:
        """See Tables."""
        k = int(lane(TABLE).integers(len(self.parts)))
        return Drawn(self.parts[k], self.numbers[k])


class TableSampler:
    """Draws tasks, each within one table.

    Args:
        tables: give the table of each task.
        spec: the make-up of an episode.
        way: K.
        seed: of the episodes.
        split: train, val or test.
        outer: whether each episode needs a second set of unlabelled rows.
    """

    padded = True  # tables differ in classes, and classes in rows

    def __init__(
        self, tables: Tables, spec: TableSpec, way: int, seed: int, split: str, outer: bool = False
    ) -> None:
        self.tables, self.spec, self.way = tables, spec, way
        self.seed, self.split, self.sets = seed, split, 2 if outer else 1

    @property
    def count(self) -> int:
        """Rows that can be drawn; 0 where tables are made anew."""
        return self.tables.count

    def __call__(self, episodes: Sequence[int] | range) -> Draw:
        """The draw of the episodes with these numbers."""
        numbers = RandomNumbers(self.seed, self.split, episodes)
        drawn, tasks = [], []
        for place in range(len(numbers)):
            lane = _lane(numbers, place)
            drawn.append(self.tables(lane))
            tasks.append(row_task(drawn[-1].part, self.spec, self.way, self.sets, lane))
        return self._merged(drawn, tasks, numbers)

    def _merged(self, drawn: Sequence[Drawn], tasks: Sequence[RowTask], numbers: RandomNumbers) -> Draw:
        first, items = np.zeros(len(drawn), np.int64), None
        own = [each.items for each in drawn if each.items is not None]
        if own:
            items = np.concatenate(own)
            first = np.concatenate(([0], np.cumsum([len(each) for each in own])[:-1]))
        none = Places(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, bool))

        def columns(of: Callable[[RowTask], Places]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            places = [of(task) for task in tasks]
            rows = np.stack([p.rows for p in places]) + first[:, None]
            return rows, np.stack([p.labels for p in places]), np.stack([p.weight for p in places])

        unlabelled = columns(lambda task: task.unlabelled[0])
        ids = np.zeros((2, len(tasks), self.way), np.int64)
        for t, (each, task) in enumerate(zip(drawn, tasks, strict=True)):
            of_part = each.part.first_class, each.part.first_id
            ids[:, t, : len(task.classes)] = np.array(of_part)[:, None] + task.classes
        places = np.broadcast_to(np.arange(self.way), ids[0].shape)
        return Draw(
            *columns(lambda task: task.support),
            *columns(lambda task: task.query),
            *unlabelled,
            *columns(lambda task: task.unlabelled[1] if self.sets == 2 else none),
            distractor=np.zeros(unlabelled[0].shape, bool),
            class_mask=np.arange(self.way) < np.array([len(task.classes) for task in tasks])[:, None],
            class_ids=ids[1],
            # beyond training, and where tables are made anew, a number would only tell the table
            classes=ids[0] if self.split == "train" and items is None else places.copy(),
            generators=numbers,
            items=items,
            family=np.array([each.number for each in drawn]),
        )


def _lane(numbers: RandomNumbers, place: int) -> Lane:
    return lambda lane: numbers.generator(lane + 1, place)
