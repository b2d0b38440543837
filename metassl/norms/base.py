"""What a norm is told by a forward pass, and what a norm has to offer.

Legend: n rows of a batch, C channels.
"""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

Statistics = dict[nn.Module, list[tuple[Tensor, Tensor]]]


@dataclass(frozen=True)
class Pass:
    """What one forward pass tells the norms on its way through a backbone.

    Attributes:
        rows: [n] weights of the rows that give the statistics, 0 for padding; None: all rows alike.
        step: the inner step that the pass is of, for norms that have scales and shifts of each.
        moves: whether moving averages follow this pass; those that only look leave them alone.
        averages: whether moving averages stand in for the batch's statistics in training too, as at test.
        met: where norms with averages of each step leave the [C] mean and variance that they met, if there.
    """

    rows: Tensor | None = None
    step: int = 0
    moves: bool = True
    averages: bool = False
    met: Statistics | None = None


ALL_ROWS = Pass()


@dataclass(frozen=True)
class NormTraits:
    """What a kind of norm asks of those around it.

    Attributes:
        transductive: whether the output for one input depends on the others in its batch.
        from_support: whether its statistics have to come from the task's support.
        keeps_averages: whether a pass in training updates buffers.
        per_step: whether it has to be told which inner step a pass is of.
    """

    transductive: bool = False
    from_support: bool = False
    keeps_averages: bool = False
    per_step: bool = False


class PoolableNorm(nn.Module):
    """A norm that can be asked for its output after 2×2 max-pooling."""

    def forward(self, x: Tensor, how: Pass = ALL_ROWS) -> Tensor:
        """x [n, C, ...] -> [n, C, ...]."""
        raise NotImplementedError

    def pooled(self, x: Tensor, how: Pass) -> Tensor:
        """max_pool2d(norm(x), 2): [n, C, H, W] -> [n, C, H//2, W//2]."""
        return F.max_pool2d(self(x, how), 2)

    def affine(self) -> tuple[Tensor, Tensor] | None:
        """[C] scale and shift, where the norm is no more than that now: no statistics of the batch."""
        return None
