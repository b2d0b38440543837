"""Corrected comparisons: against scipy, by hand, and by what they promise."""

from math import isnan, nan

import numpy as np
import pytest
from scipy import stats

from metassl.evaluation.significance import holm, p_over_seeds


def test_p_is_the_paired_t_tests() -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 5))
    assert p_over_seeds(a - b) == pytest.approx(stats.ttest_rel(a, b).pvalue)
    assert p_over_seeds([0.3, 0.3, 0.3]) == 0
    assert p_over_seeds([0.0, 0.0]) == 1
    assert isnan(p_over_seeds([0.3]))


def test_holm_by_hand() -> None:
    # of four: 0.05 / 4 = 0.0125, / 3 = 0.0167, / 2 = 0.025; the third fails, so the fourth isn't looked at
    assert holm([0.03, 0.001, 0.04, 0.016]) == [False, True, False, True]
    assert holm([0.03, nan]) == [True, False]  # what was not tested counts as no comparison
    assert holm([]) == []


def test_chance_marks_something_in_at_most_5_of_100_maps() -> None:
    p = np.random.default_rng(1).uniform(size=(2000, 40))
    share = np.mean([any(holm(list(row))) for row in p])
    uncorrected = np.mean((p < 0.05).any(1))
    assert share < 0.065
    assert uncorrected > 0.8
