"""MixMatch: support and U, with guessed labels, mixed with each other.

Legend: N way, S support, U unlabelled, R random numbers an image.
"""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from metassl.numerics.losses import weighted_mean
from metassl.outcomes.classification import one_hot, soft_cross_entropy
from metassl.schema.ranges import NotNegative, Positive
from metassl.ssl.base import SSLObjective
from metassl.ssl.context import Context
from metassl.ssl.mixing import BETA_DRAWS, for_support, mix, random_partners, sharpen, symmetric_beta

EACH = BETA_DRAWS + 1  # numbers that a mixed row takes: λ's, and one for the permutation


class MixMatch(SSLObjective):
    """Guesses labels from two weak views, mixes all images with each other and fits the mixes.

    penalty = CE(p(x'), y') over the mixed support + λ_u·mean ‖q' - p(u')‖²/N over the mixed U.

    q is the sharpened mean prediction of two weak views, a constant; both views of an image get it. Rows
    are mixed with a random permutation W of all rows of S and U, with λ' = max(λ, 1-λ), λ ~ Beta(α, α),
    so that a row stays nearer to itself. A pair counts the product of what its rows count.

    Differs from the paper: the support is not augmented; all of it is mixed with all of U at each inner step.

    Source: Berthelot et al. 2019, Algorithm 1, eq. 2 to 5 and 7 to 11 (K = 2).

    Args:
        alpha: α, above 0.
        temperature: of the sharpening, above 0.
        unlabelled_weight: λ_u, 0 or more.
    """

    views: ClassVar = {"first": "weak", "second": "weak"}
    hparams: ClassVar = {"temperature": "positive"}
    redraws = True

    def __init__(
        self, alpha: Positive = 0.75, temperature: Positive = 0.5, unlabelled_weight: NotNegative = 10.0
    ) -> None:
        super().__init__()
        self.alpha, self.unlabelled_weight = alpha, unlabelled_weight
        self.temperature: float | Tensor = temperature

    def draws(self, input_shape: Sequence[int]) -> int:
        """For each view, and for a support image."""
        return 3 * EACH

    def penalty(self, context: Context) -> Tensor:
        """Scalar, 0 or more."""
        episode, views = context.episode, context.unlabelled.views
        guess = self._guess(context)
        x = torch.cat((episode.support_x, views["first"], views["second"]))
        q = torch.cat((one_hot(episode.support_y, episode.way).to(guess.dtype), guess, guess))
        weight = torch.cat((episode.support_weight, context.weight, context.weight))
        padding = context.unlabelled.weight
        present = torch.cat((episode.support_weight, padding, padding))
        first, second, third = context.random.split(EACH, dim=-1)
        uniform = torch.cat((for_support(third, len(episode.support_y)), first, second))

        share = symmetric_beta(uniform[:, :BETA_DRAWS], self.alpha)
        share = torch.maximum(share, 1 - share)
        partner = random_partners(uniform[:, BETA_DRAWS], weight)
        logits = context.classify(context.embed(mix(x, partner, share), present))
        target, worth = mix(q, partner, share), weight * weight[partner]

        s = len(episode.support_y)
        labelled = weighted_mean(soft_cross_entropy(logits[:s], target[:s]), worth[:s])
        error = (target[s:] - logits[s:].softmax(-1)).square().sum(-1) / episode.class_mask.sum()
        return labelled + self.unlabelled_weight * weighted_mean(error, worth[s:])

    def _guess(self, context: Context) -> Tensor:
        """[U, N] the label that both views of an image get."""
        views = [context.constant(context.logits(name)).softmax(-1) for name in self.views]
        return sharpen((views[0] + views[1]) / 2, self.temperature, context.episode.class_mask)
