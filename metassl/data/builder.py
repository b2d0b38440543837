"""From the rows of a draw to the tensors of a meta-batch.

Legend: T tasks, U unlabelled, C channels, H height, W width.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import copy

import numpy as np
import torch
from torch import Tensor

from metassl.data.drawing.draw import Draw
from metassl.data.sampler import EpisodeSampler
from metassl.data.views import View
from metassl.tasks.episode import Episode, Oracle, TaskBatch, Unlabelled

PLAIN = "plain"
Gather = Callable[[np.ndarray], Tensor]


class EpisodeBuilder:
    """Gathers the images of drawn episodes and makes the views that an objective asked for.

    Args:
        sampler: says which rows make up an episode.
        views: name of a view in the episode -> what makes it (None: the image itself).
        inner, outer: whether U, and the outer loss's own images, are wanted.
        draws: random numbers that an objective wants for each unlabelled image.
        task_draws: random numbers that the learner wants for each task.
    """

    def __init__(
        self,
        sampler: EpisodeSampler,
        views: Mapping[str, View | None],
        inner: bool = True,
        outer: bool = False,
        draws: int = 0,
        task_draws: int = 0,
    ) -> None:
        self.sampler, self.draws, self.task_draws = sampler, draws, task_draws
        self.inner, self.outer = (views if wanted else {} for wanted in (inner, outer))
        self.items = np.ascontiguousarray(sampler.pool.items)  # as the store keeps them; else take is slow
        self.gather: Gather = self._images

    @property
    def plain(self) -> bool:
        """Whether all images are seen as they are: no random view is made of any."""
        return all(view is None for view in (*self.inner.values(), *self.outer.values()))

    def gathering(self, gather: Gather) -> "EpisodeBuilder":
        """The same episodes with `gather(rows [T, n]) -> [T, n, ...]` in place of the images."""
        made = copy(self)
        made.gather = gather
        return made

    def __call__(self, episodes: Sequence[int] | range) -> TaskBatch:
        """The meta-batch of the episodes with these numbers."""
        draw = self.sampler(episodes)
        unlabelled = self._views(self.inner, draw.unlabelled, draw.unlabelled_weight, draw)
        outer = self._views(self.outer, draw.outer, draw.outer_weight, draw)
        batch = Episode(
            support_x=self.gather(draw.support),
            support_y=torch.from_numpy(draw.support_y.copy()),
            support_weight=_weight(draw.support_weight),
            query_x=self.gather(draw.query),
            query_y=torch.from_numpy(draw.query_y),
            query_weight=_weight(draw.query_weight),
            unlabelled=unlabelled,
            outer_unlabelled=outer,
            class_mask=torch.from_numpy(draw.class_mask),
            classes=torch.from_numpy(draw.classes),
            random=_uniform(draw, (self.task_draws,)),
            padded=self.sampler.spec.padded,
        )
        oracle = Oracle(
            unlabelled_y=torch.from_numpy(np.where(draw.unlabelled_weight, draw.unlabelled_y, -1)),
            distractor=torch.from_numpy((draw.unlabelled_y < 0) & draw.unlabelled_weight),
            class_ids=torch.from_numpy(draw.class_ids),
        )
        return TaskBatch(batch, oracle)

    def _images(self, rows: np.ndarray) -> Tensor:
        """[T, n] rows -> [T, n, C, H, W] in 0..1, channels last in memory, or [T, n, d] for vectors."""
        x = torch.from_numpy(self.items.take(rows, axis=0))
        if x.dtype == torch.uint8:
            x = x.float().div_(255)
        return x.movedim(-1, -3) if x.dim() == 5 else x

    def _views(
        self, wanted: Mapping[str, View | None], rows: np.ndarray, weight: np.ndarray, draw: Draw
    ) -> Unlabelled:
        views: dict[str, Tensor] = {}
        if wanted and rows.shape[1]:
            plain = self.gather(rows)
            views = {name: self._view(plain, view, draw) for name, view in wanted.items()}
        weight = weight if views else weight[:, :0]
        return Unlabelled(views, _weight(weight), _uniform(draw, (weight.shape[1], self.draws)))

    def _view(self, plain: Tensor, view: View | None, draw: Draw) -> Tensor:
        if view is None:
            return plain
        count, shape = plain.shape[1], tuple(plain.shape[2:])
        numbers = np.concatenate([view.draw(g, count, shape) for g in draw.generators])
        return view.apply(plain.flatten(0, 1), torch.from_numpy(numbers)).view_as(plain)


def _uniform(draw: Draw, shape: tuple[int, ...]) -> Tensor:
    """[T, *shape] numbers in (0, 1), by each episode's own generator; none are drawn for an empty shape."""
    if 0 in shape:
        return torch.zeros(len(draw.generators), *shape)
    numbers = np.stack([g.random(shape, dtype=np.float32) for g in draw.generators])
    # the ends stay out: whoever takes a logarithm or a quantile needs no guard
    return torch.from_numpy(numbers).clamp_(2**-24, 1 - 2**-24)


def _weight(present: np.ndarray) -> Tensor:
    return torch.from_numpy(present.astype(np.float32))
