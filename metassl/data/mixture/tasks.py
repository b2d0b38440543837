"""The source of tasks that are of several data sets, a task of one of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from metassl.data.builder import Sampler
from metassl.data.class_tasks import ClassTasks
from metassl.data.low_quality.wrong_labels import with_wrong_labels
from metassl.data.mixture.merged import KEY, Merged
from metassl.data.mixture.sampler import Family, MixtureSampler
from metassl.data.mixture.styles import STYLES
from metassl.data.named import several_of
from metassl.data.pool import SPLITS, Contents, Pool, Source, split_pool
from metassl.data.sampler import EpisodeSampler
from metassl.data.spec import EpisodeSpec, refuse_out_of_scope
from metassl.data.task_source import TaskSource
from metassl.errors import ConfigError
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import Classification
from metassl.schema.constructor import checked
from metassl.schema.ranges import Pixels, Weights, Words
from metassl.tasks.spec import TaskSpec


class Mixture:
    """Draws each task from one of several data sets, in one of several styles; only the oracle knows which.

    A family is a data set under a style. All pictures of a task are of its family, its distractors too. Each
    data set has its own split, but for classes that it would train on while another is tested on the same
    pictures: they are left out, see metassl.data.mixture.kept_apart. The number of a family is (place of the
    data set in `members`) · (number of styles) + (place of the style in `styles`).

    Args:
        sources: name -> data set of pictures. Only members are read.
        members: names of those that tasks are drawn from.
        styles: plain, blur, pencil, inverted, rotated; see metassl.data.mixture.styles.
        size: height and width of all pictures, pixels; see metassl.data.mixture.together.
        channels: of all pictures: 3, where grey is repeated, or 1, where colour becomes brightness.
        weights: how often each member is drawn, in any unit; null: all alike. Styles are always alike.

    Raises:
        ConfigError: a member or style that there is not, or one twice, or another number of weights.
    """

    @checked("dataset.source")
    def __init__(
        self,
        sources: Mapping[str, Source],
        members: Words,
        styles: Words = ("plain",),
        size: Pixels = 32,
        channels: Literal[1, 3] = 3,
        weights: Weights | None = None,
    ) -> None:
        self.members = several_of(KEY, members, sources)
        self.sources = {name: sources[name] for name in self.members}
        self.styles = several_of("dataset.source.styles", styles, STYLES)
        self.size, self.channels = size, channels
        self.weights = [1.0] * len(self.members) if weights is None else list(weights)
        if len(self.weights) != len(self.members):
            raise ConfigError(
                f"dataset.source.weights: found {len(self.weights)} numbers, allowed is one for each of the "
                f"{len(self.members)} members."
            )

    def prepared(self, load: Callable[[Source], Contents]) -> TaskSource:
        """See metassl.data.task_source.PreparedTasks."""
        merged = Merged(self.sources, load, self.styles, self.size, self.channels)
        return MixtureTasks(load(merged), self.weights)


@dataclass(frozen=True)
class MixtureTasks:
    """Draws tasks of the families; see metassl.data.task_source.TaskSource.

    Attributes:
        contents: of Merged.
        weights: of the members.
    """

    outcomes: ClassVar[tuple[type[Outcome], ...]] = (Classification,)

    contents: Contents
    weights: Sequence[float]

    @property
    def reduced(self) -> bool:
        """Whether any member's data are."""
        return bool(self.contents.meta["reduced"])

    def make_ups(
        self, train: Mapping[str, Any], changes: Mapping[str, Any]
    ) -> tuple[EpisodeSpec, EpisodeSpec]:
        """As of one data set's classes."""
        return ClassTasks(self.contents).make_ups(train, changes)

    def task_spec(self, train: EpisodeSpec, test: EpisodeSpec, outcome: Outcome) -> TaskSpec:
        """As of one data set; base classes are those of all, whatever the style."""
        return ClassTasks(self.contents).task_spec(train, test, outcome)

    def sampler(self, make_up: EpisodeSpec, seed: int, split: str, outer: bool) -> Sampler:
        """See TaskSource. Raises ConfigError, which names the member, where one can't serve the make-up."""
        refuse_out_of_scope(make_up)
        families, first = [], 0
        for name, weight in zip(self.contents.meta["members"], self.weights, strict=True):
            pools = self.pools(name, split)
            for pool in pools:
                try:
                    sampler = EpisodeSampler(pool, make_up, seed, split, outer)
                except ConfigError as error:
                    raise ConfigError(f"{str(error).rstrip('.')} (of '{name}' in {KEY}).") from error
                families.append(Family(sampler, first, weight))
            first += len(pools[0].counts)
        return with_wrong_labels(MixtureSampler(families), make_up.quality, seed, split)

    def pools(self, member: str, split: str) -> list[Pool]:
        """The member's classes in a split, under each style."""
        members = self.contents.meta["members"]
        low = sum(list(members.values())[: list(members).index(member)])
        whole = split_pool(self.contents, split)
        own = np.flatnonzero((whole.class_ids >= low) & (whole.class_ids < low + members[member]))
        counts, names = whole.counts[own] // len(self.styles), [whole.class_names[int(k)] for k in own]
        return [
            Pool(whole.items, whole.starts[own] + style * counts, counts, names, whole.class_ids[own])
            for style in range(len(self.styles))
        ]

    @property
    def styles(self) -> list[str]:
        """Their names."""
        return list(self.contents.meta["styles"])

    def items(self) -> np.ndarray:
        """Of all families."""
        return self.contents.items

    def description(self) -> str:
        """Members with the classes of each split, styles, and what is left out, for people."""
        members = [
            f"{name} ({' / '.join(str(len(self.pools(name, split)[0].counts)) for split in SPLITS)})"
            for name in self.contents.meta["members"]
        ]
        gone = [
            f"{' and '.join(f'{count} {split}' for split, count in splits.items())} of {name}"
            for name, splits in self.contents.meta["left_out"].items()
        ]
        return (
            f"{', '.join(members)} classes for train / val / test, in the styles {', '.join(self.styles)}"
            + (f"; left out, as others validate or test on them: {', '.join(gone)}" if gone else "")
        )
