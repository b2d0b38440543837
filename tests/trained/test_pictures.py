"""A user's pictures are made what a learner was trained on, and what that takes is said."""

import numpy as np
import pytest

from metassl.errors import DataError
from metassl.trained.facts import Facts
from metassl.trained.likeness import described
from metassl.trained.pictures import PictureFit
from tests.trained.test_likeness import drawings

FACTS = Facts(5, (1, 28, 28), 10, described(drawings(100)))


def test_what_is_alike_stays_and_nothing_is_said() -> None:
    fit, x = PictureFit(FACTS), drawings(20)
    assert np.array_equal(fit.fit(x), x)
    assert fit.said == []
    assert np.array_equal(fit(x[:3]), x[:3])


def test_negatives_are_inverted_and_so_is_what_comes_later() -> None:
    fit, x = PictureFit(FACTS), drawings(20)
    assert np.array_equal(fit.fit(255 - x), x)
    assert np.array_equal(fit(255 - x[:1]), x[:1])
    assert len(fit.said) == 1
    assert fit.said[0].startswith("inverted, dark for light")
    assert np.allclose(fit.fit(1 - x / 255), x / 255)
    assert fit.fit(x).max() == 255
    assert not fit.inverted


def test_what_is_like_neither_is_warned_of() -> None:
    fit = PictureFit(FACTS)
    noise = np.random.default_rng(0).integers(0, 256, (20, 28, 28, 1), dtype=np.uint8)
    assert np.array_equal(fit.fit(noise), noise)
    assert len(fit.said) == 1
    assert fit.said[0].startswith("unlike the pictures of the model's training (0.")


def test_size_channels_and_range() -> None:
    """Colour of 56 × 56 in 0 to 255 as float."""
    fit, x = PictureFit(FACTS), drawings(20)
    large = x.repeat(2, 1).repeat(2, 2).repeat(3, 3).astype(np.float32)
    found = fit.fit(large)
    assert (found.shape, found.dtype) == ((20, 28, 28, 1), np.float32)
    assert np.abs(found - x / 255).max() < 0.3
    assert fit.said == ["made 28×28×1 of 56×56×3, as the model's training had them"]
    with pytest.raises(DataError, match="found pictures of 2 channels, allowed are 1 or 3"):
        fit(x.repeat(2, 3))
    with pytest.raises(
        DataError, match="found numbers from -256 to -1 in pictures that are to be made 28×28×1"
    ):
        fit(large - 256)
