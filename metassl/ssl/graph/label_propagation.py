"""Label propagation: labels spread from S over a graph of nearest neighbours to U.

Legend: N way, S support, U unlabelled, n = S + U.
"""

from collections.abc import Callable
from typing import ClassVar, Literal

import torch
from torch import Tensor

from metassl.numerics.graphs import affinity, normalised
from metassl.numerics.precision import full_precision
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import ROUNDING
from metassl.schema.constructor import checked
from metassl.schema.ranges import BelowOne, Count
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context
from metassl.ssl.graph.points import task_points

Confidence = Callable[[Outcome, Tensor, Tensor], Tensor]
"""(what the task asks for, labels [n, K], outputs that it has [K]) -> [n] what each label is worth."""


def _one(outcome: Outcome, q: Tensor, present: Tensor) -> Tensor:
    return torch.ones_like(q[:, 0])


def _certainty(outcome: Outcome, q: Tensor, present: Tensor) -> Tensor:
    return outcome.certainty(q, present)


CONFIDENCES: dict[str, Confidence] = {"one": _one, "entropy": _certainty}


class LabelPropagation(SSLObjective):
    """Labels unlabelled images by spreading the support's labels over a graph of neighbours.

    q_j ∝ row j of F = (I - αA)⁻¹ Y, A the normalised affinity of S ∪ U, Y the labels of S (0 for U).

    Of values, q_j is the mean of those of S in the same proportions: (I - αA)⁻¹ Y over (I - αA)⁻¹ 1_S, row by
    row. Images that no label reaches get equal shares and weight 0. Images that the distractor policy takes
    out pass nothing on. Classes are not brought to equal or known masses (Zhu et al. 2003, section 4), so no
    sizes are assumed; but each class has one mass to pass on, which is spread thinner over a large one.

    Differs from the paper: the affinity is that of metassl.numerics.graphs.affinity, whose scale is local.

    Source: Zhou et al. 2004, section 2 (there (1 - α)F, which the shares don't see); for episodes Liu et al.
    2019 (TPN), eq. 3 to 5.

    Args:
        alpha: α, 0..1 (1 excluded): how far labels travel.
        neighbours: k of the graph.
        confidence: weight of a label: one, or entropy, the surer the more (1 for values).
    """

    views: ClassVar = {"plain": "plain"}
    hparams: ClassVar = {"alpha": "unit"}
    outcomes = (Outcome,)

    @checked("ssl.objective")
    def __init__(
        self, alpha: BelowOne = 0.8, neighbours: Count = 7, confidence: Literal["entropy", "one"] = "entropy"
    ) -> None:
        super().__init__()
        self.alpha, self.neighbours = alpha, neighbours
        self._confidence = CONFIDENCES[confidence]

    def label(self, context: Context) -> SoftLabels:
        """Soft labels of the plain view."""
        x, y, w = task_points(context, "plain")
        live, supports = context.episode.class_mask, len(context.episode.support_y)
        f = spread(affinity(x, w, self.neighbours), y * w.unsqueeze(-1), self.alpha)[supports:]
        q, mass = context.outcome.from_masses(f, live)
        reached = (mass > ROUNDING).to(f.dtype)
        return SoftLabels(q, reached * self._confidence(context.outcome, q, live), "plain")


@full_precision
def spread(w: Tensor, y: Tensor, alpha: float | Tensor) -> Tensor:
    """Spreads labels over a graph until they no longer change.

    (I - α D^{-1/2} W D^{-1/2})⁻¹ Y: W [n, n], masses Y [n, M] -> [n, M].
    """
    identity = torch.eye(len(w), dtype=w.dtype, device=w.device)
    return torch.linalg.solve(identity - alpha * normalised(w), y)
