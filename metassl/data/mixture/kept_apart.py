"""Finds the classes that one data set trains on and another is tested on.

CIFAR-FS and FC100 split the same photographs in two ways, so that a mixture of both would train on classes
that it is tested on. Here a class belongs to the strictest split that it has in another data set: test before
validation before training. What is less strict in a data set of its own is left out there. So test classes
are those that the papers have, and only training and validation have fewer.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from metassl.data.images.imagenet.subset import WORDNET
from metassl.data.pool import SPLITS

SAME = 0.05  # share of the smaller class: fewer are chance, for CIFAR-100 has single pictures in two classes


@dataclass(frozen=True)
class Known:
    """What a class is known by.

    Attributes:
        member: the data set that it is of.
        number: of the class there.
        split: of the class there.
        marks: hashes of its pictures, or a name that says in any data set what the class is.
    """

    member: str
    number: int
    split: str
    marks: set[bytes]

    def before(self, other: "Known") -> bool:
        """Whether the other is of another data set and, there, of a stricter split."""
        return self.member != other.member and SPLITS.index(self.split) < SPLITS.index(other.split)


def known(
    member: str, splits: Mapping[str, Sequence[int]], number: int, name: str, pictures: np.ndarray
) -> Iterator[Known]:
    """A class by its pictures [n, H, W, C], and by its name, if it is of a split.

    The name counts where it is a number of WordNet, since ImageNet's subsets are resized in different ways. A
    picture of one colour says nothing and is no mark.
    """
    flat = pictures.reshape(len(pictures), -1)
    seen = flat[flat.min(1) < flat.max(1)]
    for split in (split for split in SPLITS if number in splits.get(split, ())):
        yield Known(member, number, split, {blake2b(row.tobytes(), digest_size=16).digest() for row in seen})
        if WORDNET.fullmatch(name):
            yield Known(member, number, split, {name.encode()})


def left_out(classes: Sequence[Known]) -> dict[str, dict[str, set[int]]]:
    """Data set -> split -> numbers of its classes that another data set has in a stricter split."""
    having: dict[bytes, list[int]] = defaultdict(list)
    for place, each in enumerate(classes):
        for mark in each.marks:
            having[mark].append(place)
    found: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for each in classes:
        shared = Counter(place for mark in each.marks for place in having[mark])
        for other, count in ((classes[place], count) for place, count in shared.items()):
            if each.before(other) and count >= SAME * min(len(each.marks), len(other.marks)):
                found[each.member][each.split].add(each.number)
    return found
