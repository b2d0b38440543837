"""Label propagation: labels spread from S over a graph of nearest neighbours to U.

Legend: N way, S support, U unlabelled, n = S + U.
"""

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from metassl.errors import ConfigError, one_of
from metassl.numerics.graphs import TINY, affinity, normalised
from metassl.numerics.precision import full_precision
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context
from metassl.ssl.graph.points import task_points

ROUNDING = 1e-6  # of float32: a smaller mass of labels may be none


def certainty(q: Tensor, class_mask: Tensor) -> Tensor:
    """Trusts a label the more, the surer it is.

    1 - H(q_j) / log N over the classes that the task has (Iscen et al. 2019, eq. 11): [n, N] -> [n].
    """
    entropy = -torch.where(q > 0, q * q.clamp(min=TINY).log(), 0).sum(-1)
    return (1 - entropy / class_mask.to(q.dtype).sum().clamp(min=2).log()).clamp(0, 1)


def one(q: Tensor, class_mask: Tensor) -> Tensor:
    """Every label counts the same: [n, N] -> [n]."""
    return torch.ones_like(q[:, 0])


CONFIDENCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"one": one, "entropy": certainty}


class LabelPropagation(SSLObjective):
    """Labels unlabelled images by spreading the support's labels over a graph of neighbours.

    q_j ∝ row j of F = (I - αA)⁻¹ Y, A the normalised affinity of S ∪ U, Y the labels of S (0 for U).

    Images that no label reaches get equal shares and weight 0. Images that the distractor policy takes out
    pass nothing on.
    Source: Zhou et al. 2004, section 2 (there (1 - α)F, which the shares don't see); for episodes Liu et al.
    2019 (TPN), eq. 3 to 5. The affinity is that of metassl.numerics.graphs.affinity.

    Args:
        alpha: α, 0..1 (1 excluded): how far labels travel.
        neighbours: k of the graph.
        confidence: weight of a label: one, or entropy (see `certainty`).
    """

    views: ClassVar = {"plain": "plain"}
    hparams: ClassVar = {"alpha": "unit"}

    def __init__(self, alpha: float = 0.8, neighbours: int = 7, confidence: str = "entropy") -> None:
        super().__init__()
        for key, value, good, allowed in (
            ("alpha", alpha, 0 <= alpha < 1, "0 or more, below 1"),
            ("neighbours", neighbours, neighbours >= 1, "1 or more"),
        ):
            if not good:
                raise ConfigError(f"ssl.objective.{key}: found {value!r}, allowed: {allowed}.")
        if confidence not in CONFIDENCES:
            raise ConfigError(one_of("ssl.objective.confidence", confidence, CONFIDENCES))
        self.alpha, self.neighbours = alpha, neighbours
        self._confidence = CONFIDENCES[confidence]

    def label(self, context: Context) -> SoftLabels:
        """Soft labels of the plain view."""
        x, y, w = task_points(context, "plain")
        live, supports = context.episode.class_mask, len(context.episode.support_y)
        f = spread(affinity(x, w, self.neighbours), y * w.unsqueeze(-1), self.alpha)[supports:]
        mass = f.sum(-1, keepdim=True)
        equal = live.to(f.dtype) / live.sum()
        q = torch.where(mass > ROUNDING, f / mass.clamp(min=ROUNDING), equal)
        reached = (mass.squeeze(-1) > ROUNDING).to(f.dtype)
        return SoftLabels(q, reached * self._confidence(q, live), "plain")


@full_precision
def spread(w: Tensor, y: Tensor, alpha: float | Tensor) -> Tensor:
    """Spreads labels over a graph until they no longer change.

    (I - α D^{-1/2} W D^{-1/2})⁻¹ Y >= 0: W [n, n], Y [n, N] -> [n, N].
    """
    identity = torch.eye(len(w), dtype=w.dtype, device=w.device)
    return torch.linalg.solve(identity - alpha * normalised(w), y).clamp(min=0)
