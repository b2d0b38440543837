"""Derivatives by differences, to hold those of autograd against."""

from collections.abc import Callable

import torch
from torch import Tensor

from metassl.learners.base import MetaLearner
from metassl.tasks.episode import Episode
from tests.support.calls import meta_loss, outer_gradients


def slope(loss: Callable[[float], Tensor], h: float = 1e-4) -> Tensor:
    """loss'(0) by five points: the error of the formula is h⁴, that of the rounding 1e-16/h."""
    return (loss(-2 * h) - 8 * loss(-h) + 8 * loss(h) - loss(2 * h)) / (12 * h)


def slope_along(
    learner: MetaLearner, tasks: Episode, wanted: Callable[[str], bool]
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """The outer gradient along a random direction of some parameters, by autograd and by differences.

    The third is the gradient of those parameters itself.
    """
    theta = learner.theta()
    gradients, _ = outer_gradients(learner, tasks)
    generator = torch.Generator().manual_seed(1)
    way = {n: torch.randn(p.shape, generator=generator).double() for n, p in theta.items() if wanted(n)}

    def loss(h: float) -> Tensor:
        moved = {n: (p + h * way[n] if n in way else p).detach() for n, p in theta.items()}
        return torch.stack([meta_loss(learner, tasks.task(t), theta=moved)[0] for t in range(2)]).mean()

    found = torch.stack([(gradients[n] * way[n]).sum() for n in way]).sum()
    return found, slope(loss, 1e-3), {n: gradients[n] for n in way}
