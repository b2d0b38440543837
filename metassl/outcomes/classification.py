"""Tasks that ask for a class: label forms, loss, score, and classes that a task lacks.

Legend: n items, N way.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.numerics.losses import weighted_mean


def one_hot(y: Tensor, way: int) -> Tensor:
    """[n, N] float rows with a 1 at y. By comparison: torch's own one_hot fails under vmap."""
    return (y.unsqueeze(-1) == torch.arange(way, device=y.device)).float()


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
