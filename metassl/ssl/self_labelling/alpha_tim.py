"""α-TIM: a classifier that is moved until it is sure of U, and used as the labels allow.

Legend: N way, S support, U unlabelled, D features.
"""

from typing import ClassVar

import torch
from torch import Tensor

from metassl.numerics.derivative import gradient
from metassl.numerics.entropies import tsallis_entropy
from metassl.numerics.geometry import class_means, directions
from metassl.numerics.losses import weighted_mean
from metassl.numerics.precision import full_precision
from metassl.numerics.tensors import Tensors
from metassl.outcomes.classification import mask_classes, soft_cross_entropy
from metassl.schema.constructor import checked
from metassl.schema.ranges import NotNegative, Positive, Whole
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context
from metassl.ssl.graph.points import task_points


class AlphaTIM(SSLObjective):
    """Labels unlabelled images by a classifier that gradient steps make sure of all of them.

    q_j = softmax_c(-t/2·‖ĥ_j - w_c‖²), w after T steps of Adam from the prototypes on the loss
    CE(S) - m·H_α(mean over U of q_j) + c·mean over U of H_α(q_j), H_α Tsallis's entropy and ĥ a feature's
    direction from the centre of S ∪ U.

    With α = 1 this is TIM, whose marginal term asks for classes of equal size. The larger α is, the less
    a small class costs in it, so for α = 2 and more U may be unbalanced.

    Features stay as they are, so every learner can use the labels. The same terms on a gradient learner's own
    predictions are ssl=alpha_tim_penalty.

    Assumes that U has equally many images of each class as α goes to 1; the entropies of α = 2 and more
    bear unequal ones.

    Differs from the paper: the classifier's posterior labels U, and the learner then learns the labels; the
    paper predicts the queries, which are its U, by the classifier itself. Features are centred before they
    are scaled to length 1, and fewer, longer steps are taken.

    Source: Veilleux et al. 2021, section 4 (α-TIM); Boudiaf et al. 2020, section 3 (TIM); constants from
    their code.

    Args:
        alpha: α > 0 of both entropies: 2 for 1 shot and 7 for 5 in the authors' code.
        marginal_weight, conditional_weight: m and c, 0 or more.
        temperature: t > 0.
        step_size: of Adam, above 0.
        steps: T, 0 or more.
    """

    views: ClassVar = {"plain": "plain"}
    hparams: ClassVar = {"temperature": "positive"}

    @checked("ssl.objective")
    def __init__(
        self,
        alpha: Positive = 2.0,
        marginal_weight: NotNegative = 1.0,
        conditional_weight: NotNegative = 1.0,
        temperature: Positive = 15.0,
        step_size: Positive = 0.002,
        steps: Whole = 50,
    ) -> None:
        super().__init__()
        self.alpha, self.step_size, self.steps = alpha, step_size, steps
        self.marginal_weight, self.conditional_weight = marginal_weight, conditional_weight
        self.temperature: float | Tensor = temperature

    def label(self, context: Context) -> SoftLabels:
        """Posteriors of the plain view."""
        x, y, w = task_points(context, "plain")
        supports, live = len(context.episode.support_y), context.episode.class_mask
        x, order = directions(x, w), 1 if context.stop_gradient else 2
        weights = self.classifier(x, y[:supports], w, live, order)
        q = self._logits(x[supports:], weights, live).softmax(-1)
        return SoftLabels(q, torch.ones_like(context.weight), "plain")

    @full_precision
    def classifier(self, x: Tensor, y: Tensor, weight: Tensor, live: Tensor, order: int = 1) -> Tensor:
        """w [N, D] after the steps.

        Args:
            x: [n, D] features, those of S first; y: [S, N] one-hot labels; weight: [n].
            live: [N] classes that the task has.
            order: 2 leaves a graph through the steps.
        """
        (s, u), (s_weight, u_weight) = (part.tensor_split((len(y),)) for part in (x, weight))

        def loss(at: Tensors) -> tuple[Tensor, Tensor]:
            of_s, p = self._logits(s, at["w"], live), self._logits(u, at["w"], live).softmax(-1)
            mean = (p * u_weight.unsqueeze(-1)).sum(0) / u_weight.sum().clamp(min=1e-12)
            marginal = self.marginal_weight * tsallis_entropy(mean, self.alpha)
            conditional = self.conditional_weight * weighted_mean(tsallis_entropy(p, self.alpha), u_weight)
            return weighted_mean(soft_cross_entropy(of_s, y), s_weight) - marginal + conditional, mean

        w = class_means(s, y, s_weight)
        first, second = torch.zeros_like(w), torch.zeros_like(w)
        for step in range(1, self.steps + 1):
            slope = gradient(loss, {"w": w}, order)[0]["w"]
            first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope.square()
            # the slope of a root at 0 is infinite
            root = (second / (1 - 0.999**step)).clamp(min=1e-30).sqrt()
            w = w - self.step_size * first / (1 - 0.9**step) / (root + 1e-8)
        return w

    def _logits(self, z: Tensor, w: Tensor, live: Tensor) -> Tensor:
        """[n, N] -t/2·‖z_i - w_c‖² but for ‖z_i‖², which the softmax does not see."""
        return mask_classes(self.temperature * (z @ w.T - w.square().sum(-1) / 2), live)
