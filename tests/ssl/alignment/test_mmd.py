"""Maximum mean discrepancy against numpy, and at its ends."""

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import rbf_kernel

from metassl.data.pool import Pool
from metassl.errors import ConfigError
from metassl.ssl.alignment.mmd import MMD
from tests.support.contexts import D, S, U, context
from tests.support.numbers import close, random
from tests.support.penalties import engines_agree, no_weight, padding_is_nothing


@pytest.mark.parametrize(("kernels", "bandwidth"), [(1, 1.0), (5, 1.0), (4, 0.3)])
def test_against_sklearn(kernels: int, bandwidth: float) -> None:
    s, u = random(S, D), random(U, D, seed=1)
    both = np.concatenate((s, u))
    squared = ((both[:, None] - both[None]) ** 2).sum(-1)
    mean = squared.sum() / (len(both) * (len(both) - 1))
    widths = [bandwidth * mean * 2.0**m for m in np.arange(kernels) - kernels // 2]
    k = np.mean([rbf_kernel(both, gamma=1 / width) for width in widths], axis=0)
    expected = k[:S, :S].mean() + k[S:, S:].mean() - 2 * k[:S, S:].mean()
    close(MMD(kernels, bandwidth).penalty(context({"plain": u}, s)), expected)


def test_equal_sets_cost_nothing_and_far_ones_the_most() -> None:
    s = random(S, D)
    close(MMD().penalty(context({"plain": s.flip(0)}, s)), 0.0)
    shifted = [float(MMD().penalty(context({"plain": s + away}, s))) for away in (0.1, 1.0, 10.0)]
    assert 0 < shifted[0] < shifted[1] < shifted[2] < 2


def test_where_the_features_lie_and_their_unit_make_no_difference() -> None:
    s, u = random(S, D), random(U, D, seed=1)
    base = MMD().penalty(context({"plain": u}, s))
    torch.testing.assert_close(
        MMD().penalty(context({"plain": 1e4 + 3 * u}, 1e4 + 3 * s)), base, rtol=1e-8, atol=0
    )
    close(MMD().penalty(context({"plain": torch.ones(U, D).double()}, torch.ones(S, D).double())), 0.0)


def test_padding_and_engines(tiny_pool: Pool) -> None:
    padding_is_nothing(MMD())
    assert no_weight(MMD()) == 0
    engines_agree(tiny_pool, MMD)


def test_a_wrong_option_is_one_line() -> None:
    with pytest.raises(ConfigError, match=r"^ssl\.objective\.kernels: found 0, allowed is a whole number"):
        MMD(kernels=0)
