"""Ways to damage an input: what severity 1 and 0 are, by hand and against SciPy."""

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d
from torch import Tensor

from metassl.data.low_quality.kinds import KINDS, Blur, Missing, Noise, Occlusion

PICTURES, VECTORS = (3, 8, 6), (7,)


def inputs(shape: tuple[int, ...], count: int = 5) -> Tensor:
    return torch.from_numpy(np.random.default_rng(1).random((count, *shape), dtype=np.float32)) + 0.1


def damaged(name: str, x: Tensor, severity: float, seed: int = 0) -> Tensor:
    numbers = KINDS[name].draw(np.random.default_rng(seed), len(x), tuple(x.shape[1:]))
    return KINDS[name].apply(x, torch.from_numpy(numbers), torch.full((len(x),), severity))


@pytest.mark.parametrize("shape", [PICTURES, VECTORS])
@pytest.mark.parametrize("name", KINDS)
def test_severity_0_changes_nothing(name: str, shape: tuple[int, ...]) -> None:
    if len(shape) == 1 and KINDS[name].pictures_only:
        pytest.skip("for pictures alone")
    x = inputs(shape)
    assert torch.equal(damaged(name, x, 0.0), x)


@pytest.mark.parametrize("severity", [0.5, 1.0])
def test_noise_is_as_large_as_the_input_times_the_severity(severity: float) -> None:
    x = 40 * inputs((2000,), 20)
    added = damaged("noise", x, severity) - x
    ratio = added.square().mean(1) / x.square().mean(1)
    torch.testing.assert_close(ratio.mean(), torch.tensor(severity**2), rtol=0.03, atol=0)
    empty = torch.zeros(1, 9)
    assert torch.equal(damaged("noise", empty, 1.0), empty)


def test_more_noise_is_more_of_the_same() -> None:
    x = inputs(VECTORS)
    half, whole = damaged("noise", x, 0.5) - x, damaged("noise", x, 1.0) - x
    torch.testing.assert_close(2 * half, whole, rtol=1e-4, atol=1e-5)


def test_blur_is_a_gaussian_that_ends_with_the_picture() -> None:
    x = inputs((2, 24, 16), 2)
    found = damaged("blur", x, 0.5).double().numpy()
    expected = x.double().numpy()
    for axis, side in ((2, 24), (3, 16)):
        d = np.arange(-side, side + 1)
        kernel = np.exp(-(d**2) / (2 * (0.5 * side / 8) ** 2))
        inside = correlate1d(np.ones_like(expected), kernel, axis, mode="constant")
        expected = correlate1d(expected, kernel, axis, mode="constant") / inside
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_blur_keeps_an_even_picture() -> None:
    even = torch.full((1, 1, 9, 9), 0.3)
    torch.testing.assert_close(damaged("blur", even, 1.0), even)


@pytest.mark.parametrize(("severity", "height", "width"), [(0.25, 4, 3), (0.04, 2, 1), (1.0, 8, 6)])
def test_an_occlusion_covers_its_share(severity: float, height: int, width: int) -> None:
    """Sides are those of the picture times the root of the share, rounded to pixels; the place varies."""
    black = damaged("occlusion", inputs(PICTURES, 200), severity) == 0
    assert (black.all(1) == black.any(1)).all()  # all channels
    covered = black[:, 0]
    assert (covered.any(2).sum(1) == height).all()
    assert (covered.any(1).sum(1) == width).all()
    assert (covered.flatten(1).sum(1) == height * width).all()
    if severity < 1:
        assert covered.float().mean(0).min() > 0  # anywhere


@pytest.mark.parametrize("shape", [(3, 40, 40), (4800,)])
def test_missing_is_a_share_of_all_values(shape: tuple[int, ...]) -> None:
    gone = damaged("missing", inputs(shape), 0.3) == 0
    assert abs(float(gone.float().mean()) - 0.3) < 0.02
    assert (damaged("missing", inputs(shape), 1.0) == 0).all()
    if len(shape) == 3:
        assert (gone.all(1) == gone.any(1)).all()
    more = damaged("missing", inputs(shape), 0.5) == 0
    assert (more | ~gone).all()  # what is missing stays so


def test_each_input_has_its_own_severity() -> None:
    x = inputs(PICTURES, 2)
    for kind in (Noise(), Blur(), Occlusion(), Missing()):
        numbers = torch.from_numpy(kind.draw(np.random.default_rng(0), 2, PICTURES))
        first, second = kind.apply(x, numbers, torch.tensor([0.0, 1.0]))
        assert torch.equal(first, x[0])
        assert not torch.equal(second, x[1])
