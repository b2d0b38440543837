"""Which of several tables are for training, validation and test."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from metassl.data.class_splits import SplitChoice, by_ratio, indices
from metassl.data.pool import SPLITS
from metassl.errors import ConfigError, one_of

Named = str | Path | Mapping[str, Sequence[str]]


class TableSplits:
    """Says which split a table is of: by its name, or by shares of them.

    Args:
        splits: a JSON file {"train": [tables], "val": [tables], "test": [tables]}, or the same as keys; None:
            by `ratio`. A table that is in no split is left out.
        ratio: shares of the tables for training, validation and test.
        seed: of that division.

    Raises:
        ConfigError: shares or splits that can't be.
    """

    def __init__(self, splits: Named | None, ratio: Sequence[float], seed: int) -> None:
        self.named = {k: list(v) for k, v in splits.items()} if isinstance(splits, Mapping) else None
        for split in self.named or {}:
            if split not in SPLITS:
                raise ConfigError(one_of("dataset.source.splits", split, SPLITS))
        self.choice = SplitChoice(None if isinstance(splits, Mapping) else splits, ratio, seed)
        by_ratio(0, ratio, seed)  # refuses shares that can't be

    def fingerprint(self) -> Mapping[str, Any]:
        """What determines them."""
        return self.named or self.choice.fingerprint()

    def of(self, names: Sequence[str]) -> dict[str, str]:
        """Table -> split, in the order of the names."""
        if self.named is None:
            found = self.choice.of(names)
        else:
            found = indices(self.named, names, "dataset.source.splits, table")
        of = {names[k]: split for split, places in found.items() for k in places}
        twice = first_twice(names[k] for places in found.values() for k in places)
        if twice:
            raise ConfigError(f"dataset.source.splits: found table '{twice}' twice, allowed is each once.")
        return {name: of[name] for name in names if name in of}


def first_twice(names: Iterable[str]) -> str | None:
    """The first name that comes a second time."""
    seen = set[str]()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
