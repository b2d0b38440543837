"""Tasks that ask for a class: label forms, loss, score, and classes that a task lacks.

Legend: n items, N way, H numbers of an embedding.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.numerics.geometry import class_means
from metassl.numerics.losses import weighted_mean
from metassl.outcomes.base import Outcome, Units, mask_outputs
from metassl.outcomes.robust_losses import generalised_cross_entropy, symmetric_cross_entropy
from metassl.outcomes.scores import ACCURACY, Score
from metassl.schema.constructor import check_values
from metassl.schema.ranges import NotNegative, Power

ROUNDING = 1e-6  # of float32: a smaller mass of labels may be none
TINY = 1e-12


@dataclass(frozen=True)
class Classification(Outcome):
    """Asks which of the task's classes an input belongs to.

    Outputs are logits [n, N], labels numbers 0..N-1, targets distributions over the classes; the loss is the
    cross-entropy, the score the accuracy. What gradient steps descend on S can be a loss that wrong labels
    move less, see metassl.outcomes.robust_losses; on Q, and on labels of U, it is the cross-entropy always.

    Args:
        support_loss: cross_entropy, gce (generalised) or sce (symmetric).
        gce_q: its power, above 0 (where it is the cross-entropy) to 1 (the absolute error).
        sce_alpha: weight of the cross-entropy in sce.
        sce_beta: weight of the reverse cross-entropy in it.
    """

    name: ClassVar[str] = "classification"
    asks: ClassVar[str] = "classes"
    scores: ClassVar[tuple[Score, ...]] = (ACCURACY,)

    support_loss: Literal["cross_entropy", "gce", "sce"] = "cross_entropy"
    gce_q: Power = 0.7
    sce_alpha: NotNegative = 0.1
    sce_beta: NotNegative = 1.0

    def __post_init__(self) -> None:
        check_values(type(self), "outcome", vars(self))

    def targets(self, y: Tensor, outputs: int) -> Tensor:
        """[n, N] one-hot rows."""
        return one_hot(y, outputs)

    def loss(self, outputs: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        """Cross-entropy, a weighted mean."""
        return cross_entropy(outputs, y, weight)

    def support_loss_of(self, outputs: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        """The loss that was asked for, a weighted mean."""
        return weighted_mean(SUPPORT_LOSSES[self.support_loss](self, outputs, y), weight)

    @property
    def one_loss(self) -> bool:
        """Whether that is the cross-entropy."""
        return self.support_loss == Classification.support_loss

    def label_loss(self, outputs: Tensor, q: Tensor, weight: Tensor) -> Tensor:
        """[n] cross-entropy with soft targets."""
        return soft_cross_entropy(outputs, q)

    def predictions(self, outputs: Tensor) -> Tensor:
        """[n, N] softmax."""
        return outputs.softmax(-1)

    def divergence(self, clean: Tensor, moved: Tensor) -> Tensor:
        """[n] KL(softmax clean ‖ softmax moved)."""
        log_p = clean.log_softmax(-1)
        return (log_p.exp() * (log_p - moved.log_softmax(-1))).sum(-1)

    def measure(self, outputs: Tensor, y: Tensor, weight: Tensor, units: Units) -> dict[str, Tensor]:
        """The accuracy, 0..1."""
        return {ACCURACY.name: accuracy(outputs, y, weight)}

    def constant(
        self, support_y: Tensor, support_weight: Tensor, query_y: Tensor, query_weight: Tensor,
        present: Tensor, units: Units,
    ) -> Tensor:  # fmt: skip
        """1/N."""
        return 1 / present.sum()

    def label_quality(
        self, q: Tensor, weight: Tensor, truth: Tensor, own: Tensor, units: Units
    ) -> dict[str, Tensor]:
        """Weighted share of the task's own images whose largest target is right; {} where none counts."""
        counts = weight * own
        if counts.sum() <= 0:
            return {}
        return {ACCURACY.name: (counts * (q.argmax(-1) == truth)).sum() / counts.sum()}

    def masses(self, q: Tensor) -> Tensor:
        """[n, N] the distributions themselves."""
        return q

    def from_masses(self, masses: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Shares of the classes, and their sum; equal shares where there is nothing."""
        f = masses.clamp(min=0)  # below it only by rounding
        mass = f.sum(-1, keepdim=True)
        equal = present.to(f.dtype) / present.sum()
        return torch.where(mass > ROUNDING, f / mass.clamp(min=ROUNDING), equal), mass.squeeze(-1)

    def certainty(self, q: Tensor, present: Tensor) -> Tensor:
        """1 - H(q_j) / log N over the classes that the task has (Iscen et al. 2019, eq. 11)."""
        entropy = -torch.where(q > 0, q * q.clamp(min=TINY).log(), 0).sum(-1)
        return (1 - entropy / present.to(q.dtype).sum().clamp(min=2).log()).clamp(0, 1)

    def readable(self, q: Tensor) -> Tensor:
        """[n, 0]: the name of a class means nothing in another task."""
        return q[:, :0]

    def per_output(self, e: Tensor, q: Tensor, w: Tensor) -> Tensor:
        """[N, H] the mean of each class."""
        return class_means(e, q.to(e.dtype), w)


def _plain(options: Classification, outputs: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(outputs, y, reduction="none")


def _generalised(options: Classification, outputs: Tensor, y: Tensor) -> Tensor:
    targets = one_hot(y, outputs.shape[-1]).to(outputs.dtype)
    return generalised_cross_entropy(outputs, targets, options.gce_q)


def _symmetric(options: Classification, outputs: Tensor, y: Tensor) -> Tensor:
    targets = one_hot(y, outputs.shape[-1]).to(outputs.dtype)
    return symmetric_cross_entropy(outputs, targets, options.sce_alpha, options.sce_beta)


EachLoss = Callable[[Classification, Tensor, Tensor], Tensor]
"""(its options, outputs [n, N], labels [n]) -> [n] loss of each item."""

SUPPORT_LOSSES: Mapping[str, EachLoss] = {
    "cross_entropy": _plain,
    "gce": _generalised,
    "sce": _symmetric,
}

CLASSES = Classification()


def one_hot(y: Tensor, way: int) -> Tensor:
    """[n, N] float rows with a 1 at y. By comparison: torch's own one_hot fails under vmap."""
    return (y.unsqueeze(-1) == torch.arange(way, device=y.device)).float()


def cross_entropy(logits: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean of -log softmax(logits)_y: logits [n, N], y [n], weight [n] -> scalar."""
    return weighted_mean(F.cross_entropy(logits, y, reduction="none"), weight)


def soft_cross_entropy(logits: Tensor, q: Tensor) -> Tensor:
    """-Σ_c q_c log softmax(logits)_c for each item: logits and q [n, N] -> [n]."""
    return -(q * F.log_softmax(logits, dim=-1)).sum(-1)


def accuracy(logits: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    """Weighted share of items whose largest logit is at y: scalar in 0..1."""
    return weighted_mean((logits.argmax(-1) == y).float(), weight)


def mask_classes(logits: Tensor, class_mask: Tensor) -> Tensor:
    """Logits with the classes that the task lacks at a very low, finite value."""
    return mask_outputs(logits, class_mask)
