"""A split as a distribution holds it, and all splits together as the contents of a source."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from metassl.data.images.pictures import squeeze
from metassl.data.pool import SPLITS, Contents
from metassl.data.preparing.room import room
from metassl.errors import DataError

Put = Callable[[np.ndarray], None]


@dataclass(frozen=True)
class Part:
    """One split.

    Attributes:
        where: its file or folder, for messages.
        names: of C classes, in any order.
        labels: [n] class of each image, an index of `names`.
        send: hands all n images over in the order of `labels`, some at a time, [b, h, w, 3] uint8.
    """

    where: Path
    names: Sequence[str]
    labels: np.ndarray
    send: Callable[[Put], None]

    @property
    def counts(self) -> np.ndarray:
        """[C] images of each class."""
        return np.bincount(self.labels, minlength=len(self.names))


def gather(
    parts: Mapping[str, Part], size: int, resample: Image.Resampling, meta: Mapping[str, Any]
) -> Contents:
    """All images [n, size, size, 3] uint8, a class after the other, by split and then by name.

    The order of classes doesn't depend on the distribution, so neither do the episodes' classes.

    Raises:
        DataError: a part has more or fewer images than labels; and what `send` raises.
    """
    items = room((sum(len(part.labels) for part in parts.values()), size, size, 3))
    counts: list[int] = []
    names: list[str] = []
    splits: dict[str, list[int]] = {}
    for split in SPLITS:
        part, first = parts[split], sum(counts)
        order = sorted(range(len(part.names)), key=lambda k: part.names[k])
        splits[split] = list(range(len(names), len(names) + len(order)))
        rows = _Rows(part, items[first : first + len(part.labels)], np.argsort(order), resample)
        part.send(rows.put)
        rows.check_full()
        counts += part.counts[order].tolist()
        names += [part.names[k] for k in order]
    return Contents(items, np.array(counts), _unique(names, splits), splits, meta)


class _Rows:
    """Puts images, which come in the order of their part, into the order of classes."""

    def __init__(self, part: Part, items: np.ndarray, rank: np.ndarray, resample: Image.Resampling) -> None:
        self.part, self.items, self.resample, self.done = part, items, resample, 0
        self.places = np.empty(len(items), np.int64)
        self.places[np.argsort(rank[part.labels], kind="stable")] = np.arange(len(items))

    def put(self, images: np.ndarray) -> None:
        end = self.done + len(images)
        if end <= len(self.places):
            resized = squeeze(images, self.items.shape[1], self.resample)
            self.items[self.places[self.done : end]] = resized
        self.done = end

    def check_full(self) -> None:
        if self.done != len(self.places):
            raise DataError(
                f"'{self.part.where}': found {self.done:,} images and {len(self.places):,} labels, "
                "needed is one label for each image."
            )


def _unique(names: Sequence[str], splits: Mapping[str, Sequence[int]]) -> list[str]:
    """Names that say the split and the place where several classes have the same one (cranes)."""
    times = Counter(names)
    split_of = {k: split for split, classes in splits.items() for k in classes}
    return [
        name if times[name] == 1 else f"{name} ({split_of[k]} {k - splits[split_of[k]][0]})"
        for k, name in enumerate(names)
    ]
