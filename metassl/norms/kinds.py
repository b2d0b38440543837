"""The norms, named by what they see.

| norm      | statistics                                              | a prediction depends on       |
|-----------|---------------------------------------------------------|-------------------------------|
| `running` | the batch in training, moving averages at test          | its own input                 |
| `batch`   | the current batch (the original MAML): TRANSDUCTIVE     | the other queries             |
| `support` | the rows that the learner marks (S, or S and U)         | its own input and the support |
| `group`   | groups of channels of one input                         | its own input                 |

For model=mamlpp there are `per_step` and `per_step_running`: `batch` and `running` with scales, shifts and
averages of each inner step.

Every norm is called with `rows`, [n] weights that say which rows of the batch give the statistics
(None: all of them); padding never does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from metassl.errors import ConfigError, one_of
from metassl.norms.per_step import PerStep, PerStepAverages
from metassl.norms.pooled import PoolableNorm, norm_max_pool
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

    def forward(self, x: Tensor, rows: Tensor | None = None) -> Tensor:
        """x [n, C, ...], rows [n] or None -> [n, C, ...]."""
        if rows is None:
            return F.batch_norm(x, None, None, self.weight, self.bias, training=True, eps=self.eps)
        mean, var = row_statistics(x, rows)
        scale = self.weight * torch.rsqrt(var + self.eps)
        shape = (1, -1) + (1,) * (x.dim() - 2)
        return x * scale.view(shape) + (self.bias - mean * scale).view(shape)

    def pooled(self, x: Tensor, rows: Tensor | None) -> Tensor:
        """See PoolableNorm."""
        return norm_max_pool(x, self.weight, self.bias, rows, self.eps)


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
    moving = True  # whether a pass in training updates the averages; see `still`

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps, self.momentum = eps, momentum
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("var", torch.ones(channels))

    def forward(self, x: Tensor, rows: Tensor | None = None) -> Tensor:
        """x [n, C, ...], rows [n] or None -> [n, C, ...]."""
        if self.training and rows is None and not self.moving:
            return F.batch_norm(x, None, None, self.weight, self.bias, training=True, eps=self.eps)
        if not self.training or rows is None:
            return F.batch_norm(
                x, self.mean, self.var, self.weight, self.bias, self.training, self.momentum, self.eps
            )
        mean, var = row_statistics(x, rows)
        if self.moving:
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


_MOVING: WeakKeyDictionary[nn.Module, list["RunningStatistics"]] = WeakKeyDictionary()


def _moving_norms(module: nn.Module) -> list["RunningStatistics"]:
    """Found once for a module: it is asked in every step."""
    if module not in _MOVING:
        _MOVING[module] = [m for m in module.modules() if isinstance(m, RunningStatistics)]
    return _MOVING[module]


@contextmanager
def still(module: nn.Module) -> Iterator[None]:
    """Within it, passes in training leave the moving averages of `module` as they are."""
    norms = [norm for norm in _moving_norms(module) if norm.moving]
    for norm in norms:
        norm.moving = False
    try:
        yield
    finally:
        for norm in norms:
            norm.moving = True


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

    def forward(self, x: Tensor, rows: Tensor | None = None) -> Tensor:
        """x [n, C, ...] -> [n, C, ...]; `rows` makes no difference."""
        return self.norm(x)


NORMS: dict[str, type[PoolableNorm]] = {
    "running": RunningStatistics,
    "batch": BatchStatistics,
    "support": BatchStatistics,
    "group": Group,
    "per_step": PerStep,
    "per_step_running": PerStepAverages,
}


def make_norm(kind: str, channels: int) -> PoolableNorm:
    """The norm of this kind for `channels` channels."""
    if kind not in NORMS:
        raise ConfigError(one_of("backbone.norm", kind, NORMS))
    return NORMS[kind](channels)
