"""Which classes belong to train, val and test: from a file, from the package, or by a ratio."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from metassl.data.pool import SPLITS
from metassl.errors import ConfigError, DataError, one_of

PUBLISHED = Path(__file__).parent / "splits"

# How else the splits are called
MEANT = {split: split for split in SPLITS} | {
    "training": "train", "valid": "val", "validation": "val", "dev": "val", "eval": "val", "testing": "test",
}  # fmt: skip


def meant_split(name: str) -> str | None:
    """The split that a folder of this name is meant to be, None for any other folder."""
    return MEANT.get(name.lower())


def published(name: str) -> dict[str, list[str]]:
    """The class names of each split that a paper fixed; `name` is a file of `data/splits`."""
    return dict(json.loads((PUBLISHED / f"{name}.json").read_text()))


def from_file(path: str | Path, class_names: Sequence[str]) -> dict[str, list[int]]:
    """Class indices from a JSON file {"train": [names], "val": [names], "test": [names]}.

    A split may be missing, and a class that no split names is left out.

    Raises:
        DataError: no such file, not that form, or a name that `class_names` lacks.
    """
    try:
        named = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise DataError(f"split file '{path}' can't be read as JSON: {error}.") from error
    form = '{"train": [names], "val": [names], "test": [names]}'
    if not isinstance(named, dict) or not all(isinstance(names, list) for names in named.values()):
        raise DataError(f"split file '{path}': found another form, allowed is {form}.")
    for split in named:
        if split not in SPLITS:
            raise DataError(one_of(f"split file '{path}'", split, SPLITS))
    return indices(named, class_names, f"split file '{path}', class")


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise DataError(f"split file '{path}' doesn't exist.") from error
    except (OSError, ValueError) as error:
        raise DataError(f"split file '{path}' can't be read: {error}.") from error


def indices(
    named: Mapping[str, Sequence[str]], class_names: Sequence[str], what: str
) -> dict[str, list[int]]:
    """The place in `class_names` of every name of every split. `what` opens the line of an error."""
    place = {name: k for k, name in enumerate(class_names)}
    for names in named.values():
        for name in names:
            if str(name) not in place:
                raise DataError(one_of(what, name, class_names))
    return {split: [place[str(name)] for name in named.get(split, ())] for split in SPLITS}


def by_ratio(class_count: int, ratio: Sequence[float], seed: int) -> dict[str, list[int]]:
    """A random share of whole classes for train, val and test, the same for the same seed.

    Raises:
        ConfigError: `ratio` isn't three shares >= 0 that sum to 1, or `seed` is below 0.
    """
    shares = _shares(ratio)
    if seed < 0:
        raise ConfigError(f"dataset.source.seed: found {seed}, allowed are whole numbers from 0.")
    order = np.random.default_rng(seed).permutation(class_count)
    edges = np.rint(np.cumsum(shares)[:2] * class_count).astype(int)
    parts = np.split(order, edges)
    return {split: sorted(int(k) for k in part) for split, part in zip(SPLITS, parts, strict=True)}


def _shares(ratio: Sequence[float]) -> list[float]:
    try:
        shares = [float(share) for share in ratio]
    except (TypeError, ValueError):
        shares = []
    if len(shares) != 3 or not all(share >= 0 for share in shares) or abs(sum(shares) - 1) > 1e-6:
        raise ConfigError(
            f"dataset.source.ratio: found {ratio}, allowed are three shares >= 0 that sum to 1."
        )
    return shares


@dataclass(frozen=True)
class SplitChoice:
    """How a user's own data are split: by a JSON file if there is one, else by a ratio of classes."""

    file: str | Path | None
    ratio: Sequence[float]
    seed: int

    def fingerprint(self) -> dict[str, Any]:
        """What determines the split. A split file counts by its text, so that an edit is seen."""
        if self.file is None:
            return {"ratio": _shares(self.ratio), "seed": self.seed}
        return {"splits": _text(self.file)}

    def of(self, class_names: Sequence[str]) -> dict[str, list[int]]:
        """Class indices of train, val and test. Raises as `from_file` and `by_ratio` do."""
        if self.file is None:
            return by_ratio(len(class_names), self.ratio, self.seed)
        return from_file(self.file, class_names)
