"""FEAT: the prototypes of a task look at each other before they classify.

Legend: N way, n rows, m items to classify, D features.
"""

import torch
from torch import Tensor, nn

from metassl.heads.base import Head
from metassl.heads.layer_norm import LayerNorm
from metassl.heads.prototypes import Means
from metassl.numerics.geometry import class_means, squared_distances
from metassl.numerics.losses import weighted_mean
from metassl.numerics.precision import full_precision
from metassl.outcomes.classification import mask_classes, soft_cross_entropy
from metassl.schema.ranges import NotNegative, Positive

TINY = 1e-30  # as a weight in the attention: e^-69, next to nothing


class SetToSet(nn.Module):
    """Turns each member of a set into one that knows the others: attention with a residual and a norm.

    T(x)_i = LN(x_i + W_o Σ_j a_ij W_v x_j), a_ij ∝ w_j exp(⟨W_q x_i, W_k x_j⟩ / sqrt(D)).

    Source: Ye et al. 2020 (FEAT), eq. 4 to 7; one head, initial weights as in their code.

    Args:
        features: D.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(features, features, bias=False) for _ in range(3))
        for linear in (self.query, self.key, self.value):
            nn.init.normal_(linear.weight, std=features**-0.5)  # sqrt(2 / (D + D))
        self.out = nn.Linear(features, features)
        nn.init.xavier_normal_(self.out.weight)
        self.norm = LayerNorm(features)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """x [n, D]; w [..., n] how much each member counts -> [..., n, D]."""
        scores = self.query(x) @ self.key(x).T / x.shape[-1] ** 0.5
        share = (scores + w.clamp(min=TINY).log().unsqueeze(-2)).softmax(-1)
        return self.norm(x + self.out(share.to(x.dtype) @ self.value(x)))


class FEAT(Head):
    """Adapts the prototypes of a task to each other, then classifies by the distance to them.

    logits_jc = -‖z_j - T(p)_c‖² / τ, p_c the mean of class c, T the set-to-set function over all p.

    In training the same T has to gather each class: with x all rows of S ∪ Q and c_k the mean of T over those
    of class k, which see only each other, `balance` times the cross-entropy of -‖x_j - c_k‖² / τ₂ is added to
    the outer loss. A class that no row has is not in the set.

    Source: Ye et al. 2020 (FEAT), eq. 4 and 8; distances, both temperatures and the weight as in their code.

    Differs from the paper: no dropout (0.5 in the code); the backbone is trained with the head from the
    start, where theirs was trained as a classifier before and then has a tenth of the head's rate.

    Args:
        features: D.
        temperature: τ.
        balance: weight of the contrastive regulariser, 0 for none.
        contrast_temperature: τ₂.
    """

    def __init__(
        self,
        features: int,
        temperature: Positive = 8.0,
        balance: NotNegative = 1.0,
        contrast_temperature: Positive = 4.0,
    ) -> None:
        super().__init__()
        self.adapted = SetToSet(features)
        self.temperature, self.balance = temperature, balance
        self.contrast_temperature = contrast_temperature

    def fit(self, z: Tensor, q: Tensor, w: Tensor) -> Means:
        """The adapted prototypes."""
        present = ((q * w.unsqueeze(-1)).sum(0) > 0).to(z.dtype)
        return Means(self.adapted(class_means(z, q.to(z.dtype), w), present))

    @full_precision
    def logits(self, state: Means, z: Tensor) -> Tensor:
        """[m, N] logits."""
        return state.logits(z) / self.temperature

    def regulariser(self, z: Tensor, q: Tensor, w: Tensor) -> Tensor | float:
        """See Head: balance times the contrastive loss."""
        if not self.balance:
            return 0.0
        mass = (q * w.unsqueeze(-1)).to(z.dtype)
        within = self.adapted(z, mass.T)  # [N, n, D]: each class is a set of its own
        share = mass.T / mass.sum(0).clamp(min=1e-12).unsqueeze(-1)
        centres = torch.einsum("cj,cjd->cd", share, within.to(z.dtype))
        logits = -squared_distances(z, centres) / self.contrast_temperature
        each = soft_cross_entropy(mask_classes(logits, mass.sum(0) > 0), q.to(z.dtype))
        return self.balance * weighted_mean(each, w)
