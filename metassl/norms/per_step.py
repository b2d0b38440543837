"""Batch normalisation with scales and shifts of each inner step, for learners that take gradient steps.

Legend: n rows, C channels, K inner steps.
"""

import torch
from torch import Tensor, nn

from metassl.norms.base import ALL_ROWS, Pass, PoolableNorm
from metassl.norms.pooled import norm_max_pool
from metassl.norms.statistics import row_statistics


class PerStep(PoolableNorm):
    """Batch normalisation whose scale and shift belong to an inner step.

    y = γ_k (x - μ) / sqrt(σ² + ε) + β_k, μ and σ² over the marked rows of the batch; k is the pass's step,
    and steps beyond K take the last one's. As `batch` it lets a prediction depend on the other queries.
    Source: Antoniou et al. 2019, section 4, BNWB; the batch's statistics at test as in the authors' code.

    Args:
        channels: C.
        steps: K; the passes after adaptation are step K, so there are K + 1 scales and shifts.
        eps: ε.
    """

    def __init__(self, channels: int, steps: int = 0, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(steps + 1, channels))
        self.bias = nn.Parameter(torch.zeros(steps + 1, channels))

    def forward(self, x: Tensor, how: Pass = ALL_ROWS) -> Tensor:
        """x [n, C, ...] -> [n, C, ...]."""
        k = self._place(how)
        mean, var = self._statistics(x, how, k)
        scale = self.weight[k] * torch.rsqrt(var + self.eps)
        shape = (1, -1) + (1,) * (x.dim() - 2)
        return x * scale.view(shape) + (self.bias[k] - mean * scale).view(shape)

    def pooled(self, x: Tensor, how: Pass) -> Tensor:
        """See PoolableNorm."""
        k = self._place(how)
        return norm_max_pool(x, self.weight[k], self.bias[k], how.rows, self.eps)

    def _place(self, how: Pass) -> int:
        return min(how.step, len(self.weight) - 1)

    def _statistics(self, x: Tensor, how: Pass, k: int) -> tuple[Tensor, Tensor]:
        return row_statistics(x, torch.ones_like(x.flatten(1)[:, 0]) if how.rows is None else how.rows)


class PerStepAverages(PerStep):
    """Normalises as the norm of each inner step does, but by moving averages at test.

    The same with moving averages of each step, which give μ and σ² at test.

    A pass in training leaves its statistics in `how.met`: no buffer can change within a gradient, so the
    learner moves the averages later. Source: Antoniou et al. 2019, section 4, BNRS.

    Args:
        channels, steps, eps: see PerStep.
    """

    mean: Tensor
    var: Tensor

    def __init__(self, channels: int, steps: int = 0, eps: float = 1e-5) -> None:
        super().__init__(channels, steps, eps)
        self.register_buffer("mean", torch.zeros(steps + 1, channels))
        self.register_buffer("var", torch.ones(steps + 1, channels))

    def pooled(self, x: Tensor, how: Pass) -> Tensor:
        """By way of the whole map, since the averages need its statistics."""
        return PoolableNorm.pooled(self, x, how)

    def _statistics(self, x: Tensor, how: Pass, k: int) -> tuple[Tensor, Tensor]:
        if not self.training:
            return self.mean[k], self.var[k]
        mean, var = super()._statistics(x, how, k)
        if how.met is not None:
            how.met.setdefault(self, []).append((mean.detach(), var.detach()))
        return mean, var
