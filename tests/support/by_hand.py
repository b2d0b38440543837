"""A network and MAML's inner loop written out, with nothing of the package."""

import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.tasks.episode import Episode
from tests.support.terms import FROM_STEP


def network(p: dict[str, Tensor], x: Tensor, norm: str) -> Tensor:
    """Conv4 and the linear head; ReLU before the pooling as in the papers."""
    for k in range(4):
        at = f"backbone.blocks.{k}."
        x = F.conv2d(x, p[at + "conv.weight"], p[at + "conv.bias"], padding=1)
        if norm == "batch":
            x = F.batch_norm(x, None, None, p[at + "norm.weight"], p[at + "norm.bias"], training=True)
        else:
            x = F.group_norm(x, 4, p[at + "norm.norm.weight"], p[at + "norm.norm.bias"])
        x = F.max_pool2d(F.relu(x), 2)
    return F.linear(x.flatten(1), p["head.weight"], p["head.bias"])


def by_hand(
    theta: dict[str, Tensor], task: Episode, steps: int, norm: str, weight: float, order: int = 2
) -> dict[str, Tensor]:
    """φ by a plain loop of autograd; U enters by the squared difference of two views, with `weight`."""
    rates = theta["inner.rates"]
    phi = {n: p for n, p in theta.items() if not n.startswith("inner.")}
    for k in range(steps):
        loss = F.cross_entropy(network(phi, task.support_x, norm), task.support_y)
        if weight and k >= FROM_STEP:
            one, two = (network(phi, task.unlabelled.views[v], norm).softmax(1) for v in ("first", "second"))
            loss = loss + weight * ((one - two) ** 2).sum(1).mean()
        found = torch.autograd.grad(loss, list(phi.values()), create_graph=order == 2)
        rate = rates[min(k, len(rates) - 1)]
        phi = {n: p - rate * g.detach() if order == 1 else p - rate * g
               for (n, p), g in zip(phi.items(), found, strict=True)}  # fmt: skip
    return phi
