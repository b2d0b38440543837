"""Two views of an image near each other, views of other images far away.

Legend: U unlabelled, D features, P projection.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from metassl.numerics.geometry import unit
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import cross_entropy
from metassl.schema.ranges import Count, Positive
from metassl.ssl.base import SSLObjective
from metassl.ssl.context import Context


class Contrastive(SSLObjective):
    """Asks that two strong views of an unlabelled image be nearer to each other than to other images.

    NT-Xent: -log exp(s_ij/τ) / Σ_{k≠i} exp(s_ik/τ), the mean over the 2U views i with partner j.

    s_ik is the cosine between g(f(x_i)) and g(f(x_k)); g is an MLP of the objective's own, which its
    penalty trains. Padding is neither anchor nor negative.

    Differs from the paper: the negatives are the task's own unlabelled images, some of the same class.

    Source: Chen et al. 2020 (SimCLR), eq. 1 and Algorithm 1.

    Args:
        features: D.
        temperature: τ, above 0.
        projection: P, width of g's two layers.
    """

    views: ClassVar[Mapping[str, str]] = {"first": "strong", "second": "strong"}
    outcomes = (Outcome,)
    redraws = True
    hparams: ClassVar[Mapping[str, str]] = {"temperature": "positive"}

    def __init__(self, features: int, temperature: Positive = 0.5, projection: Count = 32) -> None:
        super().__init__()
        self.temperature = temperature
        self.project = nn.Sequential(
            nn.Linear(features, projection), nn.ReLU(), nn.Linear(projection, projection)
        )

    def own_parameters(self) -> Sequence[str]:
        """The projection g."""
        return [f"project.{name}" for name, _ in self.project.named_parameters()]

    def penalty(self, context: Context) -> Tensor:
        """NT-Xent of U's two views."""
        z = unit(self.project(torch.cat([context.features(name) for name in self.views])))
        present = context.unlabelled.weight.repeat(2) > 0
        return nt_xent(z, present, context.weight.repeat(2), self.temperature)


def nt_xent(z: Tensor, present: Tensor, weight: Tensor, temperature: float | Tensor) -> Tensor:
    """Computes the contrastive loss of pairs of views.

    The loss of eq. 1.

    Args:
        z: [2U, P] unit vectors; rows i and i + U are the two views of image i.
        present: [2U] bool, which rows are images and not padding.
        weight: [2U] what each counts as an anchor.
        temperature: τ.
    """
    rows = torch.arange(len(z), device=z.device)
    partner = (rows + len(z) // 2) % len(z)
    itself, pair = (rows.unsqueeze(1) == other for other in (rows, partner))
    # a padded anchor keeps its partner, so that no row is all -∞; its weight is 0
    hidden = itself | (~present & ~pair)
    similarity = (z @ z.T) / temperature
    return cross_entropy(similarity.masked_fill(hidden, torch.finfo(z.dtype).min / 8), partner, weight)
