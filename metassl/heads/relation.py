"""Relation networks: a network learns how near an item is to a class.

Legend: N way, n labelled rows, m items to classify, D features, H hidden units.
"""

import torch
from torch import Tensor, nn

from metassl.heads.base import Head
from metassl.numerics.geometry import class_means
from metassl.numerics.losses import weighted_mean
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import CLASSES, one_hot


class RelationSoftmax(Head):
    """Classifies by a small network that compares a query with each class, trained as a softmax.

    logits_jc = g_φ([f(x_j), p_c]), the scores before the sigmoid; trained by the cross-entropy.

    p_c is the weighted mean of class c, where the paper sums the images of a class. Under fractional weights
    and soft labels a sum would say how much of U was labelled, and not only what the class looks like; for
    one shot both are the same.
    g_φ is linear → ReLU → linear → ReLU → linear. The paper's module begins with two convolutions; features
    here are vectors.

    Source: Sung et al. 2018, eq. 1, section 3.2.

    Args:
        features: D.
        hidden: H.
    """

    def __init__(self, features: int, hidden: int = 256) -> None:
        super().__init__()
        self.relation = nn.Sequential(
            nn.Linear(2 * features, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 1),
        )

    def fit(self, z: Tensor, q: Tensor, w: Tensor) -> Tensor:
        """[N, D] means."""
        return class_means(z, q.to(z.dtype), w.to(z.dtype))

    def logits(self, state: Tensor, z: Tensor) -> Tensor:
        """[m, N] relation scores before the sigmoid."""
        shape = (len(z), *state.shape)
        pairs = torch.cat((z.unsqueeze(1).expand(shape), state.to(z.dtype).expand(shape)), dim=-1)
        return self.relation(pairs).squeeze(-1)


class Relation(RelationSoftmax):
    """Classifies by a small network that compares a query with each class, trained by squares.

    The same, trained by the paper's squares: Σ_c (σ(logits_jc) - 1[y_j = c])², mean over the queries.

    Source: Sung et al. 2018, eq. 2.
    """

    def loss(
        self, state: Tensor, logits: Tensor, y: Tensor, weight: Tensor, outcome: Outcome = CLASSES
    ) -> Tensor:
        """logits [Q, N], y [Q], weight [Q] -> scalar; a class that the task lacks has score 0 and costs 0."""
        errors = torch.sigmoid(logits) - one_hot(y, logits.shape[-1])
        return weighted_mean(errors.square().sum(-1), weight)
