"""Distractor policies: what an unlabelled image that may be of no class of the task is worth.

Each is a function of a Context that gives [U] weights in 0..1. They multiply the weights of an objective's
labels, and weigh the images in its penalty. Nothing flows back through them. All know an image's own task by
its classes, so they make sense of classes alone.

Legend: N way, S support, U unlabelled, D features.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from metassl.numerics.geometry import class_means, squared_distances
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import Classification, mask_classes, one_hot
from metassl.ssl.context import Context


class DistractorPolicy(nn.Module):
    """Says what each unlabelled image is worth: called with a Context, gives [U] in 0..1.

    Attributes:
        outcomes: what tasks may ask for where it makes sense.
    """

    outcomes: tuple[type[Outcome], ...] = (Classification,)


class Threshold(DistractorPolicy):
    """Takes out the unlabelled images on which the predictor is not sure enough.

    1[max_c p_jc >= τ], by the predictor's own probabilities (Sohn et al. 2020, eq. 4).

    Args:
        threshold: τ, 0..1.
    """

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = threshold

    def forward(self, context: Context) -> Tensor:
        """[U] 0 or 1."""
        sure = context.logits(_first_view(context)).detach().softmax(-1).amax(-1)
        return (sure >= self.threshold).to(sure.dtype)


class Mask(DistractorPolicy):
    """Counts an unlabelled image less, the farther it is from every prototype.

    σ(s·(1 - d_j / mean_j d_j)), d_j the squared distance to the nearest prototype.

    Images nearer than the average image count more than half. A fixed form of the mask that Ren et al.
    2018, section 3.1.3, learn.

    Args:
        threshold: s, the slope, above 0.
    """

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.slope = threshold

    def forward(self, context: Context) -> Tensor:
        """[U] in 0..1."""
        nearest = -_closeness(context).amax(-1)
        weight = context.unlabelled.weight
        mean = (nearest * weight).sum() / weight.sum().clamp(min=1e-12)
        return torch.sigmoid(self.slope * (1 - nearest / mean.clamp(min=1e-12)))


class ExtraClass(DistractorPolicy):
    """Counts an unlabelled image less, the better it fits an extra class for foreign images.

    1 - p(extra): one more prototype at the centre of U takes what is nearer to it than to any class.

    The softmax is over -d_jc / mean d, with the mean over the task's images and classes, so that it does not
    depend on the features' scale. After Ren et al. 2018, section 3.1.2 (there at the origin).

    Args:
        threshold: prior odds of the extra class against one class of the task, above 0.
    """

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.odds = threshold

    def forward(self, context: Context) -> Tensor:
        """[U] in 0..1."""
        near, weight = _closeness(context), context.unlabelled.weight
        u = context.features(_first_view(context)).detach()
        centre = (u * weight.unsqueeze(-1)).sum(0) / weight.sum().clamp(min=1e-12)
        extra = -squared_distances(u, centre.unsqueeze(0))
        live = context.episode.class_mask.to(near.dtype) * weight.unsqueeze(-1)
        scale = ((-near * live).sum() / live.sum().clamp(min=1e-12)).clamp(min=1e-12)
        extra = extra / scale + torch.log(torch.full_like(extra, self.odds))
        logits = torch.cat((mask_classes(near / scale, context.episode.class_mask), extra), dim=-1)
        return 1 - logits.softmax(-1)[:, -1]


POLICIES: dict[str, Callable[[float], DistractorPolicy] | None] = {
    "none": None,
    "threshold": Threshold,
    "mask": Mask,
    "extra_class": ExtraClass,
}


def _closeness(context: Context) -> Tensor:
    """[U, N] minus the squared distance to each class's mean support feature, very low for no class."""
    episode = context.episode
    s, u = context.support_features().detach(), context.features(_first_view(context)).detach()
    means = class_means(s, one_hot(episode.support_y, episode.way), episode.support_weight)
    return mask_classes(-squared_distances(u, means), episode.class_mask)


def _first_view(context: Context) -> str:
    return next(iter(context.unlabelled.views))
