"""Many tasks at once, by vmap."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.func import grad_and_value, vmap
from torch.utils._pytree import tree_map

from metassl.engine.base import Loss
from metassl.learners.base import MetaLearner
from metassl.schema.ranges import Count
from metassl.tasks.episode import Episode


class Vmap:
    """Runs chunks of tasks at once, by vmap.

    The meta-gradient is taken INSIDE the vmap. Outside, second-order gradients through affine
    batch, layer and instance norms come out wrong without a warning.

    Args:
        chunk: tasks at a time; memory grows with it, not with T.
    """

    allows_buffers = False

    def __init__(self, chunk: Count = 20) -> None:
        self.chunk = chunk

    def gradients(self, learner: MetaLearner, loss: Loss, tasks: Episode) -> tuple[dict[str, Tensor], Any]:
        """See Engine."""
        theta = learner.theta()
        learned = {name: p.detach() for name, p in theta.items() if p.requires_grad}

        def of_learned(part: dict[str, Tensor], task: Episode) -> tuple[Tensor, dict[str, Tensor]]:
            with learner.placed(part):
                return loss(learner, task)

        each = grad_and_value(of_learned, has_aux=True)
        total: dict[str, Tensor] = {name: torch.zeros_like(p) for name, p in learned.items()}
        logged: dict[str, Tensor] = {}
        for low in range(0, tasks.count, self.chunk):
            part = tasks.tasks(low, low + self.chunk)
            found, (_, scores) = vmap(each, in_dims=(None, 0), randomness="different")(learned, part)
            for name, g in found.items():
                total[name] += g.sum(0) / tasks.count
            for name, s in scores.items():
                logged[name] = logged.get(name, 0.0) + s.sum(0) / tasks.count
        return total, logged

    def map(
        self, learner: MetaLearner, function: Callable[[MetaLearner, Episode], Any], tasks: Episode
    ) -> Any:
        """See Engine."""
        parts = [
            vmap(partial(function, learner), randomness="different")(tasks.tasks(low, low + self.chunk))
            for low in range(0, tasks.count, self.chunk)
        ]
        return tree_map(lambda *found: torch.cat(found), *parts)
