"""Tasks that are drawn from the classes of a prepared source."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from metassl.data.builder import Sampler
from metassl.data.drawing.out_of_scope import OutOfScope
from metassl.data.low_quality.wrong_labels import with_wrong_labels
from metassl.data.pool import Contents, input_shape, split_pool
from metassl.data.sampler import EpisodeSampler
from metassl.data.spec import EpisodeSpec, episode_spec, refuse_out_of_scope
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import Classification
from metassl.tasks.spec import TaskSpec


@dataclass(frozen=True)
class ClassTasks:
    """Draws N classes and asks which of them an input is of; see metassl.data.task_source.TaskSource.

    Attributes:
        contents: of the source.
    """

    outcomes: ClassVar[tuple[type[Outcome], ...]] = (Classification,)

    contents: Contents

    @property
    def reduced(self) -> bool:
        """As the source says."""
        return bool(self.contents.meta.get("reduced", False))

    def make_ups(
        self, train: Mapping[str, Any], changes: Mapping[str, Any]
    ) -> tuple[EpisodeSpec, EpisodeSpec]:
        """See TaskSource."""
        # The label split belongs to training: at test every image may be labelled or unlabelled.
        test = {**train, **changes, "label_ratio": 1.0}
        return episode_spec(**train), episode_spec(**test, prefix="episode.test")

    def task_spec(self, train: EpisodeSpec, test: EpisodeSpec, outcome: Outcome) -> TaskSpec:
        """The widest way of both, the shape of an input, and the classes of the training split."""
        return TaskSpec(
            way=max(train.way.high, test.way.high),
            input_shape=input_shape(self.contents.items),
            base_classes=len(self.contents.splits["train"]),
            outcome=outcome,
        )

    def sampler(self, make_up: EpisodeSpec, seed: int, split: str, outer: bool) -> Sampler:
        """See TaskSource."""
        drawn = self._drawn(make_up, seed, split, outer)
        return with_wrong_labels(drawn, make_up.quality, seed, split)

    def _drawn(self, make_up: EpisodeSpec, seed: int, split: str, outer: bool) -> Sampler:
        drawn = EpisodeSampler(split_pool(self.contents, split), make_up, seed, split, outer)
        if not make_up.out_of_scope:
            return drawn
        place = self.contents.meta.get("out_of_scope", {}).get(split)
        if place is None:
            refuse_out_of_scope(make_up)
        start = int(np.sum(self.contents.counts[:place]))
        rows = np.arange(start, start + int(self.contents.counts[place]))
        return OutOfScope(drawn, rows, make_up.out_of_scope)

    def items(self) -> np.ndarray:
        """The pool's."""
        return self.contents.items

    def description(self) -> str:
        """Classes of each split, after what the source says of itself."""
        classes = " / ".join(str(len(self.contents.splits.get(s, ()))) for s in ("train", "val", "test"))
        said = f"{self.contents.meta['said']}; " if "said" in self.contents.meta else ""
        return f"{said}{classes} classes for train / val / test"
