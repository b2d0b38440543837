"""The source of tasks that are rows of a table, each task within one table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from metassl.data.builder import Sampler
from metassl.data.low_quality.wrong_labels import with_wrong_labels
from metassl.data.pool import SPLITS, Contents, input_shape
from metassl.data.tables.part import Part, parts_of
from metassl.data.tables.sampler import KnownTables, TableSampler
from metassl.data.tables.self_made import SelfMadeTables
from metassl.data.tables.spec import TableSpec, both_specs, with_labels
from metassl.errors import ConfigError
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import Classification
from metassl.tasks.spec import TaskSpec


@dataclass(frozen=True)
class TableTasks:
    """Draws tasks of tables; see metassl.data.task_source.TaskSource.

    Attributes:
        contents: the rows of all tables, of metassl.data.tables.table or folder.
        widest: whether a task has places for as many classes as `episode.classes` allows, and not only for
            those of the tables: so that a learner fits other tables, too.
    """

    outcomes: ClassVar[tuple[type[Outcome], ...]] = (Classification,)
    reduced: ClassVar[bool] = False

    contents: Contents
    widest: bool

    @property
    def tables(self) -> Sequence[Mapping[str, Any]]:
        """What the store says of each table."""
        return list(self.contents.meta["tables"])

    def make_ups(self, train: Mapping[str, Any], changes: Mapping[str, Any]) -> tuple[TableSpec, TableSpec]:
        """See TaskSource."""
        return both_specs(train, changes)

    def task_spec(self, train: TableSpec, test: TableSpec, outcome: Outcome) -> TaskSpec:
        """The most classes of both, the width of a row, and the classes of all training tables."""
        way = self.way(train)
        base = sum(len(part.seen) for part in parts_of(self.tables, "train"))
        return TaskSpec(
            way=max(way, self.way(with_labels(test))),
            input_shape=input_shape(self.contents.items),
            base_classes=way if train.self_made else base,
            outcome=outcome,
        )

    def way(self, make_up: TableSpec) -> int:
        """Places for classes."""
        if self.widest or make_up.self_made:
            return make_up.classes
        return min(make_up.classes, max(len(table["counts"]) for table in self.tables))

    def sampler(self, make_up: TableSpec, seed: int, split: str, outer: bool) -> Sampler:
        """See TaskSource. Raises ConfigError where the split has no table."""
        parts = parts_of(self.tables, split)
        if not parts:
            named = ", ".join(f"{len(parts_of(self.tables, s))} for {s}" for s in SPLITS)
            raise ConfigError(
                f"dataset.source.splits: found no table for '{split}' ({named}), at least 1 is needed."
            )
        own = make_up.self_made
        if own is not None and (split == "train" or (split == "val" and own.validation)):
            made = SelfMadeTables(parts, self._numbers(parts), self.contents.items, make_up)
            drawn = TableSampler(made, make_up, self.way(make_up), seed, split, outer)
            return with_wrong_labels(drawn, make_up.quality, seed, split)
        make_up = with_labels(make_up)
        known = KnownTables(parts, self._numbers(parts))
        drawn = TableSampler(known, make_up, self.way(make_up), seed, split, outer)
        return with_wrong_labels(drawn, make_up.quality, seed, split)

    def items(self) -> np.ndarray:
        """Of all tables."""
        return self.contents.items

    def description(self) -> str:
        """What was found in the table, or how many tables each split has."""
        gone = list(self.contents.meta.get("left_out", ()))
        more = f"; and {len(gone) - 3} more" if len(gone) > 3 else ""
        left_out = f"; left out {'; '.join(gone[:3])}{more}" if gone else ""
        if len(self.tables) == 1:
            return f"{self.tables[0]['said']}{left_out}"
        each = [f"{split}: {' '.join(p.name for p in parts_of(self.tables, split))}" for split in SPLITS]
        return f"{len(self.tables)} tables ({'; '.join(each)}){left_out}"

    def _numbers(self, parts: Sequence[Part]) -> list[int]:
        names = [table["name"] for table in self.tables]
        return [names.index(part.name) for part in parts]
