"""SimMatch: a strong view has to match what a weak view says of the classes and of the labelled images.

Legend: N way, S support, U unlabelled, D features.
"""

from typing import ClassVar

from torch import Tensor

from metassl.numerics.geometry import unit
from metassl.numerics.losses import gate, weighted_mean
from metassl.numerics.precision import full_precision
from metassl.outcomes.classification import mask_classes, one_hot, soft_cross_entropy
from metassl.schema.ranges import NotNegative, Positive, Share
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context


class SimMatch(SSLObjective):
    """Labels by a weak view that also compares with each labelled image, and has a strong view match both.

    labels p̂_j, weight 1[max_c p̂_jc >= τ]; penalty = λ_in · mean over U of CE(q̂_j, q^s_j).

    Of the weak view, p^w_jc are the predictor's probabilities and q^w_ji = softmax over i in S of
    cos(h_j, h_i)/t; q^s_ji is the same of the strong view. The two tell each other what they know:

    - unfolding: q̂_ji ∝ q^w_ji · p^w_j,y_i, so similarities keep to the classes that are likely;
    - aggregation: p̂_jc = α p^w_jc + (1-α) Σ_{i: y_i = c} q^w_ji, so classes hear of similar images.

    p̂, q̂ and the features of S are constants of the loss. With α = 1 and λ_in = 0 it is FixMatch with soft
    labels. The labels p̂ are learned on the strong view wherever a learner learns labels; a closed form refits
    with them, and has the penalty in its outer loss.

    Differs from the paper: distributions are not aligned, since theirs follow one set of classes over 256
    batches and here there are a few images of new classes. The memory bank is S as the predictor sees it
    now, whole and never stale. Cosines are of the learner's own features, without a projection; the
    predictor is its own teacher.

    Source: Zheng et al. 2022, section 3 (unfolding, aggregation), in the form of the authors' code.

    Args:
        threshold: τ, 0..1.
        temperature: t, above 0.
        alpha: α, 0..1.
        instance_weight: λ_in against the loss of the labels, 0 or more.
    """

    views: ClassVar = {"weak": "weak", "strong": "strong"}
    hparams: ClassVar = {
        "threshold": "unit",
        "temperature": "positive",
        "alpha": "unit",
        "instance_weight": "positive",
    }
    redraws = True

    def __init__(
        self,
        threshold: Share = 0.8,
        temperature: Positive = 0.1,
        alpha: Share = 0.9,
        instance_weight: NotNegative = 0.5,
    ) -> None:
        super().__init__()
        self.threshold: float | Tensor = threshold
        self.temperature: float | Tensor = temperature
        self.alpha: float | Tensor = alpha
        self.instance_weight: float | Tensor = instance_weight

    def label(self, context: Context) -> SoftLabels:
        """p̂ of the weak view, for the strong one."""
        p = context.constant(context.logits("weak")).softmax(-1)
        q = self._near(context.constant(context.features("weak")), context).softmax(-1)
        classes = one_hot(context.episode.support_y, context.episode.way).to(q.dtype)
        mixed = self.alpha * p + (1 - self.alpha) * (q @ classes)
        return SoftLabels(mixed, gate(mixed.amax(-1), self.threshold), "strong")

    def penalty(self, context: Context) -> Tensor:
        """λ_in times the mean cross-entropy between q̂ and the strong view's similarities, 0 or more."""
        weak, strong = context.constant(context.features("weak")), context.features("strong")
        log_p = context.constant(context.logits("weak")).log_softmax(-1)
        # in logs, since p may be 0 to all digits for the class of every similar image
        target = (self._near(weak, context) + log_p[:, context.episode.support_y]).softmax(-1)
        each = soft_cross_entropy(self._near(strong, context), target)
        return self.instance_weight * weighted_mean(each, context.weight)

    def _near(self, z: Tensor, context: Context) -> Tensor:
        """[U, S] cos/t of features z [U, D] and the support, very low for padding."""
        bank = context.constant(context.support_features())
        return mask_classes(cosines(z, bank) / self.temperature, context.episode.support_weight > 0)


@full_precision
def cosines(a: Tensor, b: Tensor) -> Tensor:
    """Compares every row of one matrix with every row of another by their angle.

    cos(a_j, b_i), 0 for a row of zeros: a [n, D], b [m, D] -> [n, m].
    """
    return unit(a) @ unit(b).T
