"""MMAML against a forward pass and inner steps by hand, against MAML, and the checks of every task reader."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.backbones.mlp import MLP
from metassl.data.pool import Pool
from metassl.errors import ConfigError
from metassl.learners.amortised.mmaml import MMAML
from metassl.learners.amortised.set_encoder import MeanPool, SetEncoder
from metassl.ssl.none import NoObjective
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode
from metassl.tasks.stage import TEST
from tests.support.calls import inner_path, query_logits
from tests.support.episodes import SPEC, tasks_of
from tests.support.learners import WHOLE, conv4, gradient_learner, sgd, shaken
from tests.support.objectives import OBJECTIVES, soft_kmeans
from tests.support.task_readers import CHECKS, check_engines_agree, check_order_and_names
from tests.support.terms import full


def make(ssl: SSLTerm, adapt: tuple[str, ...] = WHOLE) -> MMAML:
    own = {"encoder": SetEncoder(conv4("group").out_dim, 6, 5, MeanPool())}
    return gradient_learner("group", ssl, kind=MMAML, adapt=adapt, **own)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_engines_agree(tiny_pool: Pool, objective: str) -> None:
    check_engines_agree(make, tiny_pool, OBJECTIVES[objective]())


# the rows of the head have names, which tests/learners/test_invariants.py renames with the classes
@pytest.mark.parametrize("check", [check for check in CHECKS if check is not check_order_and_names])
def test_reads_the_task(tiny_pool: Pool, check) -> None:
    check(make, tiny_pool)


def test_starts_as_maml(tiny_pool: Pool) -> None:
    learner = make(full(soft_kmeans()))
    task = tasks_of(tiny_pool, learner, 1).task(0)
    maml = gradient_learner("group", learner.ssl)
    same = {name: p for name, p in learner.theta().items() if name in maml.theta()}
    expected = query_logits(maml, task, TEST, theta={**maml.theta(), **same})
    torch.testing.assert_close(query_logits(learner, task, TEST), expected, rtol=1e-10, atol=1e-10)


def test_the_modulation_is_another_for_each_task_and_no_step_moves_it(tiny_pool: Pool) -> None:
    learner = shaken(make(full(soft_kmeans())))
    tasks = tasks_of(tiny_pool, learner, 2)
    first, second = (
        [(s["gain"], s["shift"]) for s in inner_path(learner, tasks.task(t), TEST)] for t in (0, 1)
    )
    for gain, shift in first:
        assert torch.equal(gain, first[0][0])
        assert torch.equal(shift, first[0][1])
    assert (first[0][0] - second[0][0]).abs().max() > 1e-4


def by_hand(phi: dict[str, Tensor], x: Tensor) -> Tensor:
    """Logits of two layers, each scaled and shifted for the task before its ReLU."""
    gains, shifts = phi["gain"].split([8, 8]), phi["shift"].split([8, 8])
    x = x.flatten(1)
    for k, (gain, shift) in enumerate(zip(gains, shifts, strict=True)):
        own = f"backbone.layers.{k}."
        x = F.linear(x, phi[own + "linear.weight"], phi[own + "linear.bias"])
        x = x * phi[own + "norm.weight"] + phi[own + "norm.bias"]
        x = F.relu((1 + gain) * x + shift)
    return F.linear(x, phi["head.weight"], phi["head.bias"])


@pytest.mark.parametrize("adapt", [WHOLE, ("head.",)])
def test_steps_and_outputs_by_hand(tiny_pool: Pool, adapt: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    backbone = MLP(SPEC.input_shape, (8, 8), norm="none")
    learner = MMAML(backbone, SPEC, sgd(0.1, 1), steps=2, test_steps=2, adapt=adapt)
    learner = shaken(learner.attach(full(NoObjective())).double())
    task: Episode = tasks_of(tiny_pool, learner, 1).task(0)
    start = next(iter(inner_path(learner, task, TEST)))
    phi = {**learner.theta(), **start}
    moving = [name for name in phi if name.startswith(adapt)]
    for _ in range(2):
        leaves = {name: phi[name].detach().requires_grad_() for name in moving}
        loss = F.cross_entropy(by_hand({**phi, **leaves}, task.support_x), task.support_y)
        slopes = torch.autograd.grad(loss, list(leaves.values()))
        moved = {n: phi[n] - learner.inner.rates[0] * s for n, s in zip(moving, slopes, strict=True)}
        phi = {**phi, **moved}
    expected = by_hand(phi, task.query_x)
    torch.testing.assert_close(query_logits(learner, task, TEST), expected, rtol=1e-9, atol=1e-9)
    assert (by_hand({**phi, "gain": 0 * phi["gain"]}, task.query_x) - expected).abs().max() > 1e-3


def test_the_names_of_classes_do_not_enter_the_modulation(tiny_pool: Pool) -> None:
    learner = shaken(make(full(NoObjective())))
    task = tasks_of(tiny_pool, learner, 1).task(0)
    renamed = replace(task, support_y=torch.tensor([2, 0, 1])[task.support_y])
    one, other = (next(iter(inner_path(learner, t, TEST)))["gain"] for t in (task, renamed))
    torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


def test_norms_that_have_many_scales_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"backbone.norm: found 'per_step'"):
        MMAML(conv4("per_step", 2), SPEC)
