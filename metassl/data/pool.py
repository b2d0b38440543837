"""What a source holds once it is prepared, and the pool of one split that episodes are drawn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Contents:
    """A whole source in memory-mappable form.

    Attributes:
        items: [n, ...] uint8 images [n, h, w, c] (0 to 255) or finite float32 images or vectors
            [n, d], sorted by class: class k holds the rows starts[k] to starts[k] + counts[k].
        counts: [C] int64, items of each class, all > 0.
        class_names: C names, unique.
        splits: for each of train, val and test the class indices, disjoint. A source may leave
            val or test empty.
        meta: anything a reader may want to know of the source (JSON-serialisable).
    """

    items: np.ndarray
    counts: np.ndarray
    class_names: Sequence[str]
    splits: Mapping[str, Sequence[int]]
    meta: Mapping[str, Any]


class Source(Protocol):
    """Where data come from. `read` is called once; the store keeps what it returns."""

    @property
    def name(self) -> str:
        """A short name for messages and for the cache folder."""
        ...

    def fingerprint(self) -> Mapping[str, Any]:
        """All that determines the prepared arrays (options, file sizes, version of the format)."""
        ...

    def read(self) -> Contents:
        """Read, check and return everything. Raises DataError with one line."""
        ...


def input_shape(items: np.ndarray) -> tuple[int, ...]:
    """The shape in which a network gets one of the items: (channels, height, width) or (features,)."""
    shape = items.shape[1:]
    return (shape[2], *shape[:2]) if len(shape) == 3 else shape


@dataclass(frozen=True)
class Pool:
    """The classes of one split.

    Attributes:
        items: [n, ...] of ALL splits (memory-mapped, shared).
        starts: [C] row of each class's first item.
        counts: [C] items of each class.
        class_names: C names.
        class_ids: [C] index of each class in the whole source.
    """

    items: np.ndarray
    starts: np.ndarray
    counts: np.ndarray
    class_names: Sequence[str]
    class_ids: np.ndarray


def split_pool(contents: Contents, split: str) -> Pool:
    """The pool of one split of `contents`; a split without classes gives an empty pool."""
    ids = np.asarray(contents.splits.get(split, ()), dtype=np.int64)
    starts = np.concatenate(([0], np.cumsum(contents.counts)[:-1])).astype(np.int64)
    names = [contents.class_names[k] for k in ids]
    return Pool(contents.items, starts[ids], np.asarray(contents.counts)[ids], names, ids)
