"""The learned loss: what it sees, that it starts as nothing, and that the outer loop learns it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from metassl import compatibility
from metassl.data.pool import Pool
from metassl.errors import ConfigError
from metassl.outcomes.classification import CLASSES
from metassl.ssl.meta_learned.learned_critic import statistics
from metassl.ssl.none import NoObjective
from tests.support.calls import outer_gradients
from tests.support.contexts import WAY, D, S, U, context
from tests.support.differences import slope_along
from tests.support.episodes import SPEC, episodes
from tests.support.learners import Smooth, gradient_learner, head_learner, scramble
from tests.support.networks import CHECKS, learner_of
from tests.support.numbers import close, random, softmax
from tests.support.objectives import learned_critic, learned_weights


def critic() -> Any:
    objective = learned_critic()
    scramble(objective)
    return objective.double()


def test_statistics_against_numpy() -> None:
    logits, weight = random(U, WAY), torch.linspace(0, 1, U).double()
    live = torch.ones(WAY, dtype=torch.bool)
    found = statistics(CLASSES, logits, live, weight)
    x = logits.numpy()
    p = softmax(x)
    mean = (p * weight.numpy()[:, None]).sum(0) / float(weight.sum())
    close(found[..., 0], x - x.mean(1, keepdims=True))
    close(found[..., 1], p)
    close(found[..., 2], np.log(p))
    close(found[..., 3], np.tile(mean, (U, 1)))


def test_a_missing_class_is_not_seen() -> None:
    """As if the task had two classes only."""
    x = random(U, D)
    few = torch.tensor([True, True, False])
    masked = context(
        {"plain": x}, class_mask=few, logits=lambda z, _: z[:, :WAY].masked_fill(~few, torch.finfo(z.dtype).min / 8)
    )  # fmt: skip
    narrow = context({"plain": x}, class_mask=few[:2], logits=lambda z, _: z[:, :2])
    objective = critic()
    close(objective.penalty(masked).detach(), objective.penalty(narrow).detach())


@pytest.mark.parametrize("order", [[1, 2, 0], [0, 2, 1]])
def test_order_of_classes_and_images_makes_no_difference(order: list[int]) -> None:
    objective, x = critic(), random(U, D)
    one = objective.penalty(context({"plain": x}))
    close(objective.penalty(context({"plain": x}, logits=lambda z, _: z[:, order])).detach(), one.detach())
    close(objective.penalty(context({"plain": x.flip(0)})).detach(), one.detach())
    assert objective.penalty(context({"plain": 2 * x})) != one


def test_padding_of_u_has_no_influence() -> None:
    objective, x = critic(), random(U, D)
    wide = torch.cat((x, 9 * random(3, D, seed=7)))
    weight = torch.cat((torch.ones(U), torch.zeros(3))).double()
    found = objective.penalty(context({"plain": wide}, weight=weight))
    close(found.detach(), objective.penalty(context({"plain": x})).detach())
    assert objective.penalty(context({"plain": x}, weight=torch.zeros(U).double())) == 0


def test_task_embedding_is_a_mean_over_pairs() -> None:
    embedding, z = critic().task, random(S, D, seed=9)
    weight = torch.tensor([1, 1, 0, 0.5, 1, 1]).double()
    total = sum(
        weight[i] * weight[k] * embedding.pair(torch.cat((z[i], z[k]))) for i in range(S) for k in range(S)
    )
    expected = embedding.out(total / weight.sum() ** 2)
    torch.testing.assert_close(embedding(z, weight), expected)
    order = torch.randperm(S, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(embedding(z[order], weight[order]), expected)


def test_mechanism_the_task_decides_what_the_predictions_cost() -> None:
    """The slope in the same predictions is another one in another task."""
    objective, x, slopes = critic(), random(U, D), []
    for seed in (9, 10):
        u = x.clone().requires_grad_()
        given = context({"plain": u}, support=3 * random(S, D, seed=seed))
        slopes.append(torch.autograd.grad(objective.penalty(given), u)[0])
    assert (slopes[0] - slopes[1]).norm() > 0.02 * slopes[0].norm()


def test_the_support_has_no_slope() -> None:
    """Features of the support condition the loss; they are no way to lower it."""
    s = random(S, D, seed=9).requires_grad_()
    cost = critic().penalty(context({"plain": random(U, D)}, support=s))
    assert (torch.autograd.grad(cost, s, materialize_grads=True)[0] == 0).all()


def test_starts_as_the_learner_without_u_yet_has_a_gradient(tiny_pool: Pool) -> None:
    learner = learner_of(gradient_learner, learned_critic, Smooth, at="inner")
    torch.manual_seed(0)
    learner.ssl.objective.load_state_dict(learned_critic(learner.backbone.out_dim).state_dict())
    tasks = episodes(tiny_pool, learner.ssl, 2)
    plain = learner_of(gradient_learner, NoObjective(), Smooth, at="inner")
    one, scores = outer_gradients(learner, tasks)
    _, expected = outer_gradients(plain, tasks)
    torch.testing.assert_close(scores["loss"], expected["loss"])
    assert one["ssl.objective.per_image.3.weight"].abs().max() > 1e-8


def test_outer_gradient_by_differences(tiny_pool: Pool) -> None:
    learner = learner_of(gradient_learner, learned_critic, Smooth, at="inner")
    learner.ssl.stop_gradient = False  # differences can't stop a gradient at the task's embedding
    tasks = episodes(tiny_pool, learner.ssl, 2)
    found, slope, gradients = slope_along(learner, tasks, lambda n: n.startswith("ssl."))
    assert torch.stack([g.abs().max() for g in gradients.values()]).max() > 0
    torch.testing.assert_close(found, slope, rtol=1e-4, atol=1e-9)


def test_a_step_down_its_slope_lowers_it() -> None:
    objective = critic()
    x = random(U, D).requires_grad_()
    before = objective.penalty(context({"plain": x}))
    (g,) = torch.autograd.grad(before, x)
    moved = (x - 0.1 * g).detach()
    assert objective.penalty(context({"plain": moved})) < before


def test_outer_loop_learns_a_critic_that_helps(tiny_pool: Pool) -> None:
    """A few steps on ω alone lower the query loss below that of the learner without U."""
    learner = learner_of(gradient_learner, learned_critic, Smooth, at="inner")
    objective = learner.ssl.objective
    torch.manual_seed(0)
    objective.load_state_dict(learned_critic(learner.backbone.out_dim).state_dict())
    tasks = episodes(tiny_pool, learner.ssl, 2)
    optimizer = torch.optim.Adam(objective.parameters(), 0.05)
    losses = []
    for _ in range(6):
        gradients, scores = outer_gradients(learner, tasks)
        losses.append(float(scores["loss"]))
        for name, p in objective.named_parameters():
            p.grad = gradients[f"ssl.objective.{name}"]
        optimizer.step()
    assert losses[-1] < losses[0] - 1e-3


@pytest.mark.parametrize(
    "make", [learned_critic, lambda features: learned_weights(learned_critic(features), features)]
)
def test_refuses_a_closed_form(make: Callable) -> None:
    compatibility.check(learner_of(gradient_learner, make), SPEC)
    with pytest.raises(
        ConfigError, match=r"^ssl: found a model without inner steps \(HeadLearner\)"
    ) as caught:
        compatibility.check(learner_of(head_learner, make), SPEC)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("check", CHECKS)
def test_in_a_learner(tiny_pool: Pool, check: Callable) -> None:
    check(tiny_pool, gradient_learner, learned_critic)
