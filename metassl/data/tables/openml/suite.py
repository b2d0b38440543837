"""A suite of OpenML for the store: each of its tasks is a table."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from metassl.data.pool import Contents
from metassl.data.preparing.progress import track
from metassl.data.tables.openml.fetching import Files, NotThere
from metassl.data.tables.openml.frames import OfOpenML
from metassl.data.tables.prepared import Encoding, Prepared, by_rows, prepare
from metassl.data.tables.splits import TableSplits
from metassl.data.tables.stored import VERSION, together
from metassl.errors import DataError


@dataclass(frozen=True)
class SuiteRows:
    """The rows of the data sets that a suite's tasks are on, each of one split.

    A task that can't be learned from is left out by its number: a regression, sparse rows, a target that is
    none, or a data set that another task is on already, which would be trained and tested on.

    Attributes:
        files: give the tasks and data sets.
        suite: its number or alias.
        encoding: how columns become numbers.
        splits: of the data sets, by their names.
        asked: share of the rows of each class that are Q.
        rows: of a data set, at most.
        seed: of the rows that are asked, and of those that are drawn.
    """

    files: Files
    suite: str | int
    encoding: Encoding
    splits: TableSplits
    asked: float
    rows: int
    seed: int
    name = "openml"

    def fingerprint(self) -> Mapping[str, Any]:
        """Its name and all options; what a suite has stays what it was when it was fetched."""
        return {
            "version": VERSION, "suite": str(self.suite), "splits": self.splits.fingerprint(),
            "encoding": asdict(self.encoding), "asked": [self.asked, self.seed, self.rows],
        }  # fmt: skip

    def read(self) -> Contents:
        """Raises NotThere where something can't be fetched, or DataError where no task is left."""
        where = f"OpenML's suite {self.suite}"
        numbers = self.files.suite(self.suite)
        made: dict[str, Prepared] = {}
        left_out: list[str] = []
        for number in track(numbers, where, len(numbers)):
            try:
                name, table = self._table(number, made)
                made[name] = table
            except NotThere:
                raise  # it may come another time, and would then be another table of the suite
            except DataError as error:
                left_out.append(str(error).rstrip("."))
        if not made:
            first = f", such as {left_out[0]}" if left_out else ""
            raise DataError(f"{where}: found no data set to learn from in {len(numbers)} tasks{first}.")
        splits = self.splits.of(list(made))
        chosen = {name: made[name] for name in splits}
        return together(chosen, {name: {split: (0, 1)} for name, split in splits.items()}, where, left_out)

    def _table(self, number: int, made: Mapping[str, Prepared]) -> tuple[str, Prepared]:
        """The name of its data set, and the table."""
        frames = OfOpenML(self.files, "task", number, None, self.rows, self.seed)
        data, _ = frames.found()
        if data.name in made:
            raise DataError(f"{frames.where}: its data set '{data.name}' is another task's already.")
        divide = by_rows([1 - self.asked, self.asked], self.seed)
        return data.name, prepare(f"{frames.where} ({data.name})", frames(), None, self.encoding, divide, 2)
