"""A Gaussian mixture fitted to S ∪ U by EM, with the labels of S held fast.

Legend: N way, S support, U unlabelled, n = S + U, D features.
"""

from collections.abc import Callable
from math import log, pi
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from metassl.numerics.geometry import class_means
from metassl.numerics.precision import full_precision
from metassl.outcomes.classification import mask_classes
from metassl.schema.constructor import checked
from metassl.schema.ranges import NotNegative, Positive, Whole
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context
from metassl.ssl.graph.points import task_points

TINY = 1e-12


class Mixture(NamedTuple):
    """A mixture of Gaussians over features, one component a class.

    prior [N], means [N, D] and variances [N, D] of the components.
    """

    prior: Tensor
    means: Tensor
    variances: Tensor


def diagonal(variances: Tensor) -> Tensor:
    """Each feature its own variance: [..., D] -> [..., D]."""
    return variances


def isotropic(variances: Tensor) -> Tensor:
    """One variance for all features: [..., D] -> [..., D]."""
    return variances.mean(-1, keepdim=True).expand_as(variances)


def learned(counts: Tensor, live: Tensor) -> Tensor:
    """Gives each class the part of S ∪ U that fell to it: counts [N], live [N] -> [N]."""
    return counts / counts.sum().clamp(min=TINY)


def uniform(counts: Tensor, live: Tensor) -> Tensor:
    """Gives every class of the task an equal part: counts [N], live [N] -> [N]."""
    parts = live.to(counts.dtype)
    return parts / parts.sum()


COVARIANCES: dict[str, Callable[[Tensor], Tensor]] = {"diagonal": diagonal, "isotropic": isotropic}
WEIGHTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"learned": learned, "uniform": uniform}


class GMM(SSLObjective):
    """Labels unlabelled images by fitting a Gaussian to each class's features.

    q_jc = p(c | h_j) under Σ_c π_c N(h; μ_c, diag σ_c²) after `iterations` EM steps on S ∪ U.

    E: r_ic = y_ic for i in S, else ∝ π_c N(h_i; μ_c, σ_c²).
    M: π_c ∝ Σ_i r_ic, μ_c = Σ_i r_ic h_i / Σ_i r_ic, σ_c² = (ν s² + Σ_i r_ic (h_i - μ_c)²) / (ν + Σ_i r_ic).
    Start: π uniform, μ_c the mean of S, σ_c² = s². Each step raises
    Σ_{i in S} log π_y N(h_i; y) + Σ_{i in U} log Σ_c π_c N(h_i; c) - ν/2 Σ_c Σ_d (log σ_cd² + s_d²/σ_cd²).
    The last sum is a conjugate prior of the variances (Fraley & Raftery 2007, section 2), without which one
    shot has variance 0; as there, s² is the variance of all points, here S ∪ U, divided by N^{2/D}.

    Assumes that U has equally many images of each class with weights=uniform, which keeps π so, and where
    there are no steps; weights=learned does not.

    Source: Dempster et al. 1977; with labels held fast Nigam et al. 2000, section 5. Soft k-means (Ren et al.
    2018) is one E step with equal π and σ² = ½.

    Args:
        covariance: isotropic or diagonal.
        iterations: EM steps before the last E step, 0 or more.
        shrinkage: ν > 0, what s² counts in points.
        floor: least s_d², as a share of its mean over the features: dead features have none.
        weights: of the components, π: learned or uniform.
    """

    views: ClassVar = {"plain": "plain"}
    hparams: ClassVar = {"shrinkage": "positive"}

    @checked("ssl.objective")
    def __init__(
        self,
        covariance: Literal["isotropic", "diagonal"] = "isotropic",
        iterations: Whole = 1,
        shrinkage: Positive = 1.0,
        floor: NotNegative = 0.01,
        weights: Literal["learned", "uniform"] = "learned",
    ) -> None:
        super().__init__()
        self._form, self._weights = COVARIANCES[covariance], WEIGHTS[weights]
        self.iterations, self.shrinkage, self.floor = iterations, shrinkage, floor

    def label(self, context: Context) -> SoftLabels:
        """Responsibilities of the plain view."""
        x, y, w = task_points(context, "plain")
        live, supports = context.episode.class_mask, len(context.episode.support_y)
        mixture = self.fit(x, y, w, live, supports)
        q = responsibilities(x[supports:], mixture, live)
        return SoftLabels(q, torch.ones_like(context.weight), "plain")

    @full_precision
    def fit(self, x: Tensor, y: Tensor, w: Tensor, live: Tensor, supports: int) -> Mixture:
        """EM: x [n, D], y [n, N] and w [n], of which the first `supports` have labels; live [N]."""
        mixture, scale = self.start(x, y, w, live)
        for _ in range(self.iterations):
            r = torch.cat((y[:supports], responsibilities(x[supports:], mixture, live)))
            mixture = self.maximise(x, r, w, scale, live)
        return mixture

    def start(self, x: Tensor, y: Tensor, w: Tensor, live: Tensor) -> tuple[Mixture, Tensor]:
        """The mixture before the first step, and s² [D]."""
        share = (w / w.sum().clamp(min=TINY)).unsqueeze(-1)
        spread = (share * (x - (share * x).sum(0)).square()).sum(0)
        spread = torch.maximum(spread, self.floor * spread.mean()).clamp(min=TINY)
        prior = live.to(x.dtype)
        scale = self._form(spread) / prior.sum() ** (2 / x.shape[-1])
        means = class_means(x, y, w)
        return Mixture(prior / prior.sum(), means, scale.expand_as(means)), scale

    def maximise(self, x: Tensor, r: Tensor, w: Tensor, scale: Tensor, live: Tensor) -> Mixture:
        """The M step: x [n, D], responsibilities r [n, N], weights w [n], s² [D], live [N]."""
        counts = (r * w.unsqueeze(-1)).sum(0)
        means = class_means(x, r, w)
        apart = (x.unsqueeze(1) - means).square()
        scatter = (apart * (r * w.unsqueeze(-1)).unsqueeze(-1)).sum(0)
        variances = (self.shrinkage * scale + self._form(scatter)) / (self.shrinkage + counts).unsqueeze(-1)
        return Mixture(self._weights(counts, live), means, variances)


def log_joint(x: Tensor, mixture: Mixture) -> Tensor:
    """Scores how well each item fits each component of a mixture.

    log π_c N(x_i; μ_c, σ_c²): x [n, D] -> [n, N].
    """
    apart = (x.unsqueeze(1) - mixture.means).square() / mixture.variances
    volume = (mixture.variances.log() + log(2 * pi)).sum(-1)
    return mixture.prior.clamp(min=TINY).log() - 0.5 * (apart.sum(-1) + volume)


def responsibilities(x: Tensor, mixture: Mixture, live: Tensor) -> Tensor:
    """Says to which component of a mixture each item belongs, and how surely.

    The E step, over the classes that the task has: x [n, D], live [N] -> [n, N].
    """
    return mask_classes(log_joint(x, mixture), live).softmax(-1)
