"""From the rows of a draw to the tensors of a meta-batch.

Legend: T tasks, U unlabelled, C channels, H height, W width.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from metassl.data.drawing.draw import Draw
from metassl.data.low_quality.corruption import OUTER, Corruption
from metassl.data.low_quality.quality import QUERY, SUPPORT, UNLABELLED
from metassl.data.views import View
from metassl.errors import ConfigError, one_of
from metassl.outcomes.base import Outcome, standardised
from metassl.outcomes.classification import CLASSES
from metassl.tasks.episode import Episode, Oracle, Redraw, TaskBatch, Unlabelled

K = TypeVar("K")
PLAIN = "plain"
Gather = Callable[[np.ndarray], Tensor]


class Sampler(Protocol):
    """Says what the episodes of a split are made of: a pure function of their numbers."""

    @property
    def padded(self) -> bool:
        """Whether episodes differ in size, so that some places are padding."""
        ...

    @property
    def count(self) -> int:
        """How many different rows it can draw; 0 where each draw brings its own items."""
        ...

    def __call__(self, episodes: Sequence[int] | range) -> Draw:
        """The draw of the episodes with these numbers."""
        ...


def chosen_views(wanted: Mapping[str, str], kinds: Mapping[str, K], key: str) -> dict[str, K | None]:
    """Name in the episode -> what makes it, or its config (None: the input itself), from name -> kind.

    Raises ConfigError, naming `key`, where there is no such kind.
    """
    for kind in wanted.values():
        if kind != PLAIN and kind not in kinds:
            raise ConfigError(one_of(key, kind, [PLAIN, *kinds]))
    return {name: None if kind == PLAIN else kinds[kind] for name, kind in wanted.items()}


class EpisodeBuilder:
    """Gathers the inputs of drawn episodes and makes the views that an objective asked for.

    Args:
        sampler: says which rows make up an episode.
        items: [n, ...] what the rows are of; None where each draw brings its own.
        views: name of a view in the episode -> what makes it (None: the image itself).
        inner, outer: whether U, and the outer loss's own images, are wanted.
        draws: random numbers that an objective wants for each unlabelled image.
        task_draws: random numbers that the learner wants for each task.
        outcome: what the tasks ask for.
        redraws: how often the random views and numbers of U are drawn: once, or for each of so many inner
            steps.
        corruption: damages the inputs, before views are made of them; None: they stay as they are.
    """

    def __init__(
        self,
        sampler: Sampler,
        items: np.ndarray | None,
        views: Mapping[str, View | None],
        inner: bool = True,
        outer: bool = False,
        draws: int = 0,
        task_draws: int = 0,
        outcome: Outcome = CLASSES,
        redraws: int = 1,
        corruption: Corruption | None = None,
    ) -> None:
        self.sampler, self.draws, self.task_draws, self.redraws = sampler, draws, task_draws, redraws
        self.inner, self.outer = (views if wanted else {} for wanted in (inner, outer))
        self.outcome, self.corruption = outcome, corruption
        # as the store keeps them; else take is slow
        self.items = None if items is None else np.ascontiguousarray(items)
        self.gather: Gather = self.images

    @property
    def plain(self) -> bool:
        """Whether all inputs are rows of one array, seen as they are: no random view is made of any."""
        views = (*self.inner.values(), *self.outer.values())
        as_they_are = self.items is not None and self.corruption is None
        return as_they_are and all(view is None for view in views)

    def gathering(self, gather: Gather) -> "EpisodeBuilder":
        """The same episodes with `gather(rows [T, n]) -> [T, n, ...]` in place of the images."""
        made = copy(self)
        made.gather = gather
        return made

    def images(self, rows: np.ndarray) -> Tensor:
        """[T, n] rows of the items -> [T, n, ...] inputs."""
        assert self.items is not None, "these episodes bring their own inputs"
        return _inputs(self.items, rows)

    def __call__(self, episodes: Sequence[int] | range) -> TaskBatch:
        """The meta-batch of the episodes with these numbers."""
        draw = self.sampler(episodes)
        gather = self.gather if draw.items is None else partial(_inputs, draw.items)
        seen = {
            part: partial(self._seen, gather, part, episodes) for part in (SUPPORT, QUERY, UNLABELLED, OUTER)
        }
        unlabelled = self._unlabelled(
            seen[UNLABELLED], self.inner, draw.unlabelled, draw.unlabelled_weight, draw
        )
        outer = self._unlabelled(seen[OUTER], self.outer, draw.outer, draw.outer_weight, draw)
        support_y, support_weight = _labels(draw.support_y), _weight(draw.support_weight)
        units = self.outcome.units(support_y, support_weight)
        batch = Episode(
            support_x=seen[SUPPORT](draw.support),
            support_y=standardised(support_y, units),
            support_weight=support_weight,
            query_x=seen[QUERY](draw.query),
            query_y=standardised(torch.from_numpy(draw.query_y), units),
            query_weight=_weight(draw.query_weight),
            unlabelled=unlabelled,
            outer_unlabelled=outer,
            class_mask=torch.from_numpy(draw.class_mask),
            classes=torch.from_numpy(draw.classes),
            random=_uniform(draw, (self.task_draws,)),
            units=units,
            padded=self.sampler.padded,
            outcome=self.outcome,
        )
        if self.redraws > 1 and len(unlabelled):
            # last of all, so that nothing else depends on how many there are
            redrawn = self._redrawn(unlabelled, seen[UNLABELLED](draw.unlabelled), draw)
            batch = replace(batch, unlabelled=redrawn)
        true = draw.support_true
        truth = torch.from_numpy(_or_none(draw.unlabelled_y, draw.unlabelled_weight))
        family = np.zeros(len(draw.class_ids), np.int64) if draw.family is None else draw.family
        oracle = Oracle(
            unlabelled_y=standardised(truth, units),
            distractor=torch.from_numpy(draw.distractor),
            class_ids=torch.from_numpy(draw.class_ids),
            family=torch.from_numpy(family),
            support_y=standardised(_labels(draw.support_y if true is None else true), units),
        )
        return TaskBatch(batch, oracle)

    def _seen(self, gather: Gather, part: str, episodes: Sequence[int] | range, rows: np.ndarray) -> Tensor:
        """The inputs of a part as the episodes have them."""
        x = gather(rows)
        return x if self.corruption is None else self.corruption(x, part, episodes)

    def _unlabelled(
        self,
        gather: Gather,
        wanted: Mapping[str, View | None],
        rows: np.ndarray,
        weight: np.ndarray,
        draw: Draw,
    ) -> Unlabelled:
        if not wanted or not rows.shape[1]:
            weight = weight[:, :0]
            return Unlabelled({}, _weight(weight), self._random(draw, 0))
        plain = gather(rows)
        return Unlabelled(
            self._views(plain, wanted, draw), _weight(weight), self._random(draw, rows.shape[1])
        )

    def _redrawn(self, unlabelled: Unlabelled, plain: Tensor, draw: Draw) -> Unlabelled:
        later = tuple(
            Redraw(self._views(plain, self.inner, draw), self._random(draw, len(unlabelled)))
            for _ in range(self.redraws - 1)
        )
        return replace(unlabelled, later=later)

    def _views(self, plain: Tensor, wanted: Mapping[str, View | None], draw: Draw) -> dict[str, Tensor]:
        return {name: self._view(plain, view, draw) for name, view in wanted.items()}

    def _random(self, draw: Draw, count: int) -> Tensor:
        return _uniform(draw, (count, self.draws))

    def _view(self, plain: Tensor, view: View | None, draw: Draw) -> Tensor:
        if view is None:
            return plain
        count, shape = plain.shape[1], tuple(plain.shape[2:])
        numbers = np.concatenate([view.draw(g, count, shape) for g in draw.generators])
        return view.apply(plain.flatten(0, 1), torch.from_numpy(numbers)).reshape(plain.shape)


def _inputs(items: np.ndarray, rows: np.ndarray) -> Tensor:
    """[T, n] rows -> [T, n, C, H, W] in 0..1, channels last in memory, or [T, n, d] for vectors."""
    x = torch.from_numpy(items.take(rows, axis=0))
    if x.dtype == torch.uint8:
        x = x.float().div_(255)
    return x.movedim(-1, -3) if x.dim() == 5 else x


def _labels(y: np.ndarray) -> Tensor:
    return torch.from_numpy(y.copy())


def _uniform(draw: Draw, shape: tuple[int, ...]) -> Tensor:
    """[T, *shape] numbers in (0, 1), by each episode's own generator; none are drawn for an empty shape."""
    if 0 in shape:
        return torch.zeros(len(draw.generators), *shape)
    numbers = np.stack([g.random(shape, dtype=np.float32) for g in draw.generators])
    # the ends stay out: whoever takes a logarithm or a quantile needs no guard
    return torch.from_numpy(numbers).clamp_(2**-24, 1 - 2**-24)


def _or_none(y: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Labels, -1 for padding."""
    return np.where(present.reshape(present.shape + (1,) * (y.ndim - present.ndim)), y, -1).astype(y.dtype)


def _weight(present: np.ndarray) -> Tensor:
    return torch.from_numpy(present.astype(np.float32))
