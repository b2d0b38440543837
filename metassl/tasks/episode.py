"""The types that flow from the data to the learner.

Legend for shapes, here and in the rest of the package:
    T tasks of a meta-batch, N way (classes of a task), S support, U unlabelled, Q query images,
    D features, ... the shape of one input, K outputs of a predictor (N, or the values of an input).
    A single task has no leading T.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import register_dataclass, register_pytree_node, tree_map

from metassl.outcomes.base import Outcome, Units
from metassl.outcomes.classification import CLASSES


@dataclass(frozen=True)
class Redraw:
    """The random views and numbers of the same unlabelled images, drawn once more.

    Attributes:
        views, random: see Unlabelled.
    """

    views: Mapping[str, Tensor]
    random: Tensor


@dataclass(frozen=True)
class Unlabelled:
    """Unlabelled images of a task, each under the views that the SSL objective asked for.

    Attributes:
        views: name of the view -> [U, ...]; empty when no view was asked for.
        weight: [U] 1 for an image, 0 for padding.
        random: [U, R] numbers in (0, 1), for whatever an objective draws. They belong to the episode, so
            every engine, thread and resumed run draws the same.
        later: further draws of both, for objectives that want others at each inner step.
    """

    views: Mapping[str, Tensor]
    weight: Tensor
    random: Tensor
    later: tuple[Redraw, ...] = ()

    def at(self, step: int) -> "Unlabelled":
        """The images as inner step `step` sees them: the draws take turns, over and over."""
        turn = step % (1 + len(self.later))
        now = self.later[turn - 1] if turn else self
        return Unlabelled(now.views, self.weight, now.random)

    def __len__(self) -> int:
        """Number of unlabelled images a task (0 when no view was asked for)."""
        return self.weight.shape[-1] if self.views else 0


@dataclass(frozen=True)
class Episode:
    """One task, or, with a leading dimension T in every tensor, a meta-batch of tasks.

    Attributes:
        support_x: [S, ...] float inputs; support_y: [S] int64 labels in 0..N-1, or [S, K] values.
        support_weight: [S] 1 for an image, 0 for padding (variable way and shot).
        query_x, query_y, query_weight: the same for the Q queries.
        unlabelled: U, for the inner loop.
        outer_unlabelled: more unlabelled images, disjoint from U, for the outer loss.
        class_mask: [K] bool, False for classes that a narrower task lacks.
        classes: [N] int64, number of each class among those of its split. In training it makes base-class
            labels of a task's own; at test it means nothing to a learner.
        random: [R] numbers in (0, 1), for whatever the learner draws.
        units: how the task's values were standardised, see metassl.outcomes.base.Units.
        padded: whether any weight can be 0. Static, so that unpadded tasks take the short way.
        outcome: what the task asks for. Static too.
    """

    support_x: Tensor
    support_y: Tensor
    support_weight: Tensor
    query_x: Tensor
    query_y: Tensor
    query_weight: Tensor
    unlabelled: Unlabelled
    outer_unlabelled: Unlabelled
    class_mask: Tensor
    classes: Tensor
    random: Tensor
    units: Units = field(default_factory=dict)
    padded: bool = False
    outcome: Outcome = CLASSES

    def task(self, t: int) -> "Episode":
        """Task t of a meta-batch."""
        return tree_map(lambda x: x[t], self)

    def tasks(self, low: int, high: int) -> "Episode":
        """Tasks low to high - 1 of a meta-batch, as a meta-batch."""
        return tree_map(lambda x: x[low:high], self)

    @property
    def count(self) -> int:
        """T, for a meta-batch."""
        return self.support_y.shape[0]

    @property
    def outputs(self) -> int:
        """K: the largest number of classes, where narrower tasks are masked by `class_mask`, or of values."""
        return self.class_mask.shape[-1]

    @property
    def way(self) -> int:
        """N, K by its name among classes."""
        return self.outputs

    def support_targets(self) -> Tensor:
        """[S, K] the support's labels in the form of outputs."""
        return self.outcome.targets(self.support_y, self.outputs)

    def support_loss(self, outputs: Tensor, weight: Tensor | None = None) -> Tensor:
        """Loss of the support's outputs [S, K] that adaptation descends: scalar; weight [S], None: alike."""
        weight = self.support_weight if weight is None else weight
        return self.outcome.support_loss_of(outputs, self.support_y, weight)

    def query_loss(self, outputs: Tensor) -> Tensor:
        """Loss of the queries' outputs [Q, K]: scalar."""
        return self.outcome.loss(outputs, self.query_y, self.query_weight)

    def query_measures(self, outputs: Tensor) -> dict[str, Tensor]:
        """What the outcome measures of the queries' outputs [Q, K]: scalars by name."""
        return self.outcome.measure(outputs, self.query_y, self.query_weight, self.units)


@dataclass(frozen=True)
class Oracle:
    """What only diagnostics may know. No learner's method takes it.

    Attributes:
        unlabelled_y: [T, U] true labels in 0..N-1, or -1 for a distractor or padding; or [T, U, K] values.
        distractor: [T, U] bool, True where the image is of none of the task's classes.
        class_ids: [T, N] index of each class in the whole source, or [T, 1] of the family of a curve.
        family: [T] number of the family that a task is of, 0 where there is one.
        support_y: [T, S] true labels of the support, where the episode has wrong ones; or its values.
    """

    unlabelled_y: Tensor
    distractor: Tensor
    class_ids: Tensor
    family: Tensor
    support_y: Tensor


@dataclass(frozen=True)
class TaskBatch:
    """What the loader yields: a meta-batch and, apart from it, its oracle."""

    episodes: Episode
    oracle: Oracle

    def _map(self, function: Callable[[Tensor], Tensor]) -> "TaskBatch":
        return TaskBatch(tree_map(function, self.episodes), tree_map(function, self.oracle))

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "TaskBatch":
        """The batch on `device` (Lightning calls this)."""
        return self._map(lambda x: x.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> "TaskBatch":
        """The batch in pinned memory (the loader calls this)."""
        return self._map(lambda x: x.pin_memory())


STATIC = ("padded", "outcome")
TENSOR_FIELDS = tuple(f.name for f in fields(Episode) if f.name not in STATIC)


def _flatten(episode: Episode) -> tuple[list[Any], tuple[Any, ...]]:
    static = tuple(getattr(episode, name) for name in STATIC)
    return [getattr(episode, name) for name in TENSOR_FIELDS], static


def _unflatten(values: Iterable[Any], static: tuple[Any, ...]) -> Episode:
    named = zip((*TENSOR_FIELDS, *STATIC), (*values, *static), strict=True)
    return Episode(**dict(named))


register_dataclass(Redraw)
register_dataclass(Unlabelled)
register_dataclass(Oracle)
# By hand, since some fields are static: they have to survive a tree_map without being tensors.
register_pytree_node(Episode, _flatten, _unflatten)
