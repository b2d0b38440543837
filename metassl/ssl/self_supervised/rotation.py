"""Predicting the rotation of an image.

Legend: U unlabelled, D features.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import cross_entropy
from metassl.ssl.base import SSLObjective
from metassl.ssl.context import Context

TURNS = 4  # 0, 90, 180, 270 degrees


class Rotation(SSLObjective):
    """Asks the network which way up a turned unlabelled image is.

    (1/|U|) Σ_j (1/4) Σ_r -log softmax(W f(turn(u_j, r)) + b)_r, turn by r·90 degrees.

    W and b are the objective's own; its penalty trains them.
    Source: Gidaris et al. 2018, eq. 2 and 3; beside a few-shot loss Gidaris et al. 2019.

    Args:
        features: D.
    """

    views: ClassVar[Mapping[str, str]] = {"plain": "plain"}
    outcomes = (Outcome,)
    needs_square_images = True

    def __init__(self, features: int) -> None:
        super().__init__()
        self.head = nn.Linear(features, TURNS)

    def own_parameters(self) -> Sequence[str]:
        """The head."""
        return ("head.weight", "head.bias")

    def penalty(self, context: Context) -> Tensor:
        """Cross-entropy of the turn; at chance log 4."""
        x = context.unlabelled.views["plain"]
        turned = torch.cat([torch.rot90(x, r, (-2, -1)) for r in range(TURNS)])
        turn = torch.arange(TURNS, device=x.device).repeat_interleave(len(x))
        z = context.embed(turned, context.unlabelled.weight.repeat(TURNS))
        return cross_entropy(self.head(z), turn, context.weight.repeat(TURNS))
