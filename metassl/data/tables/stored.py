"""What the store keeps of tables: rows as numbers, sorted by table and class, and what is where."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from metassl.data.class_splits import SplitChoice
from metassl.data.pool import SPLITS, Contents
from metassl.data.tables.frames import Frames
from metassl.data.tables.prepared import Encoding, Prepared, by_classes, by_rows, prepare
from metassl.errors import DataError

VERSION = 1
WITHOUT = "(without a class)"
OF_ONE = {"train": (0, None), "val": (0, 1), "test": (0, 2)}  # parts that are seen and asked


class TableRows:
    """The rows of one table, divided among training, validation and test.

    Args:
        frames: gives the table.
        target: its column of classes.
        encoding: how its columns become numbers.
        ratio, seed: of the division.
    """

    name = "table"

    def __init__(
        self, frames: Frames, target: str | None, encoding: Encoding, ratio: Sequence[float], seed: int
    ) -> None:
        self.frames, self.target, self.encoding = frames, target, encoding
        self.ratio, self.seed = ratio, seed

    def fingerprint(self) -> Mapping[str, Any]:
        """The file and all options."""
        return {
            "version": VERSION, "frame": self.frames.fingerprint(), "target": self.target,
            "encoding": asdict(self.encoding), "rows": [*self.ratio, self.seed],
        }  # fmt: skip

    def read(self) -> Contents:
        """Raises DataError with one line for a table that can't be."""
        divide = by_rows(self.ratio, self.seed)
        where, framed = self.frames.where, self.frames()
        made = prepare(where, framed, self.target, self.encoding, divide, len(SPLITS))
        return together({"table": made}, {"table": OF_ONE}, where)


class ClassRows:
    """The rows of one table whose classes are divided among training, validation and test.

    Args:
        frames, target, encoding: see TableRows.
        choice: of the classes of each split.
    """

    name = "table"

    def __init__(self, frames: Frames, target: str | None, encoding: Encoding, choice: SplitChoice) -> None:
        self.frames, self.target, self.encoding, self.choice = frames, target, encoding, choice

    def fingerprint(self) -> Mapping[str, Any]:
        """The file and all options."""
        return {
            "version": VERSION, "frame": self.frames.fingerprint(), "target": self.target,
            "encoding": asdict(self.encoding), "classes": self.choice.fingerprint(),
        }  # fmt: skip

    def read(self) -> Contents:
        """Raises DataError with one line; rows without a class are left out."""
        where, framed = self.frames.where, self.frames()
        divide = by_classes(self.choice.of)
        made = prepare(where, framed, self.target, self.encoding, divide, len(SPLITS), most=None)
        if not (made.counts[:, 0] > 0).any():
            raise DataError(
                f"{where}: found no class for training, at least 1 is needed (dataset.source.ratio)."
            )
        rows = made.x[: len(made.x) - made.free]
        splits = self.choice.of(made.classes)
        meta = {"source": where, "said": made.said}
        return Contents(rows, made.counts.sum(1), made.classes, splits, meta)


def together(
    tables: Mapping[str, Prepared],
    splits: Mapping[str, Mapping[str, tuple[int, int | None]]],
    where: str,
    left_out: Sequence[str] = (),
) -> Contents:
    """Tables as one array; which part serves which split is in `meta`, see metassl.data.tables.part.

    Args:
        tables: by their names.
        splits: of each, split -> the part that is seen and the one that is asked.
        where: they come from.
        left_out: what is none of them, and why, for people.
    """
    names, counts, about = list[str](), list[int](), list[dict[str, Any]]()
    for name, made in tables.items():
        names += [f"{name}/{each}" for each in made.classes]
        counts += made.counts.sum(1).tolist()
        if made.free:
            names.append(f"{name}/{WITHOUT}")
            counts.append(made.free)
        about.append({
            "name": name, "counts": made.counts.tolist(), "free": made.free, "groups": made.groups,
            "splits": {split: list(roles) for split, roles in splits[name].items()}, "said": made.said,
        })  # fmt: skip
    items = np.concatenate([made.x for made in tables.values()])
    return Contents(
        items, np.array(counts), names, {}, {"source": where, "tables": about, "left_out": list(left_out)}
    )
