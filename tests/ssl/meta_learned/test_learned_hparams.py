"""λ, τ and T learned by the outer loop: the wrapped objective at first, and their gradients by differences."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.data.pool import Pool
from metassl.errors import ConfigError
from metassl.ssl.base import SSLObjective
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.context import Context
from metassl.ssl.meta_learned.learned_hparams import LearnedHparams
from metassl.ssl.self_supervised.contrastive import Contrastive
from tests.support.calls import TRAIN, meta_loss
from tests.support.contexts import D, U, context
from tests.support.differences import slope_along
from tests.support.episodes import episodes
from tests.support.learners import Smooth, gradient_learner
from tests.support.networks import CHECKS, MAKERS, learner_of
from tests.support.numbers import close, random
from tests.support.objectives import Sharpened, contrastive, learned_hparams


def two_views() -> Context:
    return context({"first": random(U, D, seed=1), "second": random(U, D, seed=2)})


def test_starts_as_the_wrapped_objective(tiny_pool: Pool) -> None:
    """The same outer loss as the wrapped objective's, to the last digits of the softplus."""

    def plain(features: int) -> SSLObjective:
        return contrastive(0.3, 5, features)

    losses = []
    for make in (plain, lambda features: learned_hparams(plain(features), 2)):
        learner = learner_of(gradient_learner, make)
        objective = learner.ssl.objective
        inner: Any = objective.objective if isinstance(objective, LearnedHparams) else objective
        with torch.no_grad():  # learner_of scrambles: the same projection for both, and the start again
            for p in inner.parameters():
                p.fill_(0.1)
            if isinstance(objective, LearnedHparams):
                fresh = learned_hparams(contrastive(0.3, 5), 2).double()
                objective.factors.copy_(fresh.factors)
                objective.raw["temperature"].copy_(fresh.raw["temperature"])
        task = episodes(tiny_pool, learner.ssl, 1).task(0)
        losses.append(meta_loss(learner, task, TRAIN)[0])
    torch.testing.assert_close(losses[1], losses[0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("threshold", "temperature"), [(0.2, 0.5), (0.8, 3.0)])
def test_values_start_where_the_wrapped_ones_are(threshold: float, temperature: float) -> None:
    values = learned_hparams(Sharpened(threshold, temperature), 1).values()
    close(values["threshold"], threshold)
    close(values["temperature"], temperature)


def test_factor_of_each_step_and_of_later_ones() -> None:
    objective = learned_hparams(Consistency(), 2)
    with torch.no_grad():
        objective.factors.copy_(torch.tensor([-1.0, 2.0]))
    for step, at in ((0, 0), (1, 1), (5, 1)):
        given = replace(two_views(), step=step)
        torch.testing.assert_close(objective.strength(given), F.softplus(objective.factors[at]))


def test_labels_by_the_learned_numbers_and_floats_after() -> None:
    inner = Sharpened(0.5, 2.0)
    objective = learned_hparams(inner, 1).double()
    with torch.no_grad():
        objective.raw["threshold"].fill_(0.4)
        objective.raw["temperature"].fill_(-0.3)
    given = context({"plain": random(U, D)})
    labels = objective.label(given)
    assert labels is not None
    q = (given.logits("plain") / F.softplus(torch.tensor(-0.3))).softmax(-1)
    close(labels.q.detach(), q)
    close(labels.weight.detach(), torch.sigmoid((q.amax(-1) - torch.sigmoid(torch.tensor(0.4))) / 0.05))
    assert (inner.threshold, inner.temperature) == (0.5, 2.0)
    deepcopy(objective)  # fails on tensors that are part of a graph


def test_floats_come_back_after_an_error() -> None:
    objective = learned_hparams(Sharpened(0.5, 2.0), 1)
    with pytest.raises(KeyError):
        objective.label(context({"other": random(U, D)}))
    assert objective.objective.threshold == 0.5


def test_takes_over_what_the_wrapped_one_says() -> None:
    labelling, penalising = learned_hparams(Sharpened(0.5, 1.0), 1), learned_hparams(contrastive(), 1)
    assert labelling.labels
    assert not penalising.labels
    assert penalising.views == Contrastive.views
    learned = {n for n, _ in penalising.named_parameters()} - set(penalising.own_parameters())
    assert learned == {"factors", "raw.temperature"}


@pytest.mark.parametrize(("threshold", "temperature"), [(1.0, 1.0), (0.0, 1.0), (0.5, 0.0)])
def test_refuses_a_start_on_the_edge(threshold: float, temperature: float) -> None:
    with pytest.raises(ConfigError, match="a learned one must start"):
        learned_hparams(Sharpened(threshold, temperature), 1)


@pytest.mark.parametrize("name", ["factors", "raw.threshold", "raw.temperature"])
def test_gradient_by_differences(tiny_pool: Pool, name: str) -> None:
    objective = learned_hparams(Sharpened(0.45, 0.8), 2)
    learner = learner_of(gradient_learner, objective, Smooth, at="inner")
    with torch.no_grad():
        learner.ssl.objective.raw["threshold"].fill_(
            -0.6
        )  # where no step of the differences changes an argmax
    learner.ssl.stop_gradient = False  # differences can't stop a gradient at the labels of the second step
    tasks = episodes(tiny_pool, learner.ssl, 2)
    found, slope, gradients = slope_along(learner, tasks, lambda n: n == f"ssl.objective.{name}")
    assert all((g != 0).all() for g in gradients.values())
    torch.testing.assert_close(found, slope, rtol=1e-8, atol=1e-12)


def test_an_outer_penalty_does_not_train_the_numbers(tiny_pool: Pool) -> None:
    """Or the outer loop would learn λ = 0 for its own sake."""

    def make(features: int) -> SSLObjective:
        return learned_hparams(contrastive(features=features), 2)

    learner = learner_of(gradient_learner, make, Smooth, at="outer")
    tasks = episodes(tiny_pool, learner.ssl, 2)
    _, _, gradients = slope_along(learner, tasks, lambda n: n.endswith(("factors", "temperature")))
    assert gradients
    assert all((g == 0).all() for g in gradients.values())


@pytest.mark.parametrize(
    "wrapped", [lambda features: Sharpened(0.45, 0.8), lambda features: contrastive(features=features)]
)
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("make", MAKERS)
def test_in_a_learner(
    tiny_pool: Pool, make: Callable, check: Callable, wrapped: Callable[[int], SSLObjective]
) -> None:
    check(tiny_pool, make, lambda features: learned_hparams(wrapped(features), 2))


def test_tensor_is_what_the_wrapped_objective_sees() -> None:
    seen: list[object] = []

    class Spy(Sharpened):
        def strength(self, context: Context) -> float:
            seen.append(self.temperature)
            return 2.0

    factor = learned_hparams(Spy(0.5, 1.0), 1).strength(context({"plain": random(U, D)}))
    assert isinstance(seen[0], Tensor)
    close(torch.as_tensor(factor).detach(), 2.0)
