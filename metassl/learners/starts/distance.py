"""What a distance between a task and a start is, and what it may see of them.

Legend: G starts, D features, F numbers that are followed.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from metassl.learners.starts.view import StartView
from metassl.outcomes.base import Outcome
from metassl.schema.ranges import Several

RECENT = 0.95  # of what is usual, kept at each outer step
TINY = 1e-12


class StartDistance(nn.Module):
    """Says how far a task is from each of the starts: 0 or more.

    A constructor may ask for `features` (D), `task` and `count` (G) by these names.

    Args:
        count: G.

    Attributes:
        reads_unlabelled: whether U belongs to the task's set.
        reads_queries: whether it looks at the query labels at test: an ORACLE, no method.
        learned: whether `loss` adds to the outer loss.
        draws: random numbers that it needs for each task.
        follows: F.
        outcomes: what its tasks may ask for.
        usual: [G, F] mean of what `measure` found in the training tasks that suited each start best; 0 where
            there was none yet.
    """

    reads_unlabelled: bool = True
    reads_queries: bool = False
    learned: bool = False
    draws: int = 0
    follows: int = 0
    outcomes: tuple[type[Outcome], ...] = (Outcome,)
    usual: Tensor

    def __init__(self, count: Several = 2) -> None:
        super().__init__()
        self.count = count
        self.register_buffer("usual", torch.zeros(count, self.follows))

    def forward(self, views: Sequence[StartView], random: Tensor) -> Tensor:
        """[G] distances; random [R] numbers in (0, 1) of the task."""
        raise NotImplementedError

    def measure(self, view: StartView) -> Tensor:
        """[F] what is followed of the start that suits a training task best."""
        return self.usual[0]

    def loss(self, distances: Tensor, losses: Tensor) -> Tensor:
        """What trains the distance on a task: distances [G], query losses of the starts [G], constants."""
        raise NotImplementedError

    @torch.no_grad()
    def follow(self, best: Tensor, measured: Tensor) -> None:
        """Moves `usual` on after an outer step.

        Args:
            best: [G] share of the tasks that each start suited best.
            measured: [G, F] what was measured in these, 0 in the others; mean over the tasks.
        """
        share = best.unsqueeze(-1)
        now = torch.where(share > 0, measured / share.clamp_min(TINY), self.usual)
        seen = torch.where(self.usual > 0, self.usual, now)
        self.usual.copy_(RECENT * seen + (1 - RECENT) * now)
