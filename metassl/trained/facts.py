"""What tasks a learner was trained on, so far as whoever uses it later has to know: no data needed.

Legend: n pictures, F numbers of a description.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metassl.data.builder import Sampler
from metassl.data.images.embedded import EmbeddedTasks
from metassl.data.pool import input_shape
from metassl.data.task_source import TaskSource
from metassl.errors import DataError
from metassl.outcomes.base import Outcome
from metassl.runs.facts import is_number
from metassl.tasks.spec import TaskSpec
from metassl.trained.likeness import PARTS, Numbers, described

VERSION = 1
PICTURES = 200  # that are described
LARGEST = 100_000  # size, way, or number of classes that a file may claim
Rows = Callable[[NDArray[Any]], NDArray[Any]]


@dataclass(frozen=True)
class Facts:
    """The tasks of a training.

    Attributes:
        way: N, the most classes of one, or values.
        input_shape: of an input: (channels, height, width) or (features,).
        base_classes: classes of the training split.
        pictures: [n, F] descriptions of some pictures, see metassl.trained.likeness; None: there are none.
        encoded_shape: (channels, height, width) of pictures that were embedded, so that inputs are vectors of
            them; None: inputs are what they are.
    """

    way: int
    input_shape: tuple[int, ...]
    base_classes: int
    pictures: Numbers | None = None
    encoded_shape: tuple[int, ...] | None = None

    @property
    def picture_shape(self) -> tuple[int, ...] | None:
        """(channels, height, width) of the pictures that whoever uses the learner gives; None: vectors."""
        if self.encoded_shape is not None:
            return self.encoded_shape
        return self.input_shape if len(self.input_shape) == 3 else None

    def task(self, outcome: Outcome, way: int | None = None) -> TaskSpec:
        """What a learner is built for, with another number of classes if given."""
        return TaskSpec(way or self.way, self.input_shape, self.base_classes, outcome)

    def sentence(self) -> str:
        """For people."""
        inputs, pictures = (
            "×".join(map(str, shape or ())) for shape in (self.input_shape, self.encoded_shape)
        )
        found = f"pictures of {pictures} as vectors of {inputs}" if pictures else f"inputs of {inputs}"
        return f"tasks of up to {self.way} classes, {found}"

    def plain(self) -> dict[str, Any]:
        """For a file."""
        known = None if self.pictures is None else self.pictures.round(4).tolist()
        encoded = None if self.encoded_shape is None else list(self.encoded_shape)
        return {
            "version": VERSION, "way": self.way, "input_shape": list(self.input_shape),
            "base_classes": self.base_classes, "encoded_shape": encoded, "pictures": known,
        }  # fmt: skip


def facts_of(task: TaskSpec, source: TaskSource, sampler: Sampler) -> Facts:
    """What is to be known of the tasks that a sampler draws from a source."""
    encoded = isinstance(source, EmbeddedTasks) and source.encoder is not None
    items = source.pictures() if isinstance(source, EmbeddedTasks) and encoded else source.items()
    pictures = None
    if items is not None and len(input_shape(items)) == 3:
        rows = np.unique(_some_rows(sampler))[:PICTURES]
        pictures = described(items[rows])
    shape = input_shape(items) if items is not None and encoded else None
    return Facts(task.way, tuple(task.input_shape), task.base_classes, pictures, shape)


def read_facts(path: Path, content: Any) -> Facts:
    """Facts of a file, which may come from anywhere; DataError names it."""
    if not isinstance(content, dict) or content.get("version") != VERSION:
        found = content.get("version") if isinstance(content, dict) else None
        raise DataError(f"{path}: found version {found!r} of the facts of a training, known is {VERSION}.")
    sizes, encoded = _read_shape(path, content, "input_shape"), None
    if content.get("encoded_shape") is not None:
        encoded = _read_shape(path, content, "encoded_shape", (3,))
    way, base = _count(path, "way", content.get("way"), 1), content.get("base_classes")
    pictures = _read_pictures(path, content.get("pictures"))
    return Facts(way, sizes, _count(path, "base_classes", base, 0), pictures, encoded)


def _some_rows(sampler: Sampler) -> NDArray[Any]:
    """Rows of S of the first training episodes, PICTURES or more where these are different."""
    rows: list[NDArray[Any]] = []
    for episode in range(PICTURES):
        draw = sampler(range(episode, episode + 1))
        rows.append(draw.support[draw.support_weight.astype(bool)])
        if sum(map(len, rows)) >= 2 * PICTURES:
            break
    return np.concatenate(rows)


def _read_shape(
    path: Path, content: Mapping[str, Any], key: str, lengths: Collection[int] = (1, 3)
) -> tuple[int, ...]:
    shape = content.get(key)
    if not isinstance(shape, list) or len(shape) not in lengths:
        also = " or [features]" if 1 in lengths else ""
        raise DataError(f"{path}: {key} has to be [channels, height, width]{also}.")
    return tuple(_count(path, key, value, 1) for value in shape)


def _read_pictures(path: Path, content: Any) -> Numbers | None:
    if content is None:
        return None
    rows = content if isinstance(content, list) else []
    whole = all(isinstance(row, list) and len(row) == PARTS and all(map(is_number, row)) for row in rows)
    if not 1 <= len(rows) <= PICTURES or not whole:
        raise DataError(f"{path}: pictures has to be up to {PICTURES} rows of {PARTS} numbers.")
    return np.array(rows, dtype=np.float64)


def _count(path: Path, key: str, value: Any, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= LARGEST:
        allowed = f"whole numbers from {least} to {LARGEST:,}"
        raise DataError(f"{path}: found {key} {value!r}, allowed are {allowed}.")
    return value
