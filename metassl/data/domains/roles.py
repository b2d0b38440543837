"""Which domains and classes the tasks of a split are of.

Legend: D domains.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Literal

import numpy as np

from metassl.data.domains.contents import numbers_of
from metassl.errors import ConfigError

HoldOut = Literal["domains", "classes", "both"]
KEY = "dataset.source"
MOST = 1_000_000  # combinations that are listed


@dataclass(frozen=True)
class Combination:
    """The domains of a task.

    Attributes:
        sources: numbers of the source domains, rising.
        target: number of the target domain.
    """

    sources: tuple[int, ...]
    target: int


@dataclass(frozen=True)
class Roles:
    """What of the domains is held out from training.

    Attributes:
        names: of the D domains.
        test, val: domains that are targets at test and at validation; none: all that may be.
        hold_out: "domains": no training task has a row of a test or validation domain; "classes": test and
            validation classes are others, and domains are not held out; "both".
        pair: (source, target) of all test tasks; None: any.
    """

    names: Sequence[str]
    test: Sequence[str]
    val: Sequence[str]
    hold_out: HoldOut
    pair: tuple[str, str] | None = None

    def combinations(self, split: str, sources: int) -> list[Combination]:
        """All that tasks of a split may be of, with this many source domains.

        Raises:
            ConfigError: names the key; a domain that there is not, or none left.
        """
        froms, targets = self.sources_and_targets(split)
        most = comb(len(self.names), sources) * len(targets)
        if most > MOST:
            raise ConfigError(
                f"episode.sources: found {sources}, which of {len(self.names)} domains are too many."
            )
        found = [
            Combination(some, target)
            for target in targets
            for some in combinations([k for k in froms if k != target], sources)
        ]
        if not found:
            names = ", ".join(self.names[k] for k in froms)
            raise ConfigError(
                f"episode.sources: found {sources}, split '{split}' has no task with so many source domains "
                f"beside its target (source domains: {names or 'none'})."
            )
        return found

    def sources_and_targets(self, split: str) -> tuple[list[int], list[int]]:
        """Numbers of the domains that S, and those that Q of a task of this split may be of."""
        every = list(range(len(self.names)))
        test, val = self._held_out()
        if split == "test" and self.pair is not None:
            source, target = numbers_of(f"{KEY}.test_pair", self.pair, self.names)
            return [source], [target]
        chosen = {"train": [], "val": val, "test": test}[split]
        if self.hold_out == "classes":
            return every, chosen or every
        training = [k for k in every if k not in test and k not in val]
        if split == "test":
            return [k for k in every if k not in test], test
        return training, chosen or training

    def _held_out(self) -> tuple[list[int], list[int]]:
        """Numbers of the test and of the validation domains."""
        named = self.test
        if self.pair is not None:
            target = self.pair[1]
            numbers_of(f"{KEY}.test_pair", self.pair, self.names)
            if named and target not in named:
                raise ConfigError(
                    f"{KEY}.test_pair: found the target '{target}', allowed are test_domains: "
                    f"{', '.join(named)}."
                )
            named = named or [target]
        test = numbers_of(f"{KEY}.test_domains", named, self.names)
        val = numbers_of(f"{KEY}.val_domains", self.val, self.names)
        if self.hold_out != "classes" and not test:
            raise ConfigError(
                f"{KEY}.test_domains: found none, allowed with hold_out={self.hold_out} are one or more of "
                f"{', '.join(self.names)}."
            )
        both = [self.names[k] for k in val if k in test]
        if both and self.hold_out != "classes":
            raise ConfigError(
                f"{KEY}.val_domains: found '{both[0]}', which is a test domain; allowed is one role."
            )
        return test, val


def family_number(combination: Combination, domains: int) -> int:
    """A number that says which domains a task is of: target + D·source.

    Several sources are the digits of a number in base D, which stands in the place of the source.
    """
    place = np.ravel_multi_index(combination.sources, (domains,) * len(combination.sources))
    return int(combination.target + domains * place)
