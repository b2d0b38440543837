"""Rotation: turns against numpy, and its head's own gradient."""

from collections.abc import Callable
from dataclasses import replace
from math import log
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from metassl import compatibility
from metassl.data.pool import Pool
from metassl.errors import ConfigError
from metassl.ssl.context import Context
from metassl.ssl.self_supervised.rotation import Rotation
from tests.support.calls import TRAIN, observe, outer_gradients
from tests.support.contexts import D, U, context
from tests.support.episodes import SPEC, episodes
from tests.support.learners import Smooth, gradient_learner
from tests.support.networks import CHECKS, MAKERS, built, learner_of
from tests.support.numbers import close, random
from tests.support.objectives import learned_hparams


def images(seed: int = 0) -> Tensor:
    return random(U, 1, 2, 2, seed=seed)


def of_images(x: Tensor, **options: Any) -> Context:
    return context({"plain": x}, **options)


def test_penalty_against_numpy() -> None:
    objective, x = built(Rotation, features=D), images()
    weight = torch.tensor([1, 1, 0.5, 1, 0, 1, 1]).double()
    found = objective.penalty(of_images(x, weight=weight))
    w, b = objective.head.weight.detach().numpy(), objective.head.bias.detach().numpy()
    total = 0.0
    for image, worth in zip(x.numpy()[:, 0], weight.numpy(), strict=True):
        for turn in range(4):
            logits = w @ np.rot90(image, turn).flatten() + b
            total -= worth * (logits[turn] - np.log(np.exp(logits).sum())) / 4
    close(found, total / float(weight.sum()))


def test_a_head_that_knows_nothing_is_at_chance() -> None:
    objective = built(Rotation, features=D)
    nn.init.zeros_(objective.head.weight), nn.init.zeros_(objective.head.bias)
    close(objective.penalty(of_images(images())), log(4))


def test_own_parameters_are_all_that_it_has() -> None:
    objective = built(Rotation, features=D)
    assert set(objective.own_parameters()) == {n for n, _ in objective.named_parameters()}


def test_all_padding_gives_zero() -> None:
    assert built(Rotation, features=D).penalty(of_images(images(), weight=torch.zeros(U).double())) == 0


@pytest.mark.parametrize("shape", [(5,), (1, 4, 5)])
@pytest.mark.parametrize("make", [Rotation, lambda features: learned_hparams(Rotation(features))])
def test_refuses_what_cannot_be_turned(make: Callable, shape: tuple[int, ...]) -> None:
    learner = learner_of(gradient_learner, make)
    compatibility.check(learner, SPEC)
    with pytest.raises(ConfigError, match=r"^ssl: the objective turns images, found .*square") as caught:
        compatibility.check(learner, replace(SPEC, input_shape=shape))
    assert "\n" not in str(caught.value)


def test_its_head_learns_the_turns(tiny_pool: Pool) -> None:
    """The outer gradient of the head is that of the penalty: following it lowers the penalty."""
    learner = learner_of(gradient_learner, Rotation, Smooth, at="inner")
    objective = learner.ssl.objective
    tasks = episodes(tiny_pool, learner.ssl, 2)
    theta = learner.theta()

    def penalty(theta: dict[str, Tensor]) -> Tensor:
        return torch.stack(
            [observe(learner, tasks.task(t), TRAIN, objective.penalty, theta=theta) for t in range(2)]
        ).mean()

    gradients, _ = outer_gradients(learner, tasks)
    head = {n: p - 0.01 * gradients[n] for n, p in theta.items() if n.startswith("ssl.")}
    assert penalty({**theta, **head}) < penalty(theta)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("make", MAKERS)
def test_in_a_learner(tiny_pool: Pool, make: Callable, check: Callable) -> None:
    check(tiny_pool, make, Rotation)
