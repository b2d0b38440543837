"""The source of tasks whose support and queries are of different domains."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from metassl.data.builder import Sampler
from metassl.data.class_splits import SplitChoice
from metassl.data.domains.contents import domain_pool
from metassl.data.domains.roles import HoldOut, Roles
from metassl.data.domains.sampler import DomainSampler
from metassl.data.domains.spec import DomainSpec, both_specs
from metassl.data.low_quality.wrong_labels import with_wrong_labels
from metassl.data.pool import SPLITS, Contents, Source, input_shape
from metassl.data.task_source import TaskSource
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import Classification
from metassl.schema.constructor import checked
from metassl.schema.ranges import Ratio, Seed, Word
from metassl.tasks.spec import TaskSpec


class Domains:
    """Draws the labelled examples of a task from source domains, and its queries from a target domain.

    Which domains a task is of only the oracle knows. S is of source domains, U and Q are of the target; see
    metassl.data.domains.spec for what else an episode may ask for, and metassl.data.domains.roles for what
    splits share.

    Args:
        files: where the rows come from: a source whose contents have domains.
        test_domains: targets of test tasks; null: those of test_pair or, with hold_out=classes, all.
        val_domains: targets of validation tasks; null: the domains of training, or with hold_out=classes all.
        hold_out: what no training task has: the test and validation `domains`, the test and validation
            `classes`, or both.
        test_pair: source and target of all test tasks; null: any that may be.
        splits, ratio, seed: of the classes, where they are held out; see metassl.data.class_splits.

    Raises:
        ConfigError: once the domains are known, a name that is none of them; see Roles.
    """

    @checked("dataset.source")
    def __init__(
        self,
        files: Source,
        test_domains: Sequence[Word] | None = None,
        val_domains: Sequence[Word] | None = None,
        hold_out: Literal["domains", "classes", "both"] = "domains",
        test_pair: tuple[Word, Word] | None = None,
        splits: str | Path | None = None,
        ratio: Ratio = (0.6, 0.2, 0.2),
        seed: Seed = 0,
    ) -> None:
        self.files, self.hold_out = files, hold_out
        self.test, self.val = list(test_domains or ()), list(val_domains or ())
        self.pair = None if test_pair is None else (test_pair[0], test_pair[1])
        self.choice = SplitChoice(splits, ratio, seed)

    def prepared(self, load: Callable[[Source], Contents]) -> TaskSource:
        """See metassl.data.task_source.PreparedTasks."""
        contents = load(self.files)
        hold_out: HoldOut = self.hold_out
        roles = Roles(contents.meta["domains"], self.test, self.val, hold_out, self.pair)
        for split in SPLITS:
            roles.sources_and_targets(split)
        return DomainTasks(contents, roles, self._classes(contents.meta["classes"]))

    def _classes(self, names: Sequence[str]) -> Mapping[str, Sequence[int]]:
        """Split -> its classes: all of them, where classes are not held out."""
        if self.hold_out == "domains":
            return {split: range(len(names)) for split in SPLITS}
        return self.choice.of(names)


@dataclass(frozen=True)
class DomainTasks:
    """Draws tasks between domains; see metassl.data.task_source.TaskSource.

    Attributes:
        contents: of metassl.data.domains.contents.described.
        roles: of the domains.
        classes: split -> numbers of its classes.
    """

    outcomes: ClassVar[tuple[type[Outcome], ...]] = (Classification,)

    contents: Contents
    roles: Roles
    classes: Mapping[str, Sequence[int]]

    @property
    def reduced(self) -> bool:
        """As the source says."""
        return bool(self.contents.meta.get("reduced", False))

    def make_ups(self, train: Mapping[str, Any], changes: Mapping[str, Any]) -> tuple[DomainSpec, DomainSpec]:
        """See TaskSource."""
        return both_specs(train, changes)

    def task_spec(self, train: DomainSpec, test: DomainSpec, outcome: Outcome) -> TaskSpec:
        """The widest way of both, the shape of an input, and the classes of training, whatever the domain."""
        return TaskSpec(
            way=max(train.way, test.way),
            input_shape=input_shape(self.contents.items),
            base_classes=len(self.classes["train"]),
            outcome=outcome,
        )

    def sampler(self, make_up: DomainSpec, seed: int, split: str, outer: bool) -> Sampler:
        """See TaskSource."""
        combinations = self.roles.combinations(split, make_up.sources)
        pool = domain_pool(self.contents, self.classes[split])
        drawn = DomainSampler(pool, combinations, make_up, seed, split, outer)
        return with_wrong_labels(drawn, make_up.quality, seed, split)

    def items(self) -> np.ndarray:
        """Of all domains."""
        return self.contents.items

    def description(self) -> str:
        """The domains of each split and the classes, for people."""
        each = []
        for split in SPLITS:
            sources, targets = (
                " ".join(self.roles.names[k] for k in numbers)
                for numbers in self.roles.sources_and_targets(split)
            )
            each.append(f"{split}: {sources} → {targets}, {len(self.classes[split])} classes")
        said = f"{self.contents.meta['said']}; " if "said" in self.contents.meta else ""
        return said + "; ".join(each)
