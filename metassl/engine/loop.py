"""One task after the other."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from metassl.engine.base import Loss
from metassl.learners.base import MetaLearner
from metassl.tasks.episode import Episode


class Loop:
    """Runs one task after the other: each one's graph is freed before the next begins."""

    allows_buffers = True

    def gradients(self, learner: MetaLearner, loss: Loss, tasks: Episode) -> tuple[dict[str, Tensor], Any]:
        """See Engine."""
        learned = {name: p for name, p in learner.theta().items() if p.requires_grad}
        total: dict[str, Tensor] = {}
        logged = []
        for t in range(tasks.count):
            value, scores = loss(learner, tasks.task(t))
            found = torch.autograd.grad(value, list(learned.values()), materialize_grads=True)
            for name, g in zip(learned, found, strict=True):
                total[name] = total[name].add_(g) if t else g.clone()
            logged.append(scores)
        mean = {name: g.div_(tasks.count) for name, g in total.items()}
        return mean, {name: torch.stack([s[name] for s in logged]).mean(0) for name in logged[0]}

    def map(
        self, learner: MetaLearner, function: Callable[[MetaLearner, Episode], Any], tasks: Episode
    ) -> Any:
        """See Engine."""
        results = [function(learner, tasks.task(t)) for t in range(tasks.count)]
        return tree_map(lambda *parts: torch.stack(parts), *results)
