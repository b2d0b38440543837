"""Where a frame comes from: a file, scikit-learn's own, or metassl.data.tables.openml."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol

import pandas as pd
import sklearn
from sklearn import datasets

from metassl.data.tables.reading import Reading, read_frame
from metassl.errors import DataError


@dataclass(frozen=True)
class Framed:
    """A frame, and what its source says of its columns.

    Attributes:
        frame: the rows.
        target: column of the classes; None: the source does not say.
        ignored: columns that the source says are no features.
        of: rows that these were drawn from; None: they are all.
    """

    frame: pd.DataFrame
    target: str | None = None
    ignored: Sequence[str] = ()
    of: int | None = None


class Frames(Protocol):
    """Gives the frame of one table."""

    @property
    def where(self) -> str:
        """What it is called in messages."""
        ...

    def fingerprint(self) -> Any:
        """All that determines it."""
        ...

    def __call__(self) -> Framed:
        """The frame. Raises DataError with one line."""
        ...


@dataclass(frozen=True)
class OfFile:
    """The frame of a file, and how it is read."""

    path: Path
    reading: Reading

    @property
    def where(self) -> str:
        """The file."""
        return f"'{self.path}'"

    def fingerprint(self) -> Any:
        """The file's place, size and time. Raises DataError for no such file."""
        if not self.path.is_file():
            raise DataError(f"dataset.source.path: '{self.path}' is not a file, give a table.")
        state, how = self.path.stat(), self.reading
        made = [str(self.path.resolve()), state.st_size, state.st_mtime_ns]
        return [*made, how.separator, how.encoding, how.sheet]

    def __call__(self) -> Framed:
        """See Frames."""
        return Framed(read_frame(self.path, self.reading))


Bundled = Literal["iris", "wine", "breast_cancer", "digits"]
LOAD: Mapping[str, Any] = MappingProxyType({
    "iris": datasets.load_iris, "wine": datasets.load_wine,
    "breast_cancer": datasets.load_breast_cancer, "digits": datasets.load_digits,
})  # fmt: skip


@dataclass(frozen=True)
class OfSklearn:
    """The frame of a data set that comes with scikit-learn, its classes in the column `class`."""

    name: str

    @property
    def where(self) -> str:
        """The data set."""
        return f"scikit-learn's {self.name}"

    def fingerprint(self) -> Any:
        """The name, and the version of scikit-learn."""
        return [self.name, sklearn.__version__]

    def __call__(self) -> Framed:
        """See Frames."""
        found = LOAD[self.name](as_frame=True)
        names = dict(enumerate(map(str, found.target_names)))
        return Framed(found.data.assign(**{"class": found.target.map(names)}), "class")
