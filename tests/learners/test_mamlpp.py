"""MAML++: its parts switched off give MAML; each part against its own definition."""

from dataclasses import replace

import pytest
import torch
from metassl.engine.outer import Unrolled
from torch import Tensor
from torch.nn import functional as F

from metassl.backbones.conv4 import Conv4
from metassl.data.pool import Pool
from metassl.engine.loop import Loop
from metassl.engine.threads import Threads
from metassl.engine.vmap import Vmap
from metassl.errors import ConfigError
from metassl.inner.layer_step_rates import LayerStepRates
from metassl.inner.sgd import SGD
from metassl.learners.gradient.learner import GradientLearner
from metassl.learners.gradient.mamlpp import MAMLpp
from metassl.norms.kinds import BatchStatistics
from metassl.norms.per_step import PerStep, PerStepAverages
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.none import NoObjective
from metassl.ssl.term import SSLTerm
from metassl.tasks.stage import TEST, Stage
from metassl.training.build import build_learner
from tests.engine.test_tasks import Smooth, conv4, episodes, flat, term
from tests.learners.agreement import OBJECTIVES, TRAIN, assert_engines_agree, assert_padding_is_harmless
from tests.learners.test_gradient import assert_same, outer_gradient
from tests.tasks import SPEC, random

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
    torch.manual_seed(0)
    return MAMLpp(
        make_backbone(norm), ssl, SPEC, LayerStepRates(0.1, steps), steps, test_steps,
        ["backbone.", "head."], multi_step, first_order, 0.2,
    ).double()  # fmt: skip


def maml(norm: str, ssl: SSLTerm, order: int = 2) -> GradientLearner:
    torch.manual_seed(0)
    inner = SGD(0.1, 2, learned=True)
    return GradientLearner(Smooth(norm), ssl, SPEC, inner, 2, None, order, ["backbone.", "head."]).double()


@pytest.mark.parametrize("order", [1, 2])
def test_without_its_parts_it_is_maml(tiny_pool: Pool, order: int) -> None:
    """Last loss only, a norm of MAML's; the rates' slopes add up to those of MAML's per-step rates."""
    ssl = term(Consistency())
    task = episodes(tiny_pool, ssl, 1).task(0)
    ours = build("batch", ssl, multi_step=0.0, first_order=2.0 if order == 1 else 0.0)
    theirs = maml("batch", ssl, order)
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
    theta = learner.theta()
    _, *path = learner.path(theta, task, HALF)
    losses = [
        F.cross_entropy(learner.predict(theta, learner.adapted(task, HALF, phi), task.query_x), task.query_y)
        for phi in path
    ]
    loss, scores = learner.outer_loss(theta, task, HALF)
    torch.testing.assert_close(loss, losses[0] / 6 + losses[1] / 6 + losses[2] * 4 / 6)
    torch.testing.assert_close(scores["loss"], losses[2].detach())


def test_order_is_annealed() -> None:
    learner = build("batch", term(NoObjective()), first_order=0.3)
    orders = [learner.order_at(Stage(True, progress)) for progress in (0.0, 0.29, 0.3, 1.0)]
    assert orders == [1, 1, 2, 2]


def test_rates_of_each_layer_and_step(tiny_pool: Pool) -> None:
    inner = LayerStepRates(0.1, 2)
    params = {"a.weight": random(3), "b": random(2)}
    inner.bind(params)
    assert {n: p.shape for n, p in inner.named_parameters()} == {"rates.a/weight": (2,), "rates.b": (2,)}
    with torch.no_grad():
        inner.rates["a.weight"].copy_(torch.tensor([0.5, 0.25]))
    for step, rate in ((0, 0.5), (1, 0.25), (5, 0.25)):
        moved, _ = inner.update(params, None, params, step, torch.tensor(0.0))
        torch.testing.assert_close(moved["a.weight"], (1 - rate) * params["a.weight"])
        torch.testing.assert_close(moved["b"], 0.9 * params["b"])


def test_norm_of_a_step() -> None:
    """In training batch norm with γ_k, β_k; at test the averages of step k; further steps take the last."""
    norm, always, x = PerStepAverages(3), PerStep(3), random(5, 3, 4, 4)
    plain = BatchStatistics(3).double()
    norm.bind(3)
    always.bind(3)
    norm.double().train()
    for p in norm.parameters():
        torch.nn.init.normal_(p)
    always.load_state_dict({n: p for n, p in norm.state_dict().items() if n in ("weight", "bias")})
    always.double()
    norm.mean.copy_(random(3, 3, seed=1))
    norm.var.copy_(random(3, 3, seed=2).square() + 0.1)
    for step, k in ((0, 0), (2, 2), (7, 2)):
        norm.step, norm.notes, always.step = step, [], step
        plain.weight.data, plain.bias.data = norm.weight[k].detach(), norm.bias[k].detach()
        torch.testing.assert_close(norm.train()(x), plain(x))
        torch.testing.assert_close(always.eval()(x), plain(x))
        ((mean, var),) = norm.notes
        torch.testing.assert_close(mean, x.mean((0, 2, 3)))
        torch.testing.assert_close(var, x.var((0, 2, 3), correction=0))
        expected = F.batch_norm(x, norm.mean[k], norm.var[k], norm.weight[k], norm.bias[k])
        torch.testing.assert_close(norm.eval()(x), expected)


def test_each_pass_meets_the_norm_of_its_step(tiny_pool: Pool) -> None:
    ssl = term(NoObjective())
    learner, task, seen = build("per_step", ssl, steps=2), episodes(tiny_pool, ssl, 1).task(0), []
    learner.backbone.norms[0].register_forward_pre_hook(lambda norm, _: seen.append(norm.step))
    learner.outer_loss(learner.theta(), task, HALF)
    assert seen == [0, 1, 1, 2]  # S, S, Q after the first step, Q after the second
    seen.clear()
    adapted = learner.adapt(learner.theta(), task, TEST)
    learner.backbone.norms[0].step = 9
    learner.predict(learner.theta(), adapted, task.query_x)
    learner.observe(
        learner.theta(), task, TEST, lambda context: context.embed(task.query_x, task.query_weight)
    )
    assert seen == [0, 1, 2, 0, 1, 2]


def test_norms_stay_in_the_inner_loop_and_learn_in_the_outer(tiny_pool: Pool) -> None:
    ssl = term(NoObjective())
    learner, task = build("per_step", ssl), episodes(tiny_pool, ssl, 1).task(0)
    assert not any("norms" in name for name in learner.adapt(learner.theta(), task, TRAIN).overlay)
    found = outer_gradient(learner, task, HALF)["backbone.norms.1.weight"]
    assert found.shape == (3, 4)
    assert found.any(1).all()


@pytest.mark.parametrize("runner", [Loop(), Vmap(2), Threads(2)])
def test_averages_follow_the_statistics_of_the_passes(tiny_pool: Pool, runner) -> None:
    """First norm, step 0 (support) and step 2 (queries at φ_2): by hand, over three tasks."""
    ssl = term(NoObjective())
    learner, tasks = build("per_step_running", ssl), episodes(tiny_pool, ssl, 3)
    _, scores = Unrolled(runner)(learner, learner.theta(), tasks, replace(TRAIN, progress=1.0))
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
        for phi in [learner.adapt(learner.theta(), t, TRAIN).overlay]
    ]
    torch.testing.assert_close(norm.mean[2], 0.2 * torch.stack(last).mean(0).detach())


def test_prediction_at_test_sees_one_query_at_a_time(tiny_pool: Pool) -> None:
    ssl = term(NoObjective())
    learner, tasks = build("per_step_running", ssl, make_backbone=conv4), episodes(tiny_pool, ssl, 3)
    for _ in range(3):
        _, scores = Unrolled(Loop())(learner, learner.theta(), tasks, TRAIN)
        learner.after_outer_step(tasks, scores)
    learner.eval()
    assert not learner.transductive
    assert build("per_step", ssl).transductive
    assert not build("group", ssl).transductive
    task = tasks.task(0)
    adapted = learner.adapt(learner.theta(), task, TEST)
    together = learner.predict(learner.theta(), adapted, task.query_x)
    alone = torch.cat([learner.predict(learner.theta(), adapted, x[None]) for x in task.query_x])
    torch.testing.assert_close(together, alone)


def test_features_of_every_backbone_can_take_the_norm() -> None:
    assert Conv4((1, 16, 16), 4, "per_step").out_dim == 4


def test_no_step_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"model\.steps: found 0"):
        build("batch", term(NoObjective()), steps=0)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_engines_agree(tiny_pool: Pool, objective: str) -> None:
    assert_engines_agree(build, tiny_pool, "per_step", objective)


@pytest.mark.parametrize("norm", ["batch", "group", "per_step_running"])
def test_engines_agree_with_other_norms(tiny_pool: Pool, norm: str) -> None:
    assert_engines_agree(build, tiny_pool, norm, "consistency")


def test_gradients_of_the_runners_are_those_of_training(tiny_pool: Pool) -> None:
    """Half way, where several losses count."""
    ssl = term(Consistency())
    learner, tasks = build("per_step_running", ssl), episodes(tiny_pool, ssl, 3)
    one, two = (Unrolled(r)(learner, learner.theta(), tasks, HALF) for r in (Loop(), Vmap(2)))
    torch.testing.assert_close(flat(one[0]), flat(two[0]), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(one[1], two[1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("norm", ["per_step", "per_step_running"])
def test_padding(tiny_pool: Pool, norm: str) -> None:
    assert_padding_is_harmless(build, tiny_pool, norm)


@pytest.mark.parametrize("norm", ["per_step", "per_step_running"])
@pytest.mark.parametrize("model", ["maml", "protonet"])
def test_norms_of_steps_are_refused_elsewhere(make_config, model: str, norm: str) -> None:
    """Nobody would tell them the step, and the averages would stay where they began."""
    config = make_config(f"model={model}", f"backbone.norm={norm}")
    with pytest.raises(ConfigError, match=f"backbone.norm: found '{norm}'.*mamlpp"):
        build_learner(config, SPEC)
