"""Intervals against closed forms, scipy, and their coverage in simulation."""

from math import isnan, sqrt

import numpy as np
import pytest
from scipy import stats

from metassl.evaluation.intervals import Interval, over_episodes, over_seeds, paired


def test_over_episodes_is_the_closed_form() -> None:
    found = over_episodes([0.2, 0.4, 0.9])
    assert found.mean == pytest.approx(0.5)
    assert found.half_width == pytest.approx(1.96 * sqrt(0.13) / sqrt(3))  # s² = (.09 + .01 + .16) / 2
    assert found.n == 3


@pytest.mark.parametrize("n", [2, 3, 5, 30])
def test_over_seeds_is_scipys_t_interval(n: int) -> None:
    values = np.random.default_rng(n).normal(0.7, 0.02, n)
    low, high = stats.t.interval(0.95, n - 1, loc=values.mean(), scale=stats.sem(values))
    found = over_seeds(values)
    assert found.mean - found.half_width == pytest.approx(low, abs=1e-12)
    assert found.mean + found.half_width == pytest.approx(high, abs=1e-12)


def test_paired_is_the_interval_of_the_differences() -> None:
    a, b = [0.5, 0.9, 0.4, 0.8], [0.4, 0.7, 0.5, 0.6]
    found, differences = paired(a, b), [0.1, 0.2, -0.1, 0.2]
    assert found.mean == pytest.approx(0.1)
    assert found.half_width == pytest.approx(1.96 * stats.sem(differences))


def test_pairing_removes_what_the_episodes_share() -> None:
    rng = np.random.default_rng(0)
    difficulty = rng.normal(0.7, 0.1, 600)
    a, b = difficulty + rng.normal(0.01, 0.02, 600), difficulty + rng.normal(0, 0.02, 600)
    assert paired(a, b).excludes_zero
    assert paired(a, b).half_width < over_episodes(a).half_width / 2


@pytest.mark.parametrize(("interval", "n"), [(over_episodes, 200), (over_seeds, 3)])
def test_coverage_is_95_percent(interval: object, n: int) -> None:
    rng, trials = np.random.default_rng(1), 2000
    assert callable(interval)
    found = [interval(sample) for sample in rng.normal(0.6, 0.1, (trials, n))]
    covered = np.mean([abs(each.mean - 0.6) <= each.half_width for each in found])
    assert abs(covered - 0.95) < 4 * sqrt(0.95 * 0.05 / trials)


def test_the_normal_quantile_would_not_cover_with_three_seeds() -> None:
    samples = np.random.default_rng(1).normal(0.6, 0.1, (2000, 3))
    found = [over_episodes(sample) for sample in samples]
    assert np.mean([abs(each.mean - 0.6) <= each.half_width for each in found]) < 0.88


@pytest.mark.parametrize("interval", [over_episodes, over_seeds])
def test_one_value_has_no_width(interval: object) -> None:
    assert callable(interval)
    found = interval([0.25])
    assert (found.mean, found.n) == (0.25, 1)
    assert isnan(found.half_width)
    assert not found.excludes_zero


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="found 2 and 1"):
        paired([0.1, 0.2], [0.1])
    with pytest.raises(ValueError, match="non-empty"):
        over_seeds([])


@pytest.mark.parametrize(
    ("interval", "digits", "signed", "text"),
    [
        (Interval(0.873, 0.008, 600), 1, False, "87.3 ± 0.8"),
        (Interval(0.87345, 0.00812, 600), 2, False, "87.34 ± 0.81"),
        (Interval(0.021, 0.004, 600), 1, True, "+2.1 ± 0.4"),
        (Interval(-0.021, 0.004, 600), 1, True, "-2.1 ± 0.4"),
        (Interval(0.5, float("nan"), 1), 1, False, "50.0 ± n/a"),
    ],
)
def test_percent(interval: Interval, digits: int, signed: bool, text: str) -> None:
    assert interval.percent(digits, signed) == text
