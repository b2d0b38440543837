"""A data set, a task or a suite of OpenML."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from metassl.data.class_splits import SplitChoice, by_ratio
from metassl.data.pool import Contents, Source
from metassl.data.tables.columns import Said
from metassl.data.tables.encoding import Scale
from metassl.data.tables.openml.fetching import Files
from metassl.data.tables.openml.frames import By, OfOpenML
from metassl.data.tables.openml.suite import SuiteRows
from metassl.data.tables.prepared import Encoding
from metassl.data.tables.splits import TableSplits
from metassl.data.tables.table import Tasks, tasks_of
from metassl.data.tables.tasks import TableTasks
from metassl.data.task_source import TaskSource
from metassl.errors import ConfigError
from metassl.schema.constructor import checked
from metassl.schema.ranges import BelowOne, Count, Ratio, Seed, Several, Switch, Word, Words

WIDTH = 20  # numbers of a row of a suite, whose data sets differ
Splits = str | Path | Mapping[str, Words] | None
ALIAS = re.compile(r"[\w-][\w.-]*")


class OpenML:
    """Draws tasks from OpenML: from one data set as dataset=table does, or from a suite as dataset=tables.

    What was fetched once, by openml-python, is read from the disk ever after, and the network is not asked.
    Columns are of the kinds that OpenML says; those that it calls identifiers, or ignores, are dropped.

    Args:
        data_dir: holds the folder openml, in the layout of openml-python's cache.
        id: of a data set, such as 31.
        task: number of a task of supervised classification, which names a data set and its target.
        suite: number or alias of a suite, such as OpenML-CC18: each of its tasks is a table.
        target: with `id`, the column of classes; None: the data set's own.
        tasks, kinds: of a data set or task, see metassl.data.tables.table.Table.
        columns: numbers of a row, as in metassl.data.tables.narrowing; None: as many as there are, of a
            suite 20.
        components, scale, categories: see metassl.data.tables.table.Table.
        rows: of a data set, at most; of a larger one so many are drawn.
        ratio: shares for training, validation and test: of rows, of classes, or of a suite's data sets.
        seed: of that division, and of the rows that are drawn.
        splits: of a suite's data sets by name, see metassl.data.tables.splits.TableSplits; with tasks=classes
            a JSON file of classes.
        asked: of a suite, share of the rows of each class that are Q.
        download: fetch what is missing.

    Raises:
        ConfigError: not one of `id`, `task` and `suite`, or a key that is of another.
        DataError: once it is read, what can't be fetched or learned from.
    """

    @checked("dataset.source")
    def __init__(
        self,
        data_dir: str | Path,
        id: Count | None = None,
        task: Count | None = None,
        suite: Count | Word | None = None,
        target: Word | None = None,
        tasks: Tasks = "rows",
        kinds: Mapping[str, Said] | None = None,
        columns: Several | None = None,
        components: Literal["beyond", "always"] = "beyond",
        scale: Scale = "standard",
        categories: Several = 20,
        rows: Several = 20000,
        ratio: Ratio = (0.6, 0.2, 0.2),
        seed: Seed = 0,
        splits: Splits = None,
        asked: BelowOne = 0.3,
        download: Switch = True,
    ) -> None:
        given = {key: v for key, v in (("id", id), ("task", task), ("suite", suite)) if v is not None}
        _check_one(given, target)
        files = Files(Path(data_dir) / "openml", download)
        encoding = Encoding(scale, categories, columns, components == "always", dict(kinds or {}))
        self.made: Callable[[Callable[[Source], Contents]], TaskSource]
        if suite is not None:
            _check_suite(suite, tasks, kinds)
            whole = replace(encoding, width=columns or WIDTH)
            named = TableSplits(splits, ratio, seed)
            self.made = partial(_of_suite, SuiteRows(files, suite, whole, named, asked, rows, seed))
        else:
            frames = OfOpenML(files, *_numbered(id, task), target, rows, seed)
            self.made = partial(tasks_of, frames, None, tasks, encoding, _of_classes(splits, ratio, seed))

    def prepared(self, load: Callable[[Source], Contents]) -> TaskSource:
        """See metassl.data.task_source.PreparedTasks."""
        return self.made(load)


def _of_suite(suite: SuiteRows, load: Callable[[Source], Contents]) -> TaskSource:
    return TableTasks(load(suite), widest=True)


def _numbered(id: int | None, task: int | None) -> tuple[By, int]:
    if task is not None:
        return "task", task
    assert id is not None
    return "data set", id


def _of_classes(splits: Splits, ratio: Sequence[float], seed: int) -> SplitChoice:
    if isinstance(splits, Mapping):
        raise ConfigError(
            "dataset.source.splits: found names of data sets, which are for dataset.source.suite; allowed "
            "of one data set is a JSON file of its classes."
        )
    by_ratio(0, ratio, seed)  # refuses shares that can't be
    return SplitChoice(splits, ratio, seed)


def _check_one(given: Mapping[str, object], target: str | None) -> None:
    if len(given) != 1:
        found = " and ".join(given) or "none"
        raise ConfigError(
            f"dataset.source: found {found} of id, task and suite, allowed is one of them, such as "
            "dataset.source.id=31."
        )
    (key,) = given
    if target is not None and key != "id":
        raise ConfigError(
            f"dataset.source.target: found '{target}' with dataset.source.{key}, which has one of its "
            "own; allowed is it with dataset.source.id."
        )


def _check_suite(suite: int | str, tasks: str, kinds: object) -> None:
    if isinstance(suite, str) and not ALIAS.fullmatch(suite):
        raise ConfigError(
            f"dataset.source.suite: found '{suite}', allowed is a number such as 99, or an alias such as "
            "OpenML-CC18."
        )
    for key, found in (("tasks", tasks if tasks != "rows" else None), ("kinds", kinds)):
        if found:
            raise ConfigError(
                f"dataset.source.{key}: found {found} with dataset.source.suite, allowed is it with a data "
                "set or a task."
            )
