"""The few losses and label forms that learners and objectives share.

Legend: n items, N way.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def one_hot(y: Tensor, way: int) -> Tensor:
    """[n, N] float rows with a 1 at y. By comparison: torch's own one_hot fails under vmap."""
    return (y.unsqueeze(-1) == torch.arange(way, device=y.device)).float()


def weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Σ w·v / Σ w over the items; 0 when every weight is 0."""
    return (values * weight).sum() / weight.sum().clamp(min=1e-12)


def cross_entropy(logits: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean of -log softmax(logits)_y: logits [n, N], y [n], weight [n] -> scalar."""
    return weighted_mean(F.cross_entropy(logits, y, reduction="none"), weight)


def soft_cross_entropy(logits: Tensor, q: Tensor) -> Tensor:
    """-Σ_c q_c log softmax(logits)_c for each item: logits and q [n, N] -> [n]."""
    return -(q * F.log_softmax(logits, dim=-1)).sum(-1)


def accuracy(logits: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    """Weighted share of items whose largest logit is at y: scalar in 0..1."""
    return weighted_mean((logits.argmax(-1) == y).float(), weight)


def mask_classes(logits: Tensor, class_mask: Tensor) -> Tensor:
    """Logits with the classes that the task lacks at a very low, finite value: no NaN from 0·∞."""
    return logits.masked_fill(~class_mask, torch.finfo(logits.dtype).min / 8)


GATE_WIDTH = 0.05  # of a learned threshold, in the unit of a probability


def gate(value: Tensor, threshold: float | Tensor) -> Tensor:
    """1[value >= τ] for a fixed τ; σ((value - τ)/0.05) for a learned one, which so has a gradient."""
    if isinstance(threshold, Tensor):
        return torch.sigmoid((value - threshold) / GATE_WIDTH)
    return (value >= threshold).to(value.dtype)
