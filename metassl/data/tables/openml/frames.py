"""A data set of OpenML as a frame, its columns of the kinds that OpenML says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from metassl.data.tables.frames import Framed
from metassl.data.tables.openml.cache import DataSet
from metassl.data.tables.openml.fetching import Files
from metassl.data.tables.reading import Reading, read_frame
from metassl.data.tables.target import as_words
from metassl.errors import DataError, one_of

By = Literal["data set", "task"]


@dataclass(frozen=True)
class OfOpenML:
    """The frame of a data set, which is named by its own number or by that of a task on it.

    Attributes:
        files: give it.
        by: what `number` is of.
        number: OpenML's.
        target: column of the classes, where it is not that of the task, or of the data set.
        rows: at most; of a larger data set so many are drawn, by `seed`.
        seed: of that.
    """

    files: Files
    by: By
    number: int
    target: str | None
    rows: int
    seed: int

    @property
    def where(self) -> str:
        """The data set or the task."""
        return f"OpenML's {self.by} {self.number}"

    def fingerprint(self) -> Any:
        """Its number, which OpenML gives to nothing else, ever, and what is drawn of it."""
        return ["OpenML", self.by, self.number, self.target, self.rows, self.seed]

    def __call__(self) -> Framed:
        """See Frames. Raises NotThere where it can't be fetched."""
        data, targets = self.found()
        where = f"{self.where} ({data.name})"
        target = _target(where, data, targets if self.target is None else (self.target,))
        return framed(where, data, target, self.rows, self.seed)

    def found(self) -> tuple[DataSet, tuple[str, ...]]:
        """The data set, and the target of the task or its own. Raises DataError for another kind of task."""
        if self.by == "data set":
            data = self.files.data_set(self.number)
            return data, data.targets
        task = self.files.task(self.number)
        if not task.classifies:
            raise DataError(f"{self.where}: found {task.kind}, allowed is Supervised Classification.")
        return self.files.data_set(task.data_set), (task.target,) if task.target else ()


def _target(where: str, data: DataSet, targets: Sequence[str]) -> str:
    """The one column of classes, or the line that says why there is none."""
    if len(targets) == 1 and targets[0] in data.kinds:
        return targets[0]
    if len(targets) == 1:
        raise DataError(one_of(f"{where}, target", targets[0], data.kinds))
    found = f"{len(targets)} targets ({', '.join(targets[:5])})" if targets else "no target"
    raise DataError(f"{where}: found {found}, allowed is one; of a data set dataset.source.target names it.")


def framed(where: str, data: DataSet, target: str, rows: int, seed: int) -> Framed:
    """The rows of a data set.

    Raises:
        DataError: a sparse file, one without the columns that are described, or that can't be read.
    """
    if data.sparse and data.file.suffix == ".arff":
        raise DataError(f"{where}: found sparse rows (Sparse_ARFF), allowed are rows with all values.")
    frame = read_frame(data.file, Reading(encoding="utf-8"))
    for name in data.kinds:
        if name not in frame.columns:
            raise DataError(
                f"{where}: found no column '{name}' in '{data.file}', which OpenML says is there."
            )
    of = len(frame)
    if of > rows:
        frame = frame.iloc[np.sort(np.random.default_rng(seed).permutation(len(frame))[:rows])]
    made = {name: _typed(where, frame[name], kind) for name, kind in data.kinds.items()}
    ignored = [name for name in data.ignored if name in made and name != target]
    return Framed(pd.DataFrame(made).reset_index(drop=True), target, ignored, of)


def _typed(where: str, values: pd.Series, kind: str) -> pd.Series:
    if kind == "nominal":
        return as_words(values).where(values.notna(), None).astype("category")
    if kind == "numeric":
        try:
            return pd.to_numeric(values)
        except (ValueError, TypeError) as error:
            raise DataError(
                f"{where}, column '{values.name}': found words, OpenML says it is numeric."
            ) from error
    return values
