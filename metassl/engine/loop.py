"""One task after the other."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from metassl.engine.base import Gradients, Loss
from metassl.learners.base import MetaLearner
from metassl.tasks.episode import Episode


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
