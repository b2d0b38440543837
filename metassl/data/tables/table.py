"""One table of your own, or one of scikit-learn's."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from metassl.data.class_splits import SplitChoice, by_ratio
from metassl.data.class_tasks import ClassTasks
from metassl.data.pool import Contents, Source
from metassl.data.tables.columns import Said
from metassl.data.tables.encoding import Scale
from metassl.data.tables.frames import Bundled, Frames, OfFile, OfSklearn
from metassl.data.tables.prepared import Encoding
from metassl.data.tables.reading import Reading
from metassl.data.tables.stored import ClassRows, TableRows
from metassl.data.tables.tasks import TableTasks
from metassl.data.task_source import TaskSource
from metassl.errors import DataError
from metassl.schema.constructor import checked
from metassl.schema.ranges import Ratio, Seed, Several, Word

Tasks = Literal["rows", "classes"]


class Table:
    """Draws tasks from one table: a CSV, TSV, Parquet, ARFF or Excel file with a column of classes.

    With tasks=rows a task asks for all classes of the table. Its rows are divided, class by class: training
    tasks are made of training rows alone; validation and test tasks have S and U from the training rows, and
    Q from rows that nothing has seen. With tasks=classes whole classes are held out, and a task asks for a
    few of them, as with pictures.

    Columns become numbers by transformers fitted on the training rows, or on those of training classes: on
    their features, in any number, and on no label.

    Args:
        path: of the file.
        target: the column of classes; None: the one called class, target, label or y, else the last. A row
            without one is for U alone.
        tasks: rows or classes.
        kinds: column -> numeric, categorical, date or drop, where what is found is not what is meant.
        columns: numbers of a row, as in metassl.data.tables.narrowing; None: as many as there are.
        components: principal components where a row has more numbers (beyond), or always.
        scale, categories: see metassl.data.tables.encoding.Encoder.
        separator, encoding, sheet: see metassl.data.tables.reading.Reading.
        ratio: shares of rows, or of classes, for training, validation and test.
        seed: of that division.
        splits: with tasks=classes, a JSON file {"train": [names], "val": [names], "test": [names]}.

    Raises:
        DataError: no path given, or, once it is read, a table that tasks can't be drawn from.
    """

    @checked("dataset.source")
    def __init__(
        self,
        path: str | Path,
        target: Word | None = None,
        tasks: Tasks = "rows",
        kinds: Mapping[str, Said] | None = None,
        columns: Several | None = None,
        components: Literal["beyond", "always"] = "beyond",
        scale: Scale = "standard",
        categories: Several = 20,
        separator: Word | None = None,
        encoding: Word = "utf-8-sig",
        sheet: Word | None = None,
        ratio: Ratio = (0.6, 0.2, 0.2),
        seed: Seed = 0,
        splits: str | Path | None = None,
    ) -> None:
        if not path:
            raise DataError(
                "dataset.source.path: found nothing, give a CSV, TSV, Parquet, ARFF or Excel file."
            )
        self.frames: Frames = OfFile(Path(path), Reading(separator, encoding, sheet))
        self.target, self.tasks = target, tasks
        self.encoding = Encoding(scale, categories, columns, components == "always", dict(kinds or {}))
        self.choice = SplitChoice(splits, ratio, seed)
        by_ratio(0, ratio, seed)  # refuses shares that can't be

    def prepared(self, load: Callable[[Source], Contents]) -> TaskSource:
        """See metassl.data.task_source.PreparedTasks."""
        return tasks_of(self.frames, self.target, self.tasks, self.encoding, self.choice, load)


def tasks_of(
    frames: Frames,
    target: str | None,
    tasks: Tasks,
    encoding: Encoding,
    choice: SplitChoice,
    load: Callable[[Source], Contents],
) -> TaskSource:
    """Where the tasks of one table come from; see Table."""
    if tasks == "classes":
        return ClassTasks(load(ClassRows(frames, target, encoding, choice)))
    return TableTasks(load(TableRows(frames, target, encoding, choice.ratio, choice.seed)), widest=False)


class BundledTable(Table):
    """Draws tasks from a table that comes with scikit-learn: nothing has to be at hand.

    iris (150 rows, 3 classes), wine (178, 3), breast_cancer (569, 2) and digits (1797 pictures of 8×8, 10).

    Args:
        name: of the table.
        tasks, columns, components, scale, categories, ratio, seed: see Table.
    """

    @checked("dataset.source")
    def __init__(
        self,
        name: Bundled = "iris",
        tasks: Tasks = "rows",
        columns: Several | None = None,
        components: Literal["beyond", "always"] = "beyond",
        scale: Scale = "standard",
        categories: Several = 20,
        ratio: Ratio = (0.6, 0.2, 0.2),
        seed: Seed = 0,
    ) -> None:
        own: dict[str, Any] = {"columns": columns, "components": components, "scale": scale}
        super().__init__(name, "class", tasks, categories=categories, ratio=ratio, seed=seed, **own)
        self.frames = OfSklearn(name)
