"""Losses of classes that wrong labels move less than the cross-entropy.

Legend: n items, N classes, p_j softmax of item j's outputs, q_j its target, a distribution over the classes.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

LOG_ZERO = -4.0  # A, what the logarithm of a target of 0 counts as


def generalised_cross_entropy(outputs: Tensor, targets: Tensor, power: float) -> Tensor:
    """Cross-entropy that counts less the items on which the predictor contradicts the label.

    Σ_c q_jc (1 - p_jc^power) / power: the cross-entropy as power → 0, and at power = 1 1 - p_y of a class y,
    half of the mean absolute error. Its gradient is that of the cross-entropy times p_y^power.

    Source: Zhang & Sabuncu 2018 (generalised cross-entropy), section 3.2.

    Args:
        outputs: [n, N] logits.
        targets: [n, N] q.
        power: above 0, at most 1; 0.7 in the paper.

    Returns:
        [n] loss of each item.
    """
    log_p = F.log_softmax(outputs, dim=-1)
    return -(targets * torch.expm1(power * log_p)).sum(-1) / power  # by the logarithm: finite where p is 0


def symmetric_cross_entropy(outputs: Tensor, targets: Tensor, alpha: float, beta: float) -> Tensor:
    """Cross-entropy together with its reverse, in which labels are what may be wrong.

    -α Σ_c q_jc log p_jc - β Σ_c p_jc log q_jc, where log 0 = A = -4 and no logarithm is below A.

    Source: Wang et al. 2019 (symmetric cross-entropy), section 3; A = -4 as in their experiments.

    Args:
        outputs: [n, N] logits.
        targets: [n, N] q.
        alpha: weight of the cross-entropy, 0 or more.
        beta: weight of the reverse, 0 or more.

    Returns:
        [n] loss of each item.
    """
    log_p = F.log_softmax(outputs, dim=-1)
    tiny = torch.finfo(targets.dtype).tiny
    log_q = targets.clamp(min=tiny).log().clamp(min=LOG_ZERO)
    return -(alpha * targets * log_p + beta * log_p.exp() * log_q).sum(-1)
