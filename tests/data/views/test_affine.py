"""The random views of an image: what they do and how far they go."""

import numpy as np
import pytest
import torch

from metassl.data.views import AffineJitter


def test_affine_jitter_without_ranges_is_the_identity() -> None:
    x = torch.rand(5, 3, 6, 9)
    numbers = torch.from_numpy(AffineJitter(0, 0, 0).draw(np.random.default_rng(0), 5, (3, 6, 9)))
    torch.testing.assert_close(AffineJitter(0, 0, 0).apply(x, numbers), x, rtol=0, atol=1e-5)


def test_affine_jitter_by_hand() -> None:
    """Quarter turns, shifts by whole pixels, and zero outside."""
    x = torch.rand(1, 2, 8, 8)
    zero = torch.zeros(1, 4)
    shift = AffineJitter(0, 0.25, 0).apply(x, zero + torch.tensor([0.0, 1, 0, 0]))
    torch.testing.assert_close(shift[..., :6], x[..., 2:], rtol=0, atol=1e-5)
    assert shift[..., 6:].abs().max() < 1e-5
    down = AffineJitter(0, 0.25, 0).apply(x, zero + torch.tensor([0.0, 0, -1, 0]))
    torch.testing.assert_close(down[..., 2:, :], x[..., :6, :], rtol=0, atol=1e-5)
    turned = AffineJitter(90, 0, 0).apply(x, zero + torch.tensor([1.0, 0, 0, 0]))
    torch.testing.assert_close(turned, x.rot90(1, (2, 3)), rtol=0, atol=1e-5)
    # twice as large: the middle half of the image fills the frame
    larger = AffineJitter(0, 0, 1).apply(torch.ones(1, 1, 8, 8), zero + torch.tensor([0.0, 0, 0, 1]))
    torch.testing.assert_close(larger, torch.ones(1, 1, 8, 8))
    smaller = AffineJitter(0, 0, 0.5).apply(torch.ones(1, 1, 8, 8), zero - torch.tensor([0.0, 0, 0, 1]))
    assert smaller.sum() == pytest.approx(16, abs=1e-3)


def test_ranges_of_affine_jitter() -> None:
    numbers = AffineJitter(10, 0.1, 0.1).draw(np.random.default_rng(0), 4000, (1, 8, 8))
    assert numbers.shape == (4000, 4)
    assert abs(numbers).max() <= 1
    np.testing.assert_allclose(numbers.mean(0), 0, atol=0.05)
    np.testing.assert_allclose(numbers.std(0), 1 / 3**0.5, atol=0.05)
