"""Numbers to compute with, and how two results are compared."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor


def random(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal numbers in float64."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def uniform(*shape: int, seed: int = 0) -> Tensor:
    """Uniform numbers in float64, within (0, 1)."""
    return torch.from_numpy(np.random.default_rng(seed).uniform(1e-6, 1 - 1e-6, shape))


def softmax(x: np.ndarray) -> np.ndarray:
    """NumPy's own softmax of each row."""
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def close(found: Tensor, expected: object) -> None:
    """A tensor equals numbers of any kind, but for rounding."""
    torch.testing.assert_close(found.double(), torch.as_tensor(np.asarray(expected, dtype=float)))


def assert_same(
    found: Mapping[str, Tensor], expected: Mapping[str, Tensor], tolerance: float = 1e-10
) -> None:
    """Two dicts of tensors have the same names and, to the tolerance, the same values."""
    torch.testing.assert_close(dict(found), dict(expected), rtol=tolerance, atol=tolerance)


def flat(gradients: Mapping[str, Tensor]) -> Tensor:
    """All tensors of a dict as one vector, in the order of their names."""
    return torch.cat([gradients[name].flatten() for name in sorted(gradients)])
