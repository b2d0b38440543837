"""How a distance agrees with the gains, against scipy."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from metassl.evaluation.intervals import over_seeds
from metassl.evaluation.transfer import agreement


def test_agreement_against_scipy() -> None:
    rng = np.random.default_rng(0)
    gains, distances = rng.normal(size=(5, 9)), rng.integers(0, 6, size=(5, 9)).astype(float)
    found = agreement(gains, distances)
    expected = [spearmanr(-d, g).statistic for d, g in zip(distances, gains, strict=True)]
    assert found.correlation.mean == pytest.approx(np.mean(expected))
    assert found.correlation.half_width == pytest.approx(over_seeds(expected).half_width)
    assert found.nearest.mean == pytest.approx(
        np.mean([g[d.argmin()] for d, g in zip(distances, gains, strict=True)])
    )


def test_a_perfect_distance_and_one_that_says_nothing() -> None:
    gains = np.random.default_rng(0).normal(size=(4, 6))
    perfect = agreement(gains, -3 * gains)
    assert perfect.correlation.mean == pytest.approx(1)
    assert perfect.nearest.mean == pytest.approx(gains.max(1).mean())
    assert np.isnan(agreement(gains, np.zeros_like(gains)).correlation.mean)
