"""What a suite is: tables of published results, each cell made by an experiment."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One cell of a table.

    Attributes:
        row, column: its place.
        experiment: option of conf/experiment.
        weights: the experiment whose trained weights are tested.
        words: overrides of the test.
        train: overrides of the training, and so of the test as well.
    """

    row: str
    column: str
    experiment: str
    weights: str
    words: tuple[str, ...]
    train: tuple[str, ...] = ()

    @property
    def needs_test(self) -> bool:
        """Whether the meta-test that ends the training is another one."""
        return bool(self.words) or self.weights != self.experiment


@dataclass(frozen=True)
class Table:
    """A table of a suite.

    Attributes:
        name: of it; "" for the only one.
        axis: what the numbers are that its columns are; None for no curve.
        columns, rows: their names.
        entries: its cells.
        mean: name of a further column, the mean over the others; "" for none.
    """

    name: str
    axis: str | None
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    entries: tuple[Entry, ...]
    mean: str = ""

    def at(self, row: str, column: str) -> Entry:
        """The cell at this place."""
        return next(e for e in self.entries if (e.row, e.column) == (row, column))


@dataclass(frozen=True)
class Suite:
    """Tables and the seeds of their cells."""

    name: str
    title: str
    about: str
    seeds: tuple[int, ...]
    tables: tuple[Table, ...]

    @property
    def entries(self) -> list[Entry]:
        """The cells of all tables."""
        return [entry for table in self.tables for entry in table.entries]
