"""Interpolation consistency: a mixture of two images must get the mixture of their predictions.

Legend: U unlabelled, N way.
"""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from metassl.numerics.losses import weighted_mean
from metassl.numerics.tensors import Tensors
from metassl.outcomes.base import Outcome
from metassl.schema.ranges import Positive, Share
from metassl.ssl.base import SSLObjective
from metassl.ssl.consistency.mean_teacher import Teacher
from metassl.ssl.context import Context, Memory
from metassl.ssl.mixing import BETA_DRAWS, mix, random_partners, symmetric_beta


class ICT(SSLObjective):
    """Asks that a mix of two unlabelled images be predicted as the mix of their predictions.

    penalty = mean over U of ‖p(λu_i + (1-λ)u_j) - (λp'(u_i) + (1-λ)p'(u_j))‖², λ ~ Beta(α, α).

    p' is a mean teacher's prediction, a constant; j is i's place in a random permutation of U. A pair
    counts the product of what its two images count. Each inner step has λs and pairs of its own.

    Differs from the paper: one λ an image, there one a batch; the teacher is that of ssl=mean_teacher.

    Source: Verma et al. 2019, eq. 1 to 3.

    Args:
        parameters: the learner's parameters by name.
        alpha: α, above 0.
        momentum: of the teacher over inner steps, 0..1.
        outer_momentum: of the teacher over outer steps, 0..1.
    """

    views: ClassVar = {"plain": "plain"}
    outcomes = (Outcome,)
    redraws = True
    over_steps = ("momentum",)

    def __init__(
        self, parameters: Tensors, alpha: Positive = 1.0, momentum: Share = 0.95, outer_momentum: Share = 0.99
    ) -> None:
        super().__init__()
        self.alpha = alpha
        self.teacher = Teacher(parameters, momentum, outer_momentum)

    def remember(self, context: Context) -> Memory:
        """The teacher's average over the inner steps."""
        return self.teacher.remember(context)

    def draws(self, input_shape: Sequence[int]) -> int:
        """λ's, and one number for the permutation."""
        return BETA_DRAWS + 1

    def penalty(self, context: Context) -> Tensor:
        """Scalar, 0 or more; of classes 2 at most."""
        x, weight = context.unlabelled.views["plain"], context.weight
        share = symmetric_beta(context.random[:, :BETA_DRAWS], self.alpha)
        partner = random_partners(context.random[:, BETA_DRAWS], weight)
        with torch.no_grad():
            target = mix(self.teacher.sees(context).predictions("plain"), partner, share)
        mixed = context.embed(mix(x, partner, share), context.unlabelled.weight)
        p = context.outcome.predictions(context.classify(mixed))
        return weighted_mean((p - target).square().sum(-1), weight * weight[partner])

    @torch.no_grad()
    def after_outer_step(self, parameters: Tensors) -> None:
        """See SSLObjective."""
        self.teacher.after_outer_step(parameters)
