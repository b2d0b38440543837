"""A folder of tables: tasks across data sets."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from metassl.data.pool import Contents, Source
from metassl.data.tables.encoding import Scale
from metassl.data.tables.frames import OfFile
from metassl.data.tables.prepared import Encoding, by_rows, prepare
from metassl.data.tables.reading import KINDS, Reading
from metassl.data.tables.splits import TableSplits, first_twice
from metassl.data.tables.stored import VERSION, together
from metassl.data.tables.tasks import TableTasks
from metassl.data.task_source import TaskSource
from metassl.errors import DataError, one_of
from metassl.schema.constructor import checked
from metassl.schema.ranges import BelowOne, Ratio, Seed, Several, Word, Words


class Tables:
    """Draws each task within one table of a folder; others are held out for validation and test.

    A task has S and U from 1 - `asked` of a table's rows, drawn once for all tasks, and Q from the others.
    What makes numbers of the columns is fitted on the features of the former and on no label, table by
    table. All tables get one width: zeros behind, or principal components where a table is wider.

    Args:
        path: of the folder; each file in it that is a CSV, TSV, Parquet, ARFF or Excel file is a table, named
            by the file without its ending.
        targets: table -> its column of classes; else as in metassl.data.tables.table.Table.
        splits, ratio: see metassl.data.tables.splits.TableSplits.
        seed: of that division, and of the rows that are asked.
        asked: share of the rows of each class that are Q.
        columns: numbers of a row.
        components, scale, categories: see metassl.data.tables.table.Table.
        separator, encoding: see metassl.data.tables.reading.Reading.

    Raises:
        DataError: no path given.
        ConfigError: shares or splits that can't be.
    """

    name = "tables"

    @checked("dataset.source")
    def __init__(
        self,
        path: str | Path,
        targets: Mapping[str, Word] | None = None,
        splits: str | Path | Mapping[str, Words] | None = None,
        ratio: Ratio = (0.6, 0.2, 0.2),
        seed: Seed = 0,
        asked: BelowOne = 0.3,
        columns: Several = 20,
        components: Literal["beyond", "always"] = "beyond",
        scale: Scale = "standard",
        categories: Several = 20,
        separator: Word | None = None,
        encoding: Word = "utf-8-sig",
    ) -> None:
        if not path:
            raise DataError("dataset.source.path: found nothing, give a folder of tables.")
        self.path, self.targets, self.seed, self.asked = Path(path), dict(targets or {}), seed, asked
        self.splits = TableSplits(splits, ratio, seed)
        self.encoding = Encoding(scale, categories, columns, components == "always", {})
        self.reading = Reading(separator, encoding)

    def prepared(self, load: Callable[[Source], Contents]) -> TaskSource:
        """See metassl.data.task_source.PreparedTasks."""
        return TableTasks(load(self), widest=True)

    def fingerprint(self) -> Mapping[str, Any]:
        """The files and all options. Raises DataError for no such folder."""
        files = [OfFile(file, self.reading).fingerprint() for file in self._files().values()]
        return {
            "version": VERSION, "files": files,
            "targets": self.targets, "splits": self.splits.fingerprint(),
            "encoding": asdict(self.encoding), "asked": [self.asked, self.seed],
        }  # fmt: skip

    def read(self) -> Contents:
        """Raises DataError, which names the file, for a table that can't be."""
        files = self._files()
        splits = self.splits.of(list(files))
        for name in self.targets:
            if name not in files:
                raise DataError(one_of("dataset.source.targets, table", name, files))
        divide = by_rows([1 - self.asked, self.asked], self.seed)
        made = {}
        for name in splits:
            frames = OfFile(files[name], self.reading)
            made[name] = prepare(frames.where, frames(), self.targets.get(name), self.encoding, divide, 2)
        return together(made, {name: {split: (0, 1)} for name, split in splits.items()}, f"'{self.path}'")

    def _files(self) -> dict[str, Path]:
        """Table -> file, in the order of the alphabet."""
        if not self.path.is_dir():
            raise DataError(f"dataset.source.path: '{self.path}' is not a folder, give a folder of tables.")
        files = sorted(f for f in self.path.iterdir() if f.suffix.lower() in KINDS and f.is_file())
        if not files:
            raise DataError(
                f"'{self.path}': found no table, allowed are files that end in {', '.join(KINDS)}."
            )
        twice = first_twice(f.stem for f in files)
        if twice:
            raise DataError(f"'{self.path}': found two tables '{twice}', allowed is each name once.")
        return {f.stem: f for f in files}
