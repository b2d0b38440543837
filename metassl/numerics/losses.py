"""The few losses and label forms that learners and objectives share.

Legend: n items, N way.
"""

import torch
from torch import Tensor


def weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Σ w·v / Σ w over the items; 0 when every weight is 0."""
    return (values * weight).sum() / weight.sum().clamp(min=1e-12)


GATE_WIDTH = 0.05  # of a learned threshold, in the unit of a probability


def gate(value: Tensor, threshold: float | Tensor) -> Tensor:
    """1[value >= τ] for a fixed τ; σ((value - τ)/0.05) for a learned one, which so has a gradient."""
    if isinstance(threshold, Tensor):
        return torch.sigmoid((value - threshold) / GATE_WIDTH)
    return (value >= threshold).to(value.dtype)
