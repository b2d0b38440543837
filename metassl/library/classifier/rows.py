"""From what a caller gives as X to what a learner reads.

Legend: n rows, d numbers of a row, h height, w width, c channels.
"""

import warnings
from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from metassl.data.spec import to_count
from metassl.data.tables.columns import Column, Said, found_columns
from metassl.data.tables.encoding import SCALES, Encoder, Scale
from metassl.data.tables.narrowing import Narrowing
from metassl.errors import ConfigError, InputError, one_of
from metassl.library.classifier.cells import frame_of, said_by_type
from metassl.library.inputs import inputs, same_form
from metassl.trained.encoder import TrainedEncoder
from metassl.trained.facts import Facts
from metassl.trained.pictures import PictureFit

Table: TypeAlias = pd.DataFrame | NDArray[Any]
PLAIN = "none"  # no scale: vectors are taken as they are


class Rows(Protocol):
    """Makes a learner's inputs of rows, by what it has seen of those that it was fitted to."""

    columns: list[Column]

    def fit(self, x: Any) -> NDArray[Any]:
        """Looks at rows, and gives their inputs."""
        ...

    def __call__(self, x: Any) -> NDArray[Any]:
        """[n, d] numbers, or [n, h, w, c] pictures, of n rows or pictures."""
        ...


class TableRows:
    """Encodes rows of a table by the features of those that it was fitted to, as dataset=table does.

    Args:
        kinds, scale, categories: see metassl.data.tables.table.Table.
        width: numbers of a row, as in metassl.data.tables.narrowing; None: as many as there are.

    Attributes:
        columns: what was found.
    """

    def __init__(self, kinds: Mapping[str, Said], scale: Scale, categories: int, width: int | None) -> None:
        self.kinds, self.scale, self.categories, self.width = kinds, scale, categories, width
        self.columns: list[Column] = []

    def fit(self, x: Table) -> NDArray[np.float32]:
        """[n, d]. x is a frame, or an array [n, columns]; the columns of an array of numbers are numeric."""
        frame = frame_of(x)
        self.columns = found_columns("X", frame, {**said_by_type(x), **self.kinds})
        self.encoder = Encoder(self.columns, self.scale, self.categories).fit(frame)
        numbers = self._finite(frame)
        self.narrowing = Narrowing(self.width).fit(numbers)
        return self.narrowing.transform(numbers)

    def __call__(self, x: Table) -> NDArray[np.float32]:
        """[n, d]. Columns go by their order, for an array has no names."""
        frame = frame_of(x)
        frame.columns = [column.name for column in self.columns]
        return self.narrowing.transform(self._finite(frame))

    def _finite(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        with np.errstate(over="ignore", invalid="ignore"):
            numbers = self.encoder.transform(frame)
        if not np.isfinite(numbers).all():
            raise InputError("X: found numbers whose squares are too large to be added up.")
        return numbers


class PlainRows:
    """Takes images [n, h, w] or [n, h, w, c], or float vectors [n, d], as they are, as metassl.task does."""

    def __init__(self) -> None:
        self.columns: list[Column] = []

    def fit(self, x: Any) -> NDArray[Any]:
        """[n, h, w, c] or [n, d]."""
        found = self._read(x)
        self.example = found[:1]
        return found

    def __call__(self, x: Any) -> NDArray[Any]:
        """[n, h, w, c] or [n, d]."""
        return same_form("X", self._read(x), "what fit was given", self.example)

    def _read(self, x: Any) -> NDArray[Any]:
        array = np.asarray(x)
        return inputs("X", array if array.dtype == np.uint8 and array.ndim > 2 else array.astype(np.float32))


class PictureRows(PlainRows):
    """Makes images [n, h, w] or [n, h, w, c] what a learner was trained on, and warns of what that took.

    Args:
        facts: of the training; see metassl.trained.pictures.
    """

    def __init__(self, facts: Facts) -> None:
        super().__init__()
        self.pictures = PictureFit(facts)

    def fit(self, x: Any) -> NDArray[Any]:
        """[n, H, W, C] of the learner's size."""
        found = self.pictures.fit(self._read(x))
        for line in self.pictures.said:
            warnings.warn(f"X: {line}.", UserWarning, stacklevel=3)
        self.example = found[:1]
        return found

    def __call__(self, x: Any) -> NDArray[Any]:
        """[n, H, W, C]."""
        return same_form("X", self.pictures(self._read(x)), "what fit was given", self.example)

    def _read(self, x: Any) -> NDArray[Any]:
        """Whole numbers as uint8, of which those up to 1, and truth values, are dark and light."""
        array = np.asarray(x)
        if array.dtype.kind in "biu" and array.size:
            low, high = int(array.min()), int(array.max())
            if low < 0 or high > 255:
                raise InputError(
                    f"X: found whole numbers from {low} to {high} in pictures, allowed are 0 to 255."
                )
            plain = array.dtype == np.uint8
            array = array if plain else array.astype(np.uint8) * np.uint8(255 if high <= 1 else 1)
        elif array.dtype.kind not in "biufO":
            raise InputError(f"X: found {array.dtype.name} in pictures, allowed are numbers.")
        return super()._read(array)


class EmbeddedRows:
    """Makes images what those of a training were, and then the vectors that a learner takes.

    Args:
        facts: of the training; see metassl.trained.pictures.
        encoder: makes vectors of them.
    """

    def __init__(self, facts: Facts, encoder: TrainedEncoder) -> None:
        self.pictures, self.encoder = PictureRows(facts), encoder
        self.columns: list[Column] = []

    def fit(self, x: Any) -> NDArray[np.float32]:
        """[n, d]."""
        return self.encoder(self.pictures.fit(x))

    def __call__(self, x: Any) -> NDArray[np.float32]:
        """[n, d]."""
        return self.encoder(self.pictures(x))


def rows_of(
    x: Table,
    facts: Facts | None,
    encoder: TrainedEncoder | None,
    kinds: Mapping[str, Said],
    scale: str,
    categories: int,
    width: int | None,
) -> Rows:
    """What reads such rows; see TableRows, PictureRows, EmbeddedRows, and PlainRows for scale="none"."""
    if x.ndim > 2 and facts is not None and facts.pictures is not None:
        return PictureRows(facts) if encoder is None else EmbeddedRows(facts, encoder)
    if scale == PLAIN or x.ndim > 2:
        return PlainRows()
    if scale not in SCALES:
        raise ConfigError(one_of("scale", scale, [*SCALES, PLAIN]))
    to_count("categories", categories, 2)
    own = None if width is None else to_count("width", width, 1)
    return TableRows(kinds, cast(Scale, scale), categories, own)
