"""Noise on vectors, and features that are hidden."""

import numpy as np
import torch

from metassl.data.views import Jitter, MaskedNoise


def test_spread_of_jitter() -> None:
    view = Jitter(0.3)
    x = torch.zeros(2000, 7)
    noise = view.apply(x, torch.from_numpy(view.draw(np.random.default_rng(0), 2000, (7,))))
    assert noise.dtype == torch.float32
    np.testing.assert_allclose(noise.std(0).numpy(), 0.3, rtol=0.08)
    np.testing.assert_allclose(noise.mean(0).numpy(), 0, atol=0.03)
    assert torch.equal(Jitter(0.0).apply(x, noise), x)


def test_mechanism_a_share_of_the_features_is_hidden() -> None:
    view = MaskedNoise(0.2, 0.3)
    x = torch.full((500, 40), 9.0)
    y = view.apply(x, torch.from_numpy(view.draw(np.random.default_rng(0), 500, (40,))))
    hidden = y == 0
    assert abs(float(hidden.float().mean()) - 0.2) < 0.01
    assert abs(float(y[~hidden].mean()) - 9) < 0.02
    assert abs(float(y[~hidden].std()) - 0.3) < 0.01
    plain = MaskedNoise(0.0, 0.0)
    assert torch.equal(plain.apply(x, torch.from_numpy(plain.draw(np.random.default_rng(0), 500, (40,)))), x)
