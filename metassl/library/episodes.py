"""An endless, reproducible sequence of tasks, whatever they are drawn from.

Legend: N way, S support, U unlabelled, Q query.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, Self

from metassl.data.builder import PLAIN, EpisodeBuilder, chosen_views
from metassl.data.class_splits import by_ratio
from metassl.data.class_tasks import ClassTasks
from metassl.data.low_quality.corruption import corruption_of
from metassl.data.pool import SPLITS
from metassl.data.spec import to_count
from metassl.data.task_source import TaskSource
from metassl.errors import ConfigError, one_of
from metassl.learners.base import MetaLearner
from metassl.library.random_views import Views
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import CLASSES
from metassl.tasks.episode import Episode, TaskBatch


class Episodes:
    """An endless sequence of tasks: `episodes[i]` is the i-th, the same each time it is asked for.

    A task is a function of (seed, split, i) alone. Its support, unlabelled and query items are different
    items, and support and queries stay what they are when the number of unlabelled items or distractors
    changes. `metassl.episodes` and `metassl.episodes_of` make them.

    Attributes:
        source: what tasks are drawn from.
        labels: of all classes of the source, as they were given; [] where tasks have no classes.
        options, at_test: of the make-up of a task, and what of them differs at validation and test.
        make_up: of a task of this split.
        task: what a learner has to know of the tasks.
        seed, split: of the random numbers; episodes of different splits are drawn independently.
    """

    def __init__(
        self,
        source: TaskSource,
        labels: Sequence[Any],
        options: Mapping[str, Any],
        views: Views,
        seed: int = 0,
        split: str = "train",
        outcome: Outcome = CLASSES,
        at_test: Mapping[str, Any] | None = None,
    ) -> None:
        if split not in SPLITS:
            raise ConfigError(one_of("split", split, SPLITS))
        self.source, self.labels, self.views = source, labels, views
        self.options, self.at_test = dict(options), dict(at_test or {})
        self.seed, self.split = to_count("seed", seed, 0), split
        both = source.make_ups(self.options, self.at_test)
        self.make_up = both[split != "train"]
        self.task = source.task_spec(*both, outcome)

    @property
    def classes(self) -> list[Any]:
        """The labels that tasks are drawn from; [] where tasks have no classes."""
        splits = self.source.contents.splits if isinstance(self.source, ClassTasks) else {}
        return [self.labels[k] for k in splits.get(self.split, ())]

    def __getitem__(self, number: int) -> Episode:
        """The task of this number, with its unlabelled items as they are."""
        if number < 0:
            raise IndexError(f"episodes[{number}]: tasks are numbered from 0, without an end")
        return self.builder()(range(number, number + 1)).episodes.task(0)

    def __iter__(self) -> Iterator[Episode]:
        """The tasks from number 0 on, for ever."""
        return (self[number] for number in count())

    def __repr__(self) -> str:
        """The make-up in a line."""
        of = f" of {len(self.classes)} classes" if self.labels else ""
        return f"<Episodes{of}, split {self.split}, seed {self.seed}: {self.make_up.sentence()}>"

    def batch(self, numbers: Sequence[int], learner: MetaLearner, training: bool = False) -> TaskBatch:
        """The tasks of these numbers as `learner` meets them: with the views it asks for, and the oracle.

        Args:
            numbers: of the tasks, such as range(4).
            learner: says which views and random numbers it needs.
            training: as in meta-training, or as at test.
        """
        return self.builder(learner, training)(numbers)

    def builder(self, learner: MetaLearner | None = None, training: bool = False) -> EpisodeBuilder:
        """What makes meta-batches for a learner, by the command's own sampler.

        Raises:
            ConfigError: there are too few classes or items for such tasks.
        """
        inner, outer = {PLAIN: PLAIN}, dict[str, str]()
        draws, task_draws, redraws = 0, 0, 1
        if learner is not None:
            inner, outer = (dict(f(training)) for f in (learner.ssl.inner_views, learner.ssl.outer_views))
            draws, task_draws = learner.ssl.objective.draws(self.task.input_shape), learner.draws
            redraws = learner.redraws(training)
        return EpisodeBuilder(
            self.source.sampler(self.make_up, self.seed, self.split, bool(outer)),
            self.source.items(),
            chosen_views({**inner, **outer}, self.views, "views"),
            bool(inner),
            bool(outer),
            draws=draws,
            task_draws=task_draws,
            outcome=self.task.outcome,
            redraws=redraws,
            corruption=corruption_of(
                self.make_up.quality, self.task.input_shape, self.make_up.transductive, self.seed, self.split
            ),
        )

    def having(self, **changes: Any) -> Self:
        """The same classes, seed and split with another make-up, such as `unlabelled=20`."""
        for key in changes:
            if key not in self.options:
                raise ConfigError(one_of("episode", key, self.options))
        return self._like(self.source, self.split, changes).checked()

    def split_classes(
        self, ratio: Sequence[float] = (0.6, 0.2, 0.2), seed: int = 0
    ) -> tuple[Self, Self, Self]:
        """Episodes for training, validation and test, which share no class.

        Args:
            ratio: shares of the classes for train, val and test; a share may be 0.
            seed: of the choice.
        """
        if not isinstance(self.source, ClassTasks):
            raise ConfigError("split_classes: found tasks without classes, of which each split draws others.")
        own = self.source.contents.splits[self.split]
        try:
            parts = by_ratio(len(own), ratio, seed)
        except ConfigError as error:
            raise ConfigError(str(error).removeprefix("dataset.source.")) from None
        splits = {split: [own[k] for k in part] for split, part in parts.items()}
        source = ClassTasks(replace(self.source.contents, splits=splits))
        train, val, test = (self._like(source, split, {}) for split in SPLITS)
        for made in (train, val, test):
            if made.classes:
                made.checked()
        return train, val, test

    def checked(self) -> Self:
        """Itself, if tasks can be drawn; raises ConfigError where there are too few classes or items."""
        self.builder()
        return self

    def _like(self, source: TaskSource, split: str, changes: Mapping[str, Any]) -> Self:
        options, at_test = dict(self.options), dict(self.at_test)
        (options if split == "train" else at_test).update(changes)
        rest = (self.views, self.seed, split, self.task.outcome, at_test)
        return type(self)(source, self.labels, options, *rest)
