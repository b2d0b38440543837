"""Π-model consistency: two random views of an image must get the same prediction."""

from typing import ClassVar

from torch import Tensor

from metassl.numerics.losses import weighted_mean
from metassl.outcomes.base import Outcome
from metassl.ssl.base import SSLObjective
from metassl.ssl.context import Context


class Consistency(SSLObjective):
    """Asks for the same prediction on two random views of an unlabelled image.

    penalty = mean over U of ‖p(x, η₁) - p(x, η₂)‖², p the probabilities of the classes, or the values
    themselves; gradients through both. Each inner step has views of its own, as each epoch has there.

    Differs from the paper: not divided by the number of classes.

    Source: Laine & Aila 2017, section 2.1.
    """

    views: ClassVar = {"first": "weak", "second": "weak"}
    outcomes = (Outcome,)
    redraws = True

    def penalty(self, context: Context) -> Tensor:
        """Scalar, 0 or more; of classes 2 at most."""
        first, second = context.predictions("first"), context.predictions("second")
        return weighted_mean((first - second).square().sum(-1), context.weight)
