"""Meta-SGD against MAML and against its own definition."""

from functools import partial

import pytest
import torch

from metassl.data.pool import Pool
from metassl.inner.base import MakeInner
from metassl.inner.meta_sgd import MetaSGD
from metassl.learners.gradient.learner import GradientLearner
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.term import SSLTerm
from tests.support.agreement import assert_engines_agree, assert_padding_is_harmless
from tests.support.calls import TRAIN, adapt, outer_gradient, under
from tests.support.episodes import episodes
from tests.support.learners import gradient_learner, sgd
from tests.support.numbers import assert_same
from tests.support.objectives import OBJECTIVES
from tests.support.terms import term


def build(norm: str, ssl: SSLTerm, inner: MakeInner | None = None) -> GradientLearner:
    return gradient_learner(norm, ssl, inner=inner or partial(MetaSGD, low=0.05, high=0.2))


def test_equal_rates_are_maml(tiny_pool: Pool) -> None:
    ssl = term(Consistency())
    task = episodes(tiny_pool, ssl, 1).task(0)
    maml, ours = build("batch", ssl, sgd(0.1, 1)), build("batch", ssl, MetaSGD)
    ours.load_state_dict({n: p for n, p in maml.state_dict().items() if n[:6] != "inner."}, strict=False)
    with torch.no_grad():  # 0.1 in float64
        ours.inner.rates.apply(lambda m: [p.fill_(0.1) for p in m.parameters()])
        maml.inner.rates.fill_(0.1)
    expected, found = outer_gradient(maml, task), outer_gradient(ours, task)
    rate = expected.pop("inner.rates")
    rates = [found.pop(n) for n in list(found) if n.startswith("inner.")]
    assert_same(found, expected)
    # one rate for all: its slope is the sum of theirs
    torch.testing.assert_close(sum(g.sum() for g in rates), rate.sum(), rtol=1e-9, atol=1e-11)


def test_each_number_has_a_rate_of_its_own(tiny_pool: Pool) -> None:
    ssl = term(OBJECTIVES["none"]())
    task = episodes(tiny_pool, ssl, 1).task(0)
    learner = build("batch", ssl)
    learner.steps = 1
    theta = learner.theta()
    rates = {n.removeprefix("inner.rates.").replace("/", "."): p for n, p in theta.items() if "rates" in n}
    assert {n: p.shape for n, p in rates.items()} == {
        n: p.shape for n, p in theta.items() if not n.startswith("inner.")
    }
    values = torch.cat([p.flatten() for p in rates.values()])
    assert values.min() >= 0.05
    assert values.max() <= 0.2
    assert values.std() > 0.03  # uniform: 0.043
    loss = torch.nn.functional.cross_entropy(
        under(learner, theta, lambda: learner.head(learner.backbone(task.support_x))), task.support_y
    )
    slopes = torch.autograd.grad(loss, [theta[n] for n in rates], materialize_grads=True)
    expected = {n: theta[n] - rates[n] * g for n, g in zip(rates, slopes, strict=True)}
    assert_same(adapt(learner, task, TRAIN).overlay, expected)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_engines_agree(tiny_pool: Pool, objective: str) -> None:
    assert_engines_agree(build, tiny_pool, "batch", objective)


def test_padding(tiny_pool: Pool) -> None:
    assert_padding_is_harmless(build, tiny_pool, "group")
