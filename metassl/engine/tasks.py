"""How the tasks of a meta-batch run: one after the other, or many at once.

Legend: T tasks of a meta-batch.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.func import grad_and_value, vmap
from torch.utils._pytree import tree_map

from metassl.episode import Episode
from metassl.learners.base import MetaLearner

Gradients = dict[str, Tensor]
Loss = Callable[[MetaLearner, dict[str, Tensor], Episode], tuple[Tensor, dict[str, Tensor]]]


class TaskRunner(Protocol):
    """Runs a function of (learner, θ, task) over the tasks of a meta-batch.

    Attributes:
        allows_buffers: whether the function may update a module's buffers.
    """

    allows_buffers: bool

    def gradients(
        self, learner: MetaLearner, loss: Loss, theta: dict[str, Tensor], tasks: Episode
    ) -> tuple[Gradients, Any]:
        """Mean over tasks of ∇_θ loss, and the mean of what the loss wants logged."""
        ...

    def map(
        self, learner: MetaLearner, function: Callable[[MetaLearner, Episode], Any], tasks: Episode
    ) -> Any:
        """The function's results, stacked along a leading T."""
        ...


class Loop:
    """One task after the other: each one's graph is freed before the next begins."""

    allows_buffers = True

    def gradients(
        self, learner: MetaLearner, loss: Loss, theta: dict[str, Tensor], tasks: Episode
    ) -> tuple[Gradients, Any]:
        """See TaskRunner."""
        learned = [name for name, p in theta.items() if p.requires_grad]
        total: Gradients = {}
        logged = []
        for t in range(tasks.count):
            value, scores = loss(learner, theta, tasks.task(t))
            wanted = [theta[name] for name in learned]
            found = torch.autograd.grad(value, wanted, materialize_grads=True)
            for name, g in zip(learned, found, strict=True):
                total[name] = total[name].add_(g) if t else g.clone()
            logged.append(scores)
        mean = {name: g.div_(tasks.count) for name, g in total.items()}
        return mean, {name: torch.stack([s[name] for s in logged]).mean(0) for name in logged[0]}

    def map(
        self, learner: MetaLearner, function: Callable[[MetaLearner, Episode], Any], tasks: Episode
    ) -> Any:
        """See TaskRunner."""
        results = [function(learner, tasks.task(t)) for t in range(tasks.count)]
        return tree_map(lambda *parts: torch.stack(parts), *results)


class Vmap:
    """Chunks of tasks at once, by vmap.

    The meta-gradient is taken INSIDE the vmap. Outside, second-order gradients through affine
    batch, layer and instance norms come out wrong without a warning.

    Args:
        chunk: tasks at a time; memory grows with it, not with T.
    """

    allows_buffers = False

    def __init__(self, chunk: int) -> None:
        self.chunk = chunk

    def gradients(
        self, learner: MetaLearner, loss: Loss, theta: dict[str, Tensor], tasks: Episode
    ) -> tuple[Gradients, Any]:
        """See TaskRunner."""
        learned = {name: p.detach() for name, p in theta.items() if p.requires_grad}
        fixed = {name: p for name, p in theta.items() if not p.requires_grad}

        def of_learned(part: dict[str, Tensor], task: Episode) -> tuple[Tensor, dict[str, Tensor]]:
            return loss(learner, {**part, **fixed}, task)

        each = grad_and_value(of_learned, has_aux=True)
        total: Gradients = {name: torch.zeros_like(p) for name, p in learned.items()}
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
        """See TaskRunner."""
        parts = [
            vmap(partial(function, learner), randomness="different")(tasks.tasks(low, low + self.chunk))
            for low in range(0, tasks.count, self.chunk)
        ]
        return tree_map(lambda *found: torch.cat(found), *parts)
