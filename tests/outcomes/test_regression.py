"""Regression against numpy and against what its formulas promise."""

import numpy as np
import pytest
import torch

from metassl.errors import ConfigError
from metassl.evaluation.intervals import over_episodes
from metassl.outcomes.base import in_own_units, standardised
from metassl.outcomes.regression import Regression
from tests.support.numbers import random

Y, F, W = random(6, 2, seed=0), random(6, 2, seed=1), torch.tensor([1, 1, 1, 0.5, 0, 0]).double()


@pytest.mark.parametrize(("error", "expected"), [
    ("squared", lambda e: e**2), ("absolute", np.abs),
])  # fmt: skip
def test_loss_against_numpy(error: str, expected) -> None:
    each = expected((F - Y).numpy()).mean(1)
    outcome = Regression(error)
    torch.testing.assert_close(outcome.label_loss(F, Y, W), torch.from_numpy(each))
    assert float(outcome.loss(F, Y, W)) == pytest.approx(np.average(each, weights=W.numpy()))


def test_scores_are_in_the_values_own_units() -> None:
    """Standardising and measuring gives the error that the values themselves have."""
    outcome, plain = Regression(), Regression(standardise=False)
    support, weight = 3 + 5 * random(1, 4, 2, seed=2), torch.tensor([[1, 1, 1, 0]]).double()
    units = outcome.units(support, weight)
    assert plain.units(support, weight) == {}
    y = standardised(Y.unsqueeze(0), units)[0]
    seen = standardised(support, units)[0, :3]  # the padding has no part in it
    torch.testing.assert_close(seen.mean(0), torch.zeros(2).double())
    torch.testing.assert_close(seen.std(0, correction=0), torch.ones(2).double())
    of_task = {name: value[0] for name, value in units.items()}
    torch.testing.assert_close(in_own_units(y, of_task), Y)
    found = outcome.measure(F, y, W, of_task)
    expected = plain.measure(in_own_units(F, of_task), Y, W, {})
    assert {k: float(v) for k, v in found.items()} == pytest.approx(
        {k: float(v) for k, v in expected.items()}
    )


def test_a_support_of_equal_values_keeps_its_unit() -> None:
    units = Regression().units(torch.full((1, 3, 1), 2.0), torch.ones(1, 3))
    assert (float(units["shift"]), float(units["scale"])) == (2, 1)


def test_rmse_is_of_all_tasks_together() -> None:
    """The root of the mean, not a mean of roots, with the interval that a bootstrap finds."""
    rng = np.random.default_rng(0)
    mse = rng.exponential(size=80)
    rmse = over_episodes(Regression().summary({"mse": mse, "variance": mse + 1, "mae": mse})["rmse"])
    assert rmse.mean == pytest.approx(np.sqrt(mse.mean()))
    draws = [np.sqrt(mse[rng.integers(0, 80, 80)].mean()) for _ in range(4000)]
    assert rmse.half_width == pytest.approx(1.96 * np.std(draws), rel=0.06)
    none = Regression().summary({"mse": np.zeros(3), "variance": np.ones(3), "mae": np.zeros(3)})["rmse"]
    assert none == pytest.approx(0, abs=1e-5)


def test_r2_is_of_all_tasks_together() -> None:
    rng = np.random.default_rng(0)
    columns = {"mse": rng.random(50), "variance": 1 + rng.random(50), "mae": rng.random(50)}
    summary = Regression().summary(columns)
    r2 = over_episodes(summary["r2"])
    assert r2.mean == pytest.approx(1 - columns["mse"].sum() / columns["variance"].sum())
    draws = [rng.integers(0, 50, 50) for _ in range(4000)]
    spread = np.std([1 - columns["mse"][d].sum() / columns["variance"][d].sum() for d in draws])
    assert r2.half_width == pytest.approx(1.96 * spread, rel=0.05)  # the bootstrap's


def test_a_constant_guess_is_the_mean_of_the_support() -> None:
    support = torch.tensor([[1.0], [3.0], [100.0]])
    weight = torch.tensor([1.0, 1.0, 0.0])
    outcome = Regression(standardise=False)
    present = torch.ones(1, dtype=torch.bool)
    found = outcome.constant(support, weight, torch.tensor([[2.0], [5.0]]), torch.ones(2), present, {})
    assert float(found) == pytest.approx((0 + 9) / 2)


def test_masses_add_up_to_means() -> None:
    outcome = Regression()
    share = torch.tensor([[0.25, 0.75, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]).double()
    q, mass = outcome.from_masses(share @ outcome.masses(Y), torch.ones(2, dtype=torch.bool))
    torch.testing.assert_close(q[0], 0.25 * Y[0] + 0.75 * Y[1])
    assert mass.tolist() == [1, 0]
    assert q[1].tolist() == [0, 0]


def test_a_slip_is_one_line() -> None:
    with pytest.raises(ConfigError, match=r"outcome.error: found 'square'.*squared"):
        Regression("square")
