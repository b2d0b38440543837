"""Several prepared data sets as one array of pictures.

Legend: n pictures of a class, S styles.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from metassl.data.mixture.kept_apart import Known, known, left_out
from metassl.data.mixture.styles import STYLES
from metassl.data.mixture.together import brought_together, check_pictures
from metassl.data.pool import SPLITS, Contents, Source
from metassl.data.preparing.progress import track
from metassl.data.preparing.room import room
from metassl.errors import DataError

KEY = "dataset.source.members"
LeftOut = Mapping[str, Mapping[str, set[int]]]


class Merged:
    """The pictures of all members, each brought to one form and stored under each style.

    A class of the member "omniglot" is named "omniglot/…" and has S·n pictures: its n under the first style,
    then under the second, and so on. It stays in the member's own split, or is in none where that would train
    on what another member is tested on; see metassl.data.mixture.kept_apart.

    Args:
        members: name -> source, in their order.
        load: what a source holds, prepared now if it was not before.
        styles: names in STYLES.
        size, channels: see metassl.data.mixture.together.
    """

    name = "mixture"

    def __init__(
        self,
        members: Mapping[str, Source],
        load: Callable[[Source], Contents],
        styles: Sequence[str],
        size: int,
        channels: int,
    ) -> None:
        self.members, self.load, self.styles = members, load, styles
        self.size, self.channels = size, channels

    def fingerprint(self) -> Mapping[str, Any]:
        """The options, and each member's own fingerprint, in their order."""
        own = []
        for name, source in self.members.items():
            with self._naming(name):
                own.append([name, source.name, dict(source.fingerprint())])
        return {
            "version": 1, "members": own, "styles": list(self.styles), "shape": [self.size, self.channels],
        }  # fmt: skip

    def read(self) -> Contents:
        """Raises DataError, which names the member, for what a source refuses, and for what is no picture."""
        found = {name: self._contents(name) for name in self.members}
        counts = np.concatenate([np.asarray(each.counts) for each in found.values()]) * len(self.styles)
        items = room((int(counts.sum()), self.size, self.size, self.channels))
        classes: list[Known] = []
        row = 0
        for name, each, k, pictures in _classes(found):
            form = brought_together(pictures, self.size, self.channels)
            if len(found) > 1:
                classes += known(name, each.splits, k, each.class_names[k], form)
            for style in self.styles:
                items[row : row + len(form)] = STYLES[style](form)
                row += len(form)
        out = left_out(classes)
        return Contents(items, counts, _names(found), _splits(found, out), self._meta(found, out))

    def _contents(self, name: str) -> Contents:
        with self._naming(name):
            contents = self.load(self.members[name])
        check_pictures(contents.items, f"{KEY}: '{name}'")
        return contents

    @contextmanager
    def _naming(self, name: str) -> Iterator[None]:
        """Says in the line of an error which member it is of, and what would do without it."""
        try:
            yield
        except DataError as error:
            others = [other for other in self.members if other != name]
            without = f" Without it: {KEY}=[{','.join(others)}]." if others else ""
            raise DataError(f"{KEY}: '{name}': {error}{without}") from error

    def _meta(self, found: Mapping[str, Contents], out: LeftOut) -> dict[str, Any]:
        return {
            "source": "; ".join(f"{name}: {each.meta.get('source', name)}" for name, each in found.items()),
            "reduced": any(each.meta.get("reduced", False) for each in found.values()),
            "members": {name: len(each.counts) for name, each in found.items()},
            "styles": list(self.styles),
            "left_out": {name: {split: len(gone) for split, gone in of.items()} for name, of in out.items()},
        }


def _classes(found: Mapping[str, Contents]) -> Iterator[tuple[str, Contents, int, np.ndarray]]:
    """Each class of each member: (member, its contents, number of the class in it, pictures)."""
    for name, each in found.items():
        ends = np.cumsum(each.counts)
        for k, (low, high) in enumerate(track(list(zip(ends - each.counts, ends, strict=True)), name)):
            yield name, each, k, each.items[low:high]


def _names(found: Mapping[str, Contents]) -> list[str]:
    return [f"{name}/{of_class}" for name, each in found.items() for of_class in each.class_names]


def _splits(found: Mapping[str, Contents], out: LeftOut) -> dict[str, list[int]]:
    """The members' splits, one after the other, without what is left out."""
    splits: dict[str, list[int]] = {split: [] for split in SPLITS}
    first = 0
    for name, each in found.items():
        for split in SPLITS:
            gone = out.get(name, {}).get(split, set())
            splits[split] += [first + k for k in each.splits.get(split, ()) if k not in gone]
        first += len(each.counts)
    return splits
