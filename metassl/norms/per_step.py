"""Batch normalisation with scales and shifts of each inner step, for learners that take gradient steps.

Legend: n rows, C channels, K steps.
"""

import torch
from torch import Tensor, nn

from metassl.norms.pooled import PoolableNorm, norm_max_pool
from metassl.norms.statistics import row_statistics


class PerStep(PoolableNorm):
    """y = γ_k (x - μ) / sqrt(σ² + ε) + β_k, μ and σ² over the marked rows of the batch; k is `step`.

    As `batch` it lets a prediction depend on the other queries. Until `bind` there is one γ and one β.
    Source: Antoniou et al. 2019, section 4, BNWB; the batch's statistics at test as in the authors' code.

    Args:
        channels: C.
        eps: ε.
    """

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.channels, self.eps = channels, eps
        self.step = 0  # the learner says which, before each pass
        self.bind(1)

    def bind(self, steps: int) -> None:
        """Called once by the learner: K; later steps take the last one's."""
        self.weight = nn.Parameter(torch.ones(steps, self.channels))
        self.bias = nn.Parameter(torch.zeros(steps, self.channels))

    def forward(self, x: Tensor, rows: Tensor | None = None) -> Tensor:
        """x [n, C, ...], rows [n] or None -> [n, C, ...]."""
        k = self._place()
        mean, var = self._statistics(x, rows, k)
        scale = self.weight[k] * torch.rsqrt(var + self.eps)
        shape = (1, -1) + (1,) * (x.dim() - 2)
        return x * scale.view(shape) + (self.bias[k] - mean * scale).view(shape)

    def pooled(self, x: Tensor, rows: Tensor | None) -> Tensor:
        """See PoolableNorm."""
        k = self._place()
        return norm_max_pool(x, self.weight[k], self.bias[k], rows, self.eps)

    def _place(self) -> int:
        return min(self.step, len(self.weight) - 1)

    def _statistics(self, x: Tensor, rows: Tensor | None, k: int) -> tuple[Tensor, Tensor]:
        return row_statistics(x, torch.ones_like(x.flatten(1)[:, 0]) if rows is None else rows)


class PerStepAverages(PerStep):
    """The same with moving averages of each step, which give μ and σ² at test.

    Where `notes` is a list a pass in training adds its statistics to it: no buffer can change within a
    gradient, so the learner moves the averages later. Source: Antoniou et al. 2019, section 4, BNRS.
    """

    mean: Tensor
    var: Tensor
    notes: list[tuple[Tensor, Tensor]] | None = None

    def bind(self, steps: int) -> None:
        """K steps, with averages that start at 0 and 1."""
        super().bind(steps)
        self.register_buffer("mean", torch.zeros(steps, self.channels))
        self.register_buffer("var", torch.ones(steps, self.channels))

    def pooled(self, x: Tensor, rows: Tensor | None) -> Tensor:
        """By way of the whole map, since the averages need its statistics."""
        return PoolableNorm.pooled(self, x, rows)

    def _statistics(self, x: Tensor, rows: Tensor | None, k: int) -> tuple[Tensor, Tensor]:
        if not self.training:
            return self.mean[k], self.var[k]
        mean, var = super()._statistics(x, rows, k)
        if self.notes is not None:
            self.notes.append((mean.detach(), var.detach()))
        return mean, var
