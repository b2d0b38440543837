"""What defines each gradient learner matters: taken away, the error on waves of either sign grows.

A learner that does not adapt is wrong by the variance of these tasks, about 0.56.
"""

from collections.abc import Callable
from functools import cache, partial

import pytest

from metassl.inner.alfa import ALFA
from metassl.inner.base import MakeInner
from metassl.inner.layer_step_rates import LayerStepRates
from metassl.inner.meta_curvature import MetaCurvature
from metassl.inner.meta_lstm import MetaLSTM
from metassl.inner.meta_sgd import MetaSGD
from metassl.inner.sgd import SGD
from metassl.learners.gradient.cavia import CAVIA
from metassl.learners.gradient.learner import GradientLearner
from metassl.learners.gradient.mamlpp import MAMLpp
from tests.support.sines import error, trained, wave_learner

SMALL = 0.03  # a rate that is too small for two steps


def sgd(rate: float) -> MakeInner:
    return partial(SGD, rate=rate, steps=1, learned=False)


@cache
def error_at_a_fixed_rate() -> float:
    """MAML's, with the small rate held."""
    return error(trained(wave_learner(inner=sgd(SMALL))))


@pytest.mark.parametrize(
    ("build", "steps", "rate"),
    [
        (lambda: wave_learner(inner=sgd(0.1)), 40, 0.015),
        (lambda: wave_learner(inner=sgd(0.1), order=1), 40, 0.015),
        (lambda: wave_learner(inner=sgd(0.1), adapt=["head."]), 40, 0.015),
        (lambda: wave_learner(inner=sgd(0.1), adapt=["backbone."]), 40, 0.015),
        (lambda: wave_learner(CAVIA, layer=1, size=8, inner=sgd(0.5)), 200, 0.005),
    ],
    ids=["maml", "fomaml", "anil", "boil", "cavia"],
)
def test_mechanism_inner_steps(build: Callable[[], GradientLearner], steps: int, rate: float) -> None:
    """Without its inner steps each is at the variance or worse; with two its error is less than half of that."""
    learner = trained(build(), steps, rate)
    adapted, still = error(learner), error(learner, test_steps=0)
    assert still > 0.5
    assert adapted < 0.28


def with_step_rates() -> GradientLearner:
    """MAML++ with a loss after the last step alone."""
    inner = partial(LayerStepRates, rate=SMALL, steps=2)
    return trained(wave_learner(MAMLpp, inner=inner, multi_step_share=0.0, first_order_share=0.0))


@pytest.mark.parametrize(
    "build",
    [
        lambda: trained(wave_learner(inner=partial(MetaSGD, low=SMALL, high=SMALL))),
        lambda: trained(wave_learner(inner=partial(MetaCurvature, rate=SMALL))),
        lambda: trained(wave_learner(inner=partial(ALFA, rate=SMALL, steps=2))),
        with_step_rates,
    ],
    ids=["meta_sgd", "meta_curvature", "alfa", "mamlpp"],
)
def test_mechanism_learned_steps(build: Callable[[], GradientLearner]) -> None:
    """Learned rates, matrices and generated rates against the same step held: a fifth of the error goes."""
    assert error(build()) < 0.8 * error_at_a_fixed_rate()


def test_mechanism_learned_gates() -> None:
    """meta_lstm: gates that start at a rate of 0.01 learn to take larger steps; held, they adapt to nothing."""
    gates = partial(MetaLSTM, rate=0.01, hidden=4)
    held = wave_learner(inner=gates, order=1)
    held.inner.requires_grad_(False)
    assert error(trained(held, 10, 0.03)) > 0.45
    assert error(trained(wave_learner(inner=gates, order=1), 30, 0.03)) < 0.35
