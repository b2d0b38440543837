"""Π-model consistency: two random views of an image must get the same prediction."""

from typing import ClassVar

from torch import Tensor

from metassl.numerics.losses import weighted_mean
from metassl.ssl.base import SSLObjective
from metassl.ssl.context import Context


class Consistency(SSLObjective):
    """Asks for the same prediction on two random views of an unlabelled image.

    penalty = mean over U of ‖softmax f(x, η₁) - softmax f(x, η₂)‖²; gradients through both.

    Source: Laine & Aila 2017, section 2.1 (there divided by the number of classes as well).
    """

    views: ClassVar = {"first": "weak", "second": "weak"}

    def penalty(self, context: Context) -> Tensor:
        """Scalar in 0..2."""
        first = context.logits("first").softmax(-1)
        second = context.logits("second").softmax(-1)
        return weighted_mean((first - second).square().sum(-1), context.weight)
