"""MAML++: its parts switched off give MAML; each part against its own definition."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.data.pool import Pool
from metassl.engine.loop import Loop
from metassl.engine.threads import Threads
from metassl.engine.vmap import Vmap
from metassl.errors import ConfigError
from metassl.inner.layer_step_rates import LayerStepRates
from metassl.learners.gradient.inner_loop import InnerStep
from metassl.learners.gradient.mamlpp import MAMLpp
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.none import NoObjective
from metassl.ssl.term import SSLTerm
from metassl.tasks.stage import TEST, Stage
from tests.support.agreement import assert_engines_agree, assert_padding_is_harmless
from tests.support.calls import (
    TRAIN,
    adapt,
    inner_path,
    observe,
    outer_gradient,
    outer_gradients,
    outer_loss,
    predict,
)
from tests.support.episodes import episodes
from tests.support.learners import Smooth, conv4, gradient_learner
from tests.support.numbers import assert_same, flat
from tests.support.objectives import OBJECTIVES
from tests.support.terms import term

HALF = replace(TRAIN, progress=0.5)


def build(
    norm: str,
    ssl: SSLTerm,
    steps: int = 2,
    multi_step: float = 1.0,
    first_order: float = 0.0,
    make_backbone=Smooth,
    test_steps: int | None = None,
) -> MAMLpp:
    return gradient_learner(
        norm, ssl, None, partial(make_backbone, norm_steps=steps), kind=MAMLpp,
        inner=partial(LayerStepRates, steps=steps), steps=steps,
        test_steps=test_steps, multi_step_share=multi_step, first_order_share=first_order, momentum=0.2,
    )  # fmt: skip


@pytest.mark.parametrize("order", [1, 2])
def test_without_its_parts_it_is_maml(tiny_pool: Pool, order: int) -> None:
    """Last loss only, a norm of MAML's; the rates' slopes add up to those of MAML's per-step rates."""
    ssl = term(Consistency())
    task = episodes(tiny_pool, ssl, 1).task(0)
    ours = build("batch", ssl, multi_step=0.0, first_order=2.0 if order == 1 else 0.0)
    theirs = gradient_learner("batch", ssl, order, Smooth)
    for p in (*ours.inner.parameters(), *theirs.inner.parameters()):
        p.data.fill_(0.1)
    found, expected = outer_gradient(ours, task), outer_gradient(theirs, task)
    rates = sum(found.pop(n) for n in list(found) if n.startswith("inner."))
    torch.testing.assert_close(rates, expected.pop("inner.rates"), rtol=1e-9, atol=1e-11)
    assert_same(found, expected)


def test_importance_goes_from_even_to_last() -> None:
    learner = build("batch", term(NoObjective()), steps=4, multi_step=0.5)

    def weights(progress: float) -> Tensor:
        return torch.tensor(learner.importance(Stage(True, progress), 4))

    torch.testing.assert_close(weights(0.0), torch.full((4,), 0.25))
    torch.testing.assert_close(weights(0.25), torch.tensor([0.125, 0.125, 0.125, 0.625]))
    torch.testing.assert_close(weights(0.4999), torch.tensor([0.0075, 0.0075, 0.0075, 0.9775]))
    for progress in (0.5, 0.9):
        assert weights(progress).tolist() == [0, 0, 0, 1]
    assert learner.importance(TEST, 2) == [0, 1]


def test_loss_is_the_weighted_sum_over_the_steps(tiny_pool: Pool) -> None:
    ssl = term(NoObjective())
    learner, task = build("batch", ssl, steps=3), episodes(tiny_pool, ssl, 1).task(0)
    _, *path = inner_path(learner, task, HALF)
    losses = [
        F.cross_entropy(
            predict(learner, learner.adapted(task, HALF, InnerStep(phi, {}, {})), task.query_x), task.query_y
        )
        for phi in path
    ]
    loss, scores = outer_loss(learner, task, HALF)
    torch.testing.assert_close(loss, losses[0] / 6 + losses[1] / 6 + losses[2] * 4 / 6)
    torch.testing.assert_close(scores["loss"], losses[2].detach())


def test_order_is_annealed() -> None:
    learner = build("batch", term(NoObjective()), first_order=0.3)
    orders = [learner.order_at(Stage(True, progress)) for progress in (0.0, 0.29, 0.3, 1.0)]
    assert orders == [1, 1, 2, 2]


def test_each_pass_meets_the_norm_of_its_step(tiny_pool: Pool) -> None:
    ssl = term(NoObjective())
    learner, task, seen = build("per_step", ssl, steps=2), episodes(tiny_pool, ssl, 1).task(0), []
    learner.backbone.norms[0].register_forward_pre_hook(lambda _, given: seen.append(given[1].step))
    outer_loss(learner, task, HALF)
    assert seen == [0, 1, 1, 2]  # S, S, Q after the first step, Q after the second
    seen.clear()
    adapted = adapt(learner, task, TEST)
    predict(learner, adapted, task.query_x)
    observe(learner, task, TEST, lambda context: context.embed(task.query_x, task.query_weight))
    assert seen == [0, 1, 2, 0, 1, 2]


def test_norms_stay_in_the_inner_loop_and_learn_in_the_outer(tiny_pool: Pool) -> None:
    ssl = term(NoObjective())
    learner, task = build("per_step", ssl), episodes(tiny_pool, ssl, 1).task(0)
    assert not any("norms" in name for name in adapt(learner, task, TRAIN).overlay)
    found = outer_gradient(learner, task, HALF)["backbone.norms.1.weight"]
    assert found.shape == (3, 4)
    assert found.any(1).all()


@pytest.mark.parametrize("engine", [Loop(), Vmap(2), Threads(2)])
def test_averages_follow_the_statistics_of_the_passes(tiny_pool: Pool, engine) -> None:
    """First norm, step 0 (support) and step 2 (queries at φ_2): by hand, over three tasks."""
    ssl = term(NoObjective())
    learner, tasks = build("per_step_running", ssl), episodes(tiny_pool, ssl, 3)
    _, scores = outer_gradients(learner, tasks, replace(TRAIN, progress=1.0), engine=engine)
    learner.after_outer_step(tasks, scores)
    norm, conv = learner.backbone.norms[0], learner.backbone.convs[0]
    first = [conv(x) for x in tasks.support_x]
    mean = torch.stack([x.mean((0, 2, 3)) for x in first]).mean(0)
    var = torch.stack([x.var((0, 2, 3), correction=0) for x in first]).mean(0)
    torch.testing.assert_close(norm.mean[0], 0.2 * mean.detach())
    torch.testing.assert_close(norm.var[0], 0.8 + 0.2 * var.detach())
    name = "backbone.convs.0."
    last = [
        F.conv2d(t.query_x, phi[name + "weight"], phi[name + "bias"], stride=4).mean((0, 2, 3))
        for t in map(tasks.task, range(3))
        for phi in [adapt(learner, t, TRAIN).overlay]
    ]
    torch.testing.assert_close(norm.mean[2], 0.2 * torch.stack(last).mean(0).detach())


def test_prediction_at_test_sees_one_query_at_a_time(tiny_pool: Pool) -> None:
    ssl = term(NoObjective())
    learner, tasks = build("per_step_running", ssl, make_backbone=conv4), episodes(tiny_pool, ssl, 3)
    for _ in range(3):
        _, scores = outer_gradients(learner, tasks)
        learner.after_outer_step(tasks, scores)
    learner.eval()
    assert not learner.transductive
    assert build("per_step", ssl).transductive
    assert not build("group", ssl).transductive
    task = tasks.task(0)
    adapted = adapt(learner, task, TEST)
    together = predict(learner, adapted, task.query_x)
    alone = torch.cat([predict(learner, adapted, x[None]) for x in task.query_x])
    torch.testing.assert_close(together, alone)


def test_no_step_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"model\.steps: found 0"):
        build("batch", term(NoObjective()), steps=0)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_engines_agree(tiny_pool: Pool, objective: str) -> None:
    assert_engines_agree(build, tiny_pool, "per_step", objective)


@pytest.mark.parametrize("norm", ["batch", "group", "per_step_running"])
def test_engines_agree_with_other_norms(tiny_pool: Pool, norm: str) -> None:
    assert_engines_agree(build, tiny_pool, norm, "consistency")


def test_gradients_of_the_engines_are_those_of_training(tiny_pool: Pool) -> None:
    """Half way, where several losses count."""
    ssl = term(Consistency())
    learner, tasks = build("per_step_running", ssl), episodes(tiny_pool, ssl, 3)
    one, two = (outer_gradients(learner, tasks, HALF, engine=r) for r in (Loop(), Vmap(2)))
    torch.testing.assert_close(flat(one[0]), flat(two[0]), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(one[1], two[1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("norm", ["per_step", "per_step_running"])
def test_padding(tiny_pool: Pool, norm: str) -> None:
    assert_padding_is_harmless(build, tiny_pool, norm)
