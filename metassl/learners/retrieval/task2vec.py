"""Task2Vec: a task as the Fisher information of one fixed network whose head was fitted to it.

Legend: M stored tasks, n rows of a task, N way, D features, F filters of the probed layers.
"""

from collections.abc import Callable
from typing import NamedTuple, cast

import torch
from torch import Tensor
from torch.func import vjp, vmap
from torch.nn import functional as F

from metassl.backbones.base import Backbone
from metassl.learners.retrieval.distance import NewTask, Probe, TaskDistance, TaskSet
from metassl.numerics.geometry import class_means, squared_distances
from metassl.numerics.tensors import Tensors
from metassl.outcomes.classification import Classification, mask_classes
from metassl.schema.ranges import Count, Share

Pullback = Callable[[Tensor], tuple[dict[str, Tensor]]]
EPS = 1e-8  # of the distance, as in the authors' code


class LinearHead(NamedTuple):
    """weight [N, D] and bias [N] of a fitted head."""

    weight: Tensor
    bias: Tensor


class Task2Vec(TaskDistance):
    """Compares tasks by the parameters of one fixed network that matter to each of them.

    d = 1 - cos(F_i / (F_i + F_j + ε), F_j / (F_i + F_j + ε)), F the mean diagonal Fisher of each filter.

    F = Σ_x w_x Σ_c p(c|x) (∂ log p(c|x) / ∂ weights)² / Σ_x w_x over S ∪ U: the expectation over the model's
    own labels, so U takes part and nothing is drawn. The network, the probe, is the same for all tasks: the
    backbone as it was after a share `fixed_from` of meta-training, kept beside the one that trains on. Only
    its head is fitted to each task, in closed form: p(c|x) = softmax_c(-‖z - p_c‖² / s), s the mean squared
    distance to the prototypes, read as a linear layer; the head's own Fisher is left out, as in the authors'
    code. Until there is a probe all tasks are equally far. Tasks that were stored before it are as far as can
    be, so that it should be early enough to see `size` tasks stored.

    Differs from the paper: the probe learned from the training classes, theirs from ImageNet; the last
    `layers` of it are probed, theirs in all layers. Theirs draw the labels.

    Source: Achille et al. 2019: the Fisher matrix, its mean over a filter, and d_sym; ε in the authors' code.

    Args:
        backbone: its parameters are the first probe's.
        layers: convolution or linear layers that are probed, the last ones.
        fixed_from: share of meta-training after which the probe stays.
    """

    outcomes = (Classification,)
    probe: Tensor
    fixed: Tensor

    def __init__(self, backbone: Backbone, layers: Count = 2, fixed_from: Share = 0.5) -> None:
        super().__init__()
        self.fixed_from = fixed_from
        self.shapes = {f"backbone.{name}": p.shape for name, p in backbone.named_parameters()}
        self.probed = [name for name, shape in self.shapes.items() if len(shape) > 1][-layers:]
        self.summary = sum(self.shapes[name][0] for name in self.probed)
        self.register_buffer("probe", torch.cat([p.detach().flatten() for p in backbone.parameters()]))
        self.register_buffer("fixed", torch.zeros(()))

    @torch.no_grad()
    def settle(self, params: Tensors, progress: float) -> None:
        """Takes the backbone as it is now for the probe, once, when it is time."""
        if progress >= self.fixed_from and not self.fixed:
            self.probe.copy_(torch.cat([params[name].flatten() for name in self.shapes]))
            self.fixed.fill_(1)

    def summarise(self, probe: Probe) -> Tensor:
        """[F], zeros until the probe is fixed."""
        sizes = [shape.numel() for shape in self.shapes.values()]
        parts = zip(self.shapes.items(), self.probe.split(sizes), strict=True)
        network = {name: part.view(shape) for (name, shape), part in parts}
        head = _fitted_head(probe, probe.features(network).to(probe.weight.dtype))

        def log_p(changed: Tensors) -> Tensor:
            z = probe.features({**network, **changed})
            return mask_classes(F.linear(z, head.weight, head.bias), probe.class_mask).log_softmax(-1)

        fisher = expected_fisher(log_p, {name: network[name] for name in self.probed}, probe.weight)
        return self.fixed * torch.cat([fisher[name].flatten(1).mean(1) for name in self.probed])

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


def _fitted_head(probe: Probe, rows: Tensor) -> LinearHead:
    """-‖z - p_c‖²/s as a linear layer, but for what all classes share: weight 2p_c/s, bias -‖p_c‖²/s."""
    means = class_means(rows, probe.labels, probe.weight)
    live = probe.weight.unsqueeze(-1) * probe.class_mask.to(means.dtype)
    distances = squared_distances(rows, means)
    scale = ((distances * live).sum() / live.sum().clamp(min=1e-12)).clamp(min=1e-12)
    return LinearHead(2 * means / scale, -means.square().sum(-1) / scale)
