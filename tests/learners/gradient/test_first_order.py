"""First order: inner gradients are constants, and yet the objective's meta-parameters learn."""

import pytest
import torch

from metassl.data.pool import Pool
from metassl.learners.adapted import Adapted
from metassl.learners.base import MetaLearner
from metassl.learners.gradient.inner_loop import InnerTask
from metassl.learners.gradient.learner import GradientLearner
from metassl.learners.gradient.maml import MAML
from metassl.learners.gradient.reptile import Reptile
from metassl.ssl.term import SSLTerm
from metassl.tasks.stage import Stage
from tests.support.agreement import assert_engines_agree
from tests.support.calls import TRAIN, adapt, inner_path, outer_gradient, predict
from tests.support.episodes import episodes
from tests.support.learners import Smooth, gradient_learner, sgd
from tests.support.numbers import assert_same
from tests.support.objectives import OMEGA, EntropyOfOmega
from tests.support.terms import term

KINDS = [MAML, Reptile]
RATE = 0.1


def build(ssl: SSLTerm, kind: type[MAML] = MAML, steps: int = 1, order: int = 1) -> GradientLearner:
    inner = sgd(RATE, steps, learned=False)
    return gradient_learner("group", ssl, order, Smooth, kind=kind, inner=inner, steps=steps)


def test_one_step_is_exact(tiny_pool: Pool) -> None:
    """With K = 1 the meta-parameter's gradient is MAML's, θ's is not."""
    ssl = term(EntropyOfOmega(), at="inner")
    task = episodes(tiny_pool, ssl, 1).task(0)
    first, second = (outer_gradient(build(ssl, order=order), task) for order in (1, 2))
    assert first[OMEGA].abs() > 1e-4
    torch.testing.assert_close(first[OMEGA], second[OMEGA], rtol=1e-10, atol=1e-12)
    name = "backbone.convs.0.weight"
    assert (first[name] - second[name]).norm() > 1e-3 * second[name].norm()


@pytest.mark.parametrize("kind", KINDS)
def test_more_steps_give_the_mixed_derivative_at_the_last(tiny_pool: Pool, kind) -> None:
    """-α ∂_ω⟨∇_φ L_in(φ_{K-1}, ω), ∇_φ CE(Q; φ_K)⟩ with ∂_ω as a difference of gradients, for K = 3."""
    ssl = term(EntropyOfOmega(), at="inner")
    task, learner = episodes(tiny_pool, ssl, 1).task(0), build(ssl, kind, steps=3)
    seen = task
    if kind is Reptile:
        seen = type(task)(**{
            **vars(task),
            "support_x": torch.cat((task.support_x, task.query_x)),
            "support_y": torch.cat((task.support_y, task.query_y)),
            "support_weight": torch.cat((task.support_weight, task.query_weight)),
        })  # fmt: skip
    theta = {n: p.detach() for n, p in learner.theta().items()}
    *_, before, after = inner_path(learner, seen, TRAIN, theta=theta)

    def query_loss(phi: dict[str, torch.Tensor]) -> torch.Tensor:
        logits = predict(
            learner, Adapted(phi, {}, learner.anchor(task, TRAIN), task.class_mask), task.query_x, theta
        )
        return torch.nn.functional.cross_entropy(logits, task.query_y)

    def inner_gradient(omega: torch.Tensor) -> dict[str, torch.Tensor]:
        inner = InnerTask(seen, TRAIN, learner.anchor(seen, TRAIN), 3)
        with learner.placed({**theta, OMEGA: omega}):
            return torch.func.grad(lambda phi: learner.step_loss(inner, phi, 2, {})[0])(before)

    slope = torch.func.grad(query_loss)(after)
    h = 1e-4
    high, low = (inner_gradient(theta[OMEGA] + d) for d in (h, -h))
    mixed = sum(((high[n] - low[n]) / (2 * h) * slope[n]).sum() for n in slope)
    found = outer_gradient(learner, task)[OMEGA]
    assert found.abs() > 1e-5
    torch.testing.assert_close(found, -RATE * mixed, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_meta_parameters_change_no_other_gradient(tiny_pool: Pool, kind) -> None:
    """The extra derivative is that of the meta-parameters alone: with ω fixed the rest stays the same."""
    ssl, fixed = term(EntropyOfOmega(), at="inner"), term(EntropyOfOmega(), at="inner")
    fixed.objective.requires_grad_(False)
    task = episodes(tiny_pool, ssl, 1).task(0)
    found, expected = (outer_gradient(build(s, kind, steps=2), task) for s in (ssl, fixed))
    assert found.pop(OMEGA).any()
    assert_same(found, expected, 1e-12)


def test_nothing_is_learned_outside_training(tiny_pool: Pool) -> None:
    ssl = term(EntropyOfOmega(), at="inner")
    task, learner = episodes(tiny_pool, ssl, 1).task(0), build(ssl)
    phi = adapt(learner, task, Stage(), theta={n: p.detach() for n, p in learner.theta().items()} | {
        OMEGA: learner.theta()[OMEGA]}).overlay  # fmt: skip
    assert not any(p.requires_grad for p in phi.values())


@pytest.mark.parametrize("kind", KINDS)
def test_engines_agree(tiny_pool: Pool, kind) -> None:
    def make(norm: str, ssl: SSLTerm) -> MetaLearner:
        return build(ssl, kind, steps=2)

    assert_engines_agree(make, tiny_pool, "group", EntropyOfOmega)
