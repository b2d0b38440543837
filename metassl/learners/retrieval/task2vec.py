"""Task2Vec: a task as the Fisher information of a network that was fitted to it.

Legend: M stored tasks, n rows of a task, N way, D features, F filters of the probed layers.
"""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor
from torch.func import vjp, vmap
from torch.nn import functional as F

from metassl.backbones.base import Backbone
from metassl.learners.retrieval.distance import NewTask, Probe, TaskDistance, TaskSet
from metassl.numerics.geometry import class_means, squared_distances
from metassl.numerics.tensors import Tensors
from metassl.outcomes.classification import Classification, mask_classes

Pullback = Callable[[Tensor], tuple[dict[str, Tensor]]]
EPS = 1e-8  # of the distance, as in the authors' code
HEAD = ("head.weight", "head.bias")


class Task2Vec(TaskDistance):
    """Compares tasks by the parameters of the network that matter to each of them.

    d = 1 - cos(F_i / (F_i + F_j + ε), F_j / (F_i + F_j + ε)), F the mean diagonal Fisher of each filter.

    F = Σ_x w_x Σ_c p(c|x) (∂ log p(c|x) / ∂ params)² / Σ_x w_x over S ∪ U: the expectation over the model's
    own labels, so U takes part and nothing is drawn. The head is fitted to the support in closed form:
    p(c|x) = softmax_c(-‖z - p_c‖² / s), s the mean squared distance to the prototypes, read as a linear
    layer. Probed are that head (its classes averaged: their names mean nothing) and the backbone's last
    convolution or linear layer with what follows it; the paper probes all layers of a large network.
    F has their number of filters, D numbers of the head and one of its bias.
    Source: Achille et al. 2019: the Fisher matrix, its mean over a filter, and d_sym.

    Args:
        backbone: its last layers are probed; only their names and shapes are kept.
    """

    outcomes = (Classification,)

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        shapes = {f"backbone.{name}": p.shape for name, p in backbone.named_parameters()}
        names = list(shapes)
        last = max(k for k, name in enumerate(names) if len(shapes[name]) > 1)
        self.probed = names[last:]
        self.summary = sum(shapes[name][0] for name in self.probed) + backbone.out_dim + 1

    def summarise(self, probe: Probe) -> Tensor:
        """[F]."""
        params = {name: probe.params[name] for name in self.probed} | _fitted_head(probe)
        fisher = expected_fisher(lambda p: _log_probabilities(probe, p), params, probe.weight)
        filters = [fisher[name].flatten(1).mean(1) if fisher[name].dim() > 1 else fisher[name]
                   for name in self.probed]  # fmt: skip
        return torch.cat((*filters, fisher["head.weight"].mean(0), fisher["head.bias"].mean(0, keepdim=True)))

    def forward(self, new: NewTask, stored: TaskSet) -> Tensor:
        """[M] in 0..1."""
        one, other = new.task.summary, stored.summary
        total = one + other + EPS
        return 1 - F.cosine_similarity(one / total, other / total, dim=-1)


def expected_fisher(
    function: Callable[[dict[str, Tensor]], Tensor], params: Tensors, weight: Tensor
) -> dict[str, Tensor]:
    """Measures how much each parameter matters to the predictions on a task.

    Σ_i w_i Σ_c p_ic (∂ log p_ic / ∂ params)² / Σ_i w_i.

    One row at a time: the squares need each row's own gradients, and those of all rows at once may not fit.

    Args:
        function: params -> [n, N] log p.
        params: by name.
        weight: [n].
    """
    log_p, pullback = cast(tuple[Tensor, Pullback], vjp(function, dict(params)))
    n, way = log_p.shape
    rows, classes = torch.eye(n).to(log_p), torch.eye(way).to(log_p)
    total = {name: torch.zeros_like(p) for name, p in params.items()}
    share = weight / weight.sum().clamp(min=1e-12)
    for i in range(n):
        (found,) = vmap(pullback)(classes.unsqueeze(1) * rows[i].unsqueeze(-1))
        worth = share[i] * log_p[i].exp()
        total = {name: total[name] + torch.tensordot(worth, g.square(), dims=1) for name, g in found.items()}
    return total


def _fitted_head(probe: Probe) -> dict[str, Tensor]:
    """-‖z - p_c‖²/s as a linear layer, but for what all classes share: weight 2p_c/s, bias -‖p_c‖²/s."""
    means = class_means(probe.rows, probe.labels, probe.weight)
    live = probe.weight.unsqueeze(-1) * probe.class_mask.to(means.dtype)
    distances = squared_distances(probe.rows, means)
    scale = ((distances * live).sum() / live.sum().clamp(min=1e-12)).clamp(min=1e-12)
    return {"head.weight": 2 * means / scale, "head.bias": -means.square().sum(-1) / scale}


def _log_probabilities(probe: Probe, params: Tensors) -> Tensor:
    backbone = {name: p for name, p in params.items() if name not in HEAD}
    logits = F.linear(probe.features(backbone), params["head.weight"], params["head.bias"])
    return mask_classes(logits, probe.class_mask).log_softmax(-1)
