"""Rotation: turns against numpy, its head's own gradient, and checks that every objective with networks passes."""

from collections.abc import Callable
from dataclasses import replace
from math import log
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from metassl.engine.outer import Unrolled
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from metassl.data.builder import EpisodeBuilder
from metassl.data.pool import Pool
from metassl.data.sampler import EpisodeSampler
from metassl.data.views import AffineJitter
from metassl.engine.loop import Loop
from metassl.engine.vmap import Vmap
from metassl.errors import ConfigError
from metassl.learners.base import MetaLearner
from metassl.ssl.base import SSLObjective
from metassl.ssl.context import Context
from metassl.ssl.descriptor import Descriptor
from metassl.ssl.self_supervised.rotation import Rotation
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage
from tests.engine.test_tasks import (
    Smooth,
    conv4,
    cut_padding,
    doubled,
    flat,
    gradient_learner,
    head_learner,
    spec,
)
from tests.ssl.test_objectives import close
from tests.tasks import SPEC, D, U, context, make_term, random

TRAIN = Stage(training=True)
MAKERS = (gradient_learner, head_learner)


# What the tests of the other objectives with networks share.


def bound(objective: Any, dim: int = D, task: TaskSpec = SPEC) -> Any:
    """The objective as if built for a backbone of that many features, in float64."""
    torch.manual_seed(1)
    learner: Any = SimpleNamespace(backbone=SimpleNamespace(out_dim=dim), takes_gradient_steps=True)
    objective.bind(learner, task)
    return objective.double()


def scramble(module: nn.Module, seed: int = 2) -> None:
    """Random values for every parameter, so that nothing hides behind an initial 0."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(0.5 * torch.randn(p.shape, generator=generator))


def learner_of(make: Callable, objective: SSLObjective, make_backbone: Any = conv4, at: str = "both") -> Any:
    """A small learner with this objective, with a norm that looks at one input alone."""
    ssl = make_term(objective, at, weight=0.7, refit_weight=0.6, outer_weight=0.3, from_step=0)
    learner = make("group", ssl, make_backbone=make_backbone)
    torch.manual_seed(3)
    objective.bind(learner, SPEC)
    scramble(objective)
    return learner.double()


def tasks_of(pool: Pool, objective: SSLObjective, count: int, **changes: object) -> Episode:
    """Episodes with the objective's views and random numbers."""
    views = {n: AffineJitter(10, 0.1, 0.1) if k != "plain" else None for n, k in objective.views.items()}
    sampler = EpisodeSampler(pool, spec(**changes), 0, "train", outer=True)
    draws = objective.draws(SPEC.input_shape)
    return doubled(EpisodeBuilder(sampler, views, outer=True, draws=draws)(range(count)).episodes)


def check_engines_agree(pool: Pool, make: Callable, objective: SSLObjective, at: str = "both") -> None:
    """Loop and vmap give the same gradients, and the objective's own parameters get one."""
    learner = learner_of(make, objective, at=at)
    tasks = tasks_of(pool, objective, 2)
    one, scores = Unrolled(Loop())(learner, learner.theta(), tasks, TRAIN)
    many, _ = Unrolled(Vmap(2))(learner, learner.theta(), tasks, TRAIN)
    assert torch.isfinite(flat(one)).all()
    assert torch.isfinite(scores["loss"])
    torch.testing.assert_close(flat(many), flat(one), rtol=1e-8, atol=1e-8)
    for name in objective.own_parameters():
        assert one[f"ssl.objective.{name}"].abs().max() > 0, name


def check_padding(pool: Pool, make: Callable, objective: SSLObjective) -> None:
    """A padded task gives the gradient of the same task with the padding cut off."""
    learner = learner_of(make, objective)
    tasks = tasks_of(pool, objective, 8, way=[2, 3], shot=[1, 2], distractors=0)
    task = tasks.task(next(t for t in range(8) if not tasks.class_mask[t].all()))
    found = [
        Unrolled(Loop())(learner, learner.theta(), tree_map(lambda x: x[None], e), TRAIN)[0]
        for e in (task, cut_padding(task))
    ]
    torch.testing.assert_close(flat(found[0]), flat(found[1]), rtol=1e-8, atol=1e-10)


def check_names_of_classes(pool: Pool, make: Callable, objective: SSLObjective) -> None:
    """Other names for the classes (and for the outputs of a linear head) change no loss."""
    learner = learner_of(make, objective)
    task, order = tasks_of(pool, objective, 1).task(0), torch.tensor([2, 0, 1])
    back = order.argsort()  # class c is now called back[c]
    renamed = replace(
        task,
        support_y=back[task.support_y],
        query_y=back[task.query_y],
        class_mask=task.class_mask[order],
        classes=task.classes[order],
    )
    theta = learner.theta()
    other = {n: p[order] if n.startswith("head.") else p for n, p in theta.items()}
    one, two = learner.meta_loss(theta, task, TRAIN)[0], learner.meta_loss(other, renamed, TRAIN)[0]
    torch.testing.assert_close(two, one, rtol=1e-9, atol=1e-9)


def check_nothing_without_weight(pool: Pool, make: Callable, objective: SSLObjective) -> None:
    """All of U padding: no NaN in the loss or in a gradient."""
    learner = learner_of(make, objective)
    tasks = tasks_of(pool, objective, 1, way=[2, 3], distractors=0)
    empty = [
        replace(u, weight=torch.zeros_like(u.weight)) for u in (tasks.unlabelled, tasks.outer_unlabelled)
    ]
    tasks = replace(tasks, unlabelled=empty[0], outer_unlabelled=empty[1])
    gradient, scores = Unrolled(Loop())(learner, learner.theta(), tasks, TRAIN)
    assert torch.isfinite(flat(gradient)).all()
    assert torch.isfinite(scores["loss"])


CHECKS = (check_engines_agree, check_padding, check_names_of_classes, check_nothing_without_weight)


def slope_along(
    learner: MetaLearner, tasks: Episode, wanted: Callable[[str], bool]
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """The outer gradient along a random direction of some parameters, by autograd and by differences."""
    theta = learner.theta()
    gradients, _ = Unrolled(Loop())(learner, theta, tasks, TRAIN)
    generator = torch.Generator().manual_seed(1)
    way = {n: torch.randn(p.shape, generator=generator).double() for n, p in theta.items() if wanted(n)}

    def loss(h: float) -> Tensor:
        moved = {n: (p + h * way[n] if n in way else p).detach() for n, p in theta.items()}
        return torch.stack([learner.meta_loss(moved, tasks.task(t), TRAIN)[0] for t in range(2)]).mean()

    h = 1e-3
    slope = (loss(-2 * h) - 8 * loss(-h) + 8 * loss(h) - loss(2 * h)) / (12 * h)
    found = torch.stack([(gradients[n] * way[n]).sum() for n in way]).sum()
    return found, slope, {n: gradients[n] for n in way}


# Rotation


def images(seed: int = 0) -> Tensor:
    return random(U, 1, 2, 2, seed=seed)


def of_images(x: Tensor, **options: Any) -> Context:
    return context({"plain": x}, **options)


def test_penalty_against_numpy() -> None:
    objective, x = bound(Rotation()), images()
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
    objective = bound(Rotation())
    nn.init.zeros_(objective.head.weight), nn.init.zeros_(objective.head.bias)
    close(objective.penalty(of_images(images())), log(4))


def test_own_parameters_are_all_that_it_has() -> None:
    objective = bound(Rotation())
    assert set(objective.own_parameters()) == {n for n, _ in objective.named_parameters()}


def test_all_padding_gives_zero() -> None:
    assert bound(Rotation()).penalty(of_images(images(), weight=torch.zeros(U).double())) == 0


@pytest.mark.parametrize("shape", [(5,), (1, 4, 5)])
def test_refuses_what_cannot_be_turned(shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="ssl=rotation needs images"):
        bound(Rotation(), task=replace(SPEC, input_shape=shape))


def test_its_head_learns_the_turns(tiny_pool: Pool) -> None:
    """The outer gradient of the head is that of the penalty: following it lowers the penalty."""
    objective = Rotation()
    learner = learner_of(gradient_learner, objective, Smooth, at="inner")
    tasks = tasks_of(tiny_pool, objective, 2)
    theta = learner.theta()

    def penalty(theta: dict[str, Tensor]) -> Tensor:
        return torch.stack(
            [learner.observe(theta, tasks.task(t), TRAIN, objective.penalty) for t in range(2)]
        ).mean()

    gradients, _ = Unrolled(Loop())(learner, theta, tasks, TRAIN)
    head = {n: p - 0.01 * gradients[n] for n, p in theta.items() if n.startswith("ssl.")}
    assert penalty({**theta, **head}) < penalty(theta)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("make", MAKERS)
def test_in_a_learner(tiny_pool: Pool, make: Callable, check: Callable) -> None:
    check(tiny_pool, make, Rotation())


# Descriptor


def test_a_descriptor_only_carries_images(tiny_pool: Pool) -> None:
    objective = Descriptor()
    given = context({"plain": random(U, D)})
    assert objective.label(given) is None
    assert objective.penalty(given) is None
    assert tasks_of(tiny_pool, objective, 1).unlabelled.views["plain"].shape[1] > 0
