"""The rows of one table that the tasks of a split are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """Rows of a table by what they may be in a task.

    Attributes:
        name: of the table.
        seen: C arrays of rows, by class, that S and U are drawn from.
        asked: C arrays of rows that Q is drawn from; None: of `seen`, whatever S leaves.
        free: rows without a class, for U.
        first_class, first_id: number of its first class among those of the split, and of the source.
        groups: for each column the places of its numbers in a row.
    """

    name: str
    seen: Sequence[Rows]
    asked: Sequence[Rows] | None
    free: Rows
    first_class: int = 0
    first_id: int = 0
    groups: Sequence[Sequence[int]] = ()

    @property
    def rows(self) -> int:
        """How many there are."""
        own = [*self.seen, *(self.asked or ()), self.free]
        return sum(map(len, own))


def parts_of(tables: Sequence[Mapping[str, object]], split: str) -> list[Part]:
    """The parts of a split, of what the store says of each table, in the order of its rows.

    A table has "counts" [C, P] and "splits", split -> (number of the part that is seen, of the part that is
    asked, or null); see metassl.data.tables.prepared.
    """
    found: list[Part] = []
    first_row = first_class = first_id = 0
    for table in tables:
        counts = np.asarray(table["counts"], np.int64)
        starts = first_row + np.concatenate(([0], counts.ravel().cumsum()[:-1])).reshape(counts.shape)
        free = int(table["free"])  # type: ignore[call-overload]
        end = first_row + int(counts.sum())
        roles = table["splits"].get(split)  # type: ignore[attr-defined]
        if roles is not None:
            seen, asked = (None if p is None else _of_part(starts[:, p], counts[:, p]) for p in roles)
            assert seen is not None
            groups = table["groups"]
            rows = np.arange(end, end + free)
            found.append(Part(str(table["name"]), seen, asked, rows, first_class, first_id, groups))  # type: ignore[arg-type]
            first_class += len(counts)
        first_row = end + free
        first_id += len(counts)
    return found


def _of_part(starts: Rows, counts: Rows) -> list[Rows]:
    return [np.arange(start, start + count) for start, count in zip(starts, counts, strict=True)]
