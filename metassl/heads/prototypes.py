"""Prototypes: the mean feature of each class, and the squared distance to it.

Legend: N way, m items to classify, D features.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from metassl.heads.base import Head
from metassl.heads.kernel_regression import KernelRegression, minus_squared_distances, role_of
from metassl.numerics.geometry import centre, class_means, squared_distances
from metassl.numerics.losses import weighted_mean
from metassl.numerics.precision import full_precision
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import CLASSES, Classification, cross_entropy, mask_classes


class Means(NamedTuple):
    """The prototypes p [N, D] of a task."""

    p: Tensor

    def logits(self, z: Tensor) -> Tensor:
        """[m, N] -‖z_j - p_c‖²."""
        return -squared_distances(z, self.p)

    def all_logits(self, z: Tensor) -> Tensor:
        """The same: there is no other answer."""
        return self.logits(z)

    def loss(self, logits: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        """Cross-entropy over the N classes."""
        return cross_entropy(logits, y, weight)


class MeansAndRest(NamedTuple):
    """Prototypes of radius 1, and a cluster of radius r for what is of no class.

    Attributes:
        p: [N, D]; live: [N] classes that the task has.
        rest: [D] centre of the cluster; log_radius: log r.
    """

    p: Tensor
    live: Tensor
    rest: Tensor
    log_radius: Tensor

    def logits(self, z: Tensor) -> Tensor:
        """[m, N] log-probabilities of the classes in the softmax over all N + 1 clusters."""
        return self.all_logits(z).log_softmax(-1)[:, :-1]

    def all_logits(self, z: Tensor) -> Tensor:
        """[m, N + 1] logits of the classes and of the rest."""
        near = mask_classes(-squared_distances(z, self.p) / 2, self.live)
        return torch.cat((near, rest_logit(z, self.rest, self.log_radius).unsqueeze(-1)), dim=-1)

    def loss(self, logits: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        """Cross-entropy over the N + 1 clusters."""
        return weighted_mean(-logits.gather(-1, y.unsqueeze(-1)).squeeze(-1), weight)


def rest_logit(z: Tensor, centre: Tensor, log_radius: Tensor) -> Tensor:
    """Scores how well items fit the cluster of foreign classes.

    [m] -‖z_j - centre‖² / (2 r²) - log r; ½ log 2π is the same for every cluster and left out.
    """
    return -(z - centre).square().sum(-1) / (2 * (2 * log_radius).exp()) - log_radius


class Prototypes(Head):
    """Classifies by the distance to each class's prototype, the mean of its features.

    logits_jc = -‖z_j - p_c‖², p_c the weighted mean of class c.

    With labels that give a share of U to no class, log softmax over N + 1 clusters: -‖z_j - p_c‖²/2 for the
    classes and -‖z_j - p_rest‖²/(2r²) - log r, p_rest the mean of these shares; the loss is over all N + 1,
    a prediction among the N.

    Values have no classes to average; every labelled row is then a prototype, and a prediction the mean of
    their values under the same softmax: KernelRegression.

    Source: Snell et al. 2017, eq. 1 and 2; with soft labels Ren et al. 2018, eq. 4, the rest by
    section 3.1.2 and the authors' code.
    """

    outcomes = (Outcome,)

    def of(self, outcome: Outcome) -> Head:
        """See Head."""
        return role_of(outcome, self, KernelRegression(minus_squared_distances))

    def fit(self, z: Tensor, q: Tensor, w: Tensor) -> Means | MeansAndRest:
        """The prototypes."""
        return Means(class_means(z, q, w))

    def with_rest(
        self, state: Means | MeansAndRest, z: Tensor, w: Tensor, log_radius: Tensor, class_mask: Tensor
    ) -> Means | MeansAndRest:
        """See Head."""
        return MeansAndRest(state.p, class_mask, centre(z, w), log_radius)

    @full_precision  # a sum of squares needs the digits
    def logits(self, state: Means | MeansAndRest, z: Tensor) -> Tensor:
        """[m, N] logits."""
        return state.logits(z)

    def loss(
        self,
        state: Means | MeansAndRest,
        logits: Tensor,
        y: Tensor,
        weight: Tensor,
        outcome: Outcome = CLASSES,
    ) -> Tensor:
        """See Head."""
        return state.loss(logits, y, weight)


class RejectingPrototypes(Prototypes):
    """Prototypes that may find a query to be of no class: queries have N + 1 logits where U has a rest.

    Such a prediction is wrong in an episode, whose queries all have a class. The authors of the rest count
    so; `Prototypes`, trained by the same loss, predicts among the N.

    Source: Ren et al. 2018, section 3.1.2, and their code.
    """

    outcomes = (Classification,)

    @full_precision
    def query_logits(self, state: Means | MeansAndRest, z: Tensor, w: Tensor | None) -> Tensor:
        """[Q, N] or [Q, N + 1] logits."""
        return state.all_logits(z)

    def loss(
        self,
        state: Means | MeansAndRest,
        logits: Tensor,
        y: Tensor,
        weight: Tensor,
        outcome: Outcome = CLASSES,
    ) -> Tensor:
        """Cross-entropy over all logits."""
        return cross_entropy(logits, y, weight)
