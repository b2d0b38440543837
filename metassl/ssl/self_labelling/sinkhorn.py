"""Balanced assignment: U is shared out among the classes so that each gets its due part.

Legend: N way, U unlabelled.
"""

from collections.abc import Callable
from typing import ClassVar, Literal

import torch
from torch import Tensor

from metassl.numerics.transport import potentials, safe_log
from metassl.schema.constructor import checked
from metassl.schema.ranges import Count, Positive
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context

TINY = 1e-12


def uniform(p: Tensor, weight: Tensor, class_mask: Tensor) -> Tensor:
    """Expects every class of the task to have an equal part of the unlabelled images.

    [N] equal parts for the classes that the task has.
    """
    live = class_mask.to(p.dtype)
    return live / live.sum()


def predicted(p: Tensor, weight: Tensor, class_mask: Tensor) -> Tensor:
    """Expects each class to have the part of the unlabelled images that is predicted for it.

    [N] the mean prediction over U: p [U, N], weight [U].
    """
    mass = (p * weight.unsqueeze(-1)).sum(0) + TINY * class_mask  # never nothing, were U all padding
    return mass / mass.sum()


PRIORS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {"uniform": uniform, "predicted": predicted}


class Sinkhorn(SSLObjective):
    """Labels unlabelled images so that each class gets its expected part of them.

    q = rows of the plan between U and the classes, each divided by its sum; cost_jc = -log p_jc.

    The plan P minimises ⟨P, cost⟩ + ε KL(P | a bᵀ) with row sums a (the images' weights) and column sums b
    (the classes' prior), so q_jc ∝ b_c v_c p_jc^{1/ε}: the predictor's own opinion, sharpened for ε < 1, with
    factors v that give each class its part.

    Assumes that U has equally many images of each class with prior=uniform, and then moves images to classes
    they are not of where that or a lack of distractors is not so; prior=predicted asks for the parts that the
    predictor sees, and so corrects nothing but what sharpening does to them.

    Differs from the paper: SeLa shares out a whole data set from time to time in training; here it is U of
    each task, at each step.

    Source: Cuturi 2013, Algorithm 1; as labels of a predictor Asano et al. 2020 (SeLa), eq. 5; for few-shot
    tasks, with distances for costs, Hu et al. 2021 (PT-MAP), and Lazarou et al. 2021 (iLPC), with the shares
    of label propagation.

    Args:
        prior: uniform or predicted.
        reg: ε > 0, in units of log p.
        iterations: of Sinkhorn, 1 or more.
    """

    views: ClassVar = {"plain": "plain"}
    hparams: ClassVar = {"reg": "positive"}

    @checked("ssl.objective")
    def __init__(
        self, prior: Literal["uniform", "predicted"] = "uniform", reg: Positive = 0.5, iterations: Count = 20
    ) -> None:
        super().__init__()
        self._prior, self.reg, self.iterations = PRIORS[prior], reg, iterations

    def label(self, context: Context) -> SoftLabels:
        """Soft labels of the plain view."""
        weight, live = context.constant(context.weight), context.episode.class_mask
        log_p = context.constant(context.logits("plain")).log_softmax(-1)
        b = self._prior(log_p.exp(), weight, live)
        # A missing class has log p near the lowest number; its b = 0 takes it out, so any cost will do.
        cost = -torch.where(live, log_p, 0)
        a = weight / weight.sum().clamp(min=TINY)
        _, g = potentials(cost, a, b, self.reg, self.iterations)
        q = (safe_log(b) + (g - cost) / self.reg).softmax(-1)
        return SoftLabels(q, torch.ones_like(weight), "plain")
