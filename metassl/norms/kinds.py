"""The norms, named by what they see.

| norm      | statistics                                              | a prediction depends on       |
|-----------|---------------------------------------------------------|-------------------------------|
| `running` | the batch in training, moving averages at test          | its own input                 |
| `batch`   | the current batch (the original MAML): TRANSDUCTIVE     | the other queries             |
| `support` | the rows that the learner marks (S, or S and U)         | its own input and the support |
| `group`   | groups of channels of one input                         | its own input                 |
| `none`    | none: learned scales and shifts alone                   | its own input                 |

For learners that tell the norms which inner step a pass is of (MAML++) there are `per_step` and
`per_step_running`: `batch` and `running` with scales, shifts and averages of each inner step.

Every norm is called with a `Pass`, which says which rows of the batch give the statistics; padding never
does.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from metassl.errors import ConfigError, one_of
from metassl.norms.base import ALL_ROWS, NormTraits, Pass, PoolableNorm
from metassl.norms.per_step import PerStep, PerStepAverages
from metassl.norms.pooled import norm_max_pool
from metassl.norms.statistics import row_statistics


class BatchStatistics(PoolableNorm):
    """Batch normalisation with the statistics of the marked rows of the current batch.

    y = γ (x - μ) / sqrt(σ² + ε) + β, μ and σ² over the marked rows (and the places of an image).
    Source: Ioffe & Szegedy 2015, Algorithm 1; used at test as well in Finn et al. 2017 (code).

    Args:
        channels: C.
        eps: ε.
    """

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: Tensor, how: Pass = ALL_ROWS) -> Tensor:
        """x [n, C, ...] -> [n, C, ...]."""
        if how.rows is None:
            return F.batch_norm(x, None, None, self.weight, self.bias, training=True, eps=self.eps)
        mean, var = row_statistics(x, how.rows)
        scale = self.weight * torch.rsqrt(var + self.eps)
        shape = (1, -1) + (1,) * (x.dim() - 2)
        return x * scale.view(shape) + (self.bias - mean * scale).view(shape)

    def pooled(self, x: Tensor, how: Pass) -> Tensor:
        """See PoolableNorm."""
        return norm_max_pool(x, self.weight, self.bias, how.rows, self.eps)


class RunningStatistics(PoolableNorm):
    """Batch normalisation with moving averages at test.

    In training the statistics are those of the marked rows and m ← (1 - momentum)·m + momentum·μ
    (unbiased variance, as in PyTorch). Updates its buffers, so it can't run inside a functional
    transform: the learners that take gradients within a task refuse it.

    Args:
        channels: C.
        eps: ε.
        momentum: share of the new batch in the moving averages.
    """

    mean: Tensor
    var: Tensor

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps, self.momentum = eps, momentum
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("var", torch.ones(channels))

    def forward(self, x: Tensor, how: Pass = ALL_ROWS) -> Tensor:
        """x [n, C, ...] -> [n, C, ...]."""
        rows = how.rows
        if self.training and how.averages:
            # copies: a later pass moves the averages before the gradient of this one is taken
            mean, var = self.mean.clone(), self.var.clone()
            return F.batch_norm(x, mean, var, self.weight, self.bias, eps=self.eps)
        if self.training and rows is None and not how.moves:
            return F.batch_norm(x, None, None, self.weight, self.bias, training=True, eps=self.eps)
        if not self.training or rows is None:
            return F.batch_norm(
                x, self.mean, self.var, self.weight, self.bias, self.training, self.momentum, self.eps
            )
        mean, var = row_statistics(x, rows)
        if how.moves:
            self._follow(mean, var, rows.sum() * x[0, 0].numel())
        scale = self.weight * torch.rsqrt(var + self.eps)
        shape = (1, -1) + (1,) * (x.dim() - 2)
        return x * scale.view(shape) + (self.bias - mean * scale).view(shape)

    def affine(self) -> tuple[Tensor, Tensor] | None:
        """See PoolableNorm: at test."""
        if self.training:
            return None
        scale = self.weight * torch.rsqrt(self.var + self.eps)
        return scale, self.bias - self.mean * scale

    @torch.no_grad()
    def _follow(self, mean: Tensor, var: Tensor, count: Tensor) -> None:
        self.mean.lerp_(mean, self.momentum)
        self.var.lerp_(var * count / (count - 1).clamp(min=1), self.momentum)


class Group(PoolableNorm):
    """Group normalisation: statistics of each input alone (Wu & He 2018, eq. 1 to 7).

    Args:
        channels: C.
        groups: largest number of groups; the largest divisor of C up to it is taken.
        eps: ε.
    """

    def __init__(self, channels: int, groups: int = 8, eps: float = 1e-5) -> None:
        super().__init__()
        count = max(g for g in range(1, groups + 1) if channels % g == 0)
        self.norm = nn.GroupNorm(count, channels, eps=eps)

    def forward(self, x: Tensor, how: Pass = ALL_ROWS) -> Tensor:
        """x [n, C, ...] -> [n, C, ...]; which pass it is makes no difference."""
        return self.norm(x)


class ScaleAndShift(PoolableNorm):
    """Normalises nothing: learned scales and shifts alone, for small networks and for FiLM to modulate.

    y = γ x + β, γ = 1 and β = 0 at first.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, how: Pass = ALL_ROWS) -> Tensor:
        """x [n, C, ...] -> [n, C, ...]; which pass it is makes no difference."""
        shape = (1, -1) + (1,) * (x.dim() - 2)
        return x * self.weight.view(shape) + self.bias.view(shape)

    def affine(self) -> tuple[Tensor, Tensor] | None:
        """See PoolableNorm."""
        return self.weight, self.bias


Make = Callable[[int, int], PoolableNorm]

NORMS: dict[str, tuple[Make, NormTraits]] = {
    "running": (lambda channels, _: RunningStatistics(channels), NormTraits(keeps_averages=True)),
    "batch": (lambda channels, _: BatchStatistics(channels), NormTraits(transductive=True)),
    "support": (lambda channels, _: BatchStatistics(channels), NormTraits(from_support=True)),
    "group": (lambda channels, _: Group(channels), NormTraits()),
    "none": (lambda channels, _: ScaleAndShift(channels), NormTraits()),
    "per_step": (PerStep, NormTraits(transductive=True, per_step=True)),
    "per_step_running": (PerStepAverages, NormTraits(per_step=True)),
}


Norm = Literal["running", "batch", "support", "group", "none", "per_step", "per_step_running"]
"""The names of NORMS."""


def make_norm(kind: str, channels: int, steps: int = 0) -> PoolableNorm:
    """The norm of this kind for `channels` channels; `steps` inner steps with scales of their own."""
    if kind not in NORMS:
        raise ConfigError(one_of("backbone.norm", kind, NORMS))
    return NORMS[kind][0](channels, steps)


def norm_traits(kind: str) -> NormTraits:
    """What a kind of norm asks of those around it."""
    return NORMS[kind][1]
