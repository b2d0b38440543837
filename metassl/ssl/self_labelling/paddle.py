"""PADDLE: soft k-means that prefers few classes.

Legend: N way, S support, U unlabelled, D features.
"""

from typing import ClassVar

import torch
from torch import Tensor

from metassl.numerics.geometry import class_means, directions, squared_distances
from metassl.numerics.precision import full_precision
from metassl.outcomes.classification import mask_classes
from metassl.schema.constructor import checked
from metassl.schema.ranges import Count, NotNegative, Positive
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context
from metassl.ssl.graph.points import task_points

TINY = 1e-6  # of the authors' code: the logarithm of the part of a class without images


class Paddle(SSLObjective):
    """Labels unlabelled images by soft k-means in which a class costs more, the fewer images it has.

    q_j = softmax_c(-t/2·‖ĥ_j - w_c‖² + λ·log π_c), π the mean of q over U, w_c the mean of S ∪ (U, q), ĥ a
    feature's direction from the centre of S ∪ U.

    In turn q, π and w, from the prototypes and equal π, `iterations` times. The term of π is the length of
    the partition's description: small classes are given up for larger ones, so U need not be balanced.
    λ = 1 is EM for equal Gaussians with learned weights, λ = 0 soft k-means.

    Differs from the paper: U is labelled and the learner learns the labels, where the paper's U are the
    queries. Features are directions with a temperature, in place of features divided by their range, whose
    distances grow with their number. λ counts all of U: the paper's λ = |U| is 1 here.

    Source: Martin et al. 2022, section 3; λ and the start from the authors' code.

    Args:
        complexity: λ, 0 or more.
        temperature: t > 0.
        iterations: 1 or more.
    """

    views: ClassVar = {"plain": "plain"}
    hparams: ClassVar = {"complexity": "positive", "temperature": "positive"}

    @checked("ssl.objective")
    def __init__(
        self, complexity: NotNegative = 1.0, temperature: Positive = 15.0, iterations: Count = 20
    ) -> None:
        super().__init__()
        self.complexity: float | Tensor = complexity
        self.temperature: float | Tensor = temperature
        self.iterations = iterations

    def label(self, context: Context) -> SoftLabels:
        """Soft assignments of the plain view."""
        x, y, w = task_points(context, "plain")
        q = self.assign(x, y[: len(context.episode.support_y)], w, context.episode.class_mask)
        return SoftLabels(q, torch.ones_like(context.weight), "plain")

    @full_precision
    def assign(self, x: Tensor, y: Tensor, weight: Tensor, live: Tensor) -> Tensor:
        """q [U, N]: features x [n, D] and weights [n], those of S first, which has labels y [S, N]."""
        x = directions(x, weight)
        u, u_weight = x[len(y) :], weight[len(y) :]
        means = class_means(x[: len(y)], y, weight[: len(y)])
        q, log_part = y[:0], torch.zeros_like(y[0])
        for _ in range(self.iterations):
            near = -self.temperature / 2 * squared_distances(u, means)
            q = mask_classes(near + self.complexity * log_part, live).softmax(-1)
            part = (q * u_weight.unsqueeze(-1)).sum(0) / u_weight.sum().clamp(min=1e-12)
            log_part = (part + TINY).log()
            means = class_means(x, torch.cat((y, q)), weight)
        return q
