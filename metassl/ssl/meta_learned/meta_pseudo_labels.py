"""A teacher that labels U and hears what its labels were worth.

Legend: N way, S support, U unlabelled, n items of either, D features.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from metassl.numerics.geometry import class_means, squared_distances
from metassl.numerics.losses import gate, weighted_mean
from metassl.outcomes.classification import cross_entropy, mask_classes, one_hot, soft_cross_entropy
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context

CLUES = 2


class MetaPseudoLabels(SSLObjective):
    """Labels by a teacher that learns from how much its labels helped on the queries.

    The learner is the student; its labels are argmax_c T(u_j), constants.

    T(h)_c = a·(the student's logit) + m(‖h - p_c‖² / mean_c' ‖h - p_c'‖², cos(h, p_c)), m a small network, so
    the teacher knows no class by name; a starts at 1 and m at 0, where the teacher is the student itself.
    The teacher's loss is h·CE(T(U), ŷ) + CE(T(S), y), h = CE(Q) before - CE(Q) after learning from ŷ: labels
    that LOWERED the loss become more likely, those that raised it less so. With one image a class the
    prototype in CE(T(S), y) is the image itself, which makes that term nearly trivial.
    ŷ of the teacher's loss are its labels at the adapted student, which in an inner loop may differ from
    those of earlier steps.
    Source: Pham et al. 2021, appendix A, eq. 10 to 12, and Algorithm 1; there h is the first-order estimate
    by the loss on labelled images, and a consistency loss (UDA) trains the teacher as well.

    Args:
        threshold: τ, 0..1: labels whose probability by the teacher is below it have no weight.
        width: of the teacher's hidden layer.
    """

    views: ClassVar = {"plain": "plain"}
    wants_feedback = True

    def __init__(self, threshold: float = 0.8, width: int = 16) -> None:
        super().__init__()
        self.threshold = threshold
        self.scale = nn.Parameter(torch.ones(()))
        self.hidden, self.out = nn.Linear(CLUES, width), nn.Linear(width, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def label(self, context: Context) -> SoftLabels:
        """The teacher's hard labels of the plain view."""
        sure, best = self.teacher_on_u(context).detach().softmax(-1).max(-1)
        return SoftLabels(one_hot(best, context.episode.way), gate(sure, self.threshold), "plain")

    def feedback(self, context: Context, advantage: Tensor) -> Tensor:
        """h·CE(T(U), ŷ) + CE(T(S), y)."""
        episode, given = context.episode, self.label(context)
        on_u = soft_cross_entropy(self.teacher_on_u(context), given.q)
        on_s = self.teacher(context, context.support_features(), context.support_logits())
        labelled = cross_entropy(on_s, episode.support_y, episode.support_weight)
        return advantage * weighted_mean(on_u, given.weight * context.weight) + labelled

    def teacher_on_u(self, context: Context) -> Tensor:
        """[U, N] T(u_j)."""
        return self.teacher(context, context.features("plain"), context.logits("plain"))

    def teacher(self, context: Context, z: Tensor, logits: Tensor) -> Tensor:
        """[n, N] T of features z [n, D] with the student's logits [n, N], both constants."""
        episode = context.episode
        labels = one_hot(episode.support_y, episode.way)
        p = class_means(context.support_features().detach(), labels, episode.support_weight)
        seen = clues(z.detach(), p, episode.class_mask)
        opinion = self.out(torch.tanh(self.hidden(seen))).squeeze(-1)
        return mask_classes(self.scale * logits.detach() + opinion, episode.class_mask)


def clues(z: Tensor, p: Tensor, live: Tensor) -> Tensor:
    """Describes how near images are to each prototype, without naming a class, for the teacher.

    [n, N, 2] distance relative to the mean over the task's classes, and cosine: z [n, D], p [N, D].
    """
    distance = squared_distances(z, p)
    share = live.to(z.dtype) / live.sum()
    relative = distance / (distance * share).sum(-1, keepdim=True).clamp(min=1e-12)
    lengths = z.norm(dim=-1).unsqueeze(1) * p.norm(dim=-1).unsqueeze(0)
    cosine = (z @ p.T) / lengths.clamp(min=1e-12)
    return torch.stack((relative, cosine), dim=-1)
