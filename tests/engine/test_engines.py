"""The loop and the chunked vmap give one gradient, and it is the right one."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from metassl.data.pool import Pool
from metassl.engine.loop import Loop
from metassl.engine.threads import Threads
from metassl.engine.vmap import Vmap
from metassl.learners.base import MetaLearner
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.none import NoObjective
from metassl.tasks.episode import Episode
from metassl.tasks.stage import TEST
from tests.support.agreement import assert_agree, assert_cut_is_same
from tests.support.calls import TRAIN, adapt, meta_loss, outer_gradients, predict, query_logits
from tests.support.differences import slope
from tests.support.episodes import episodes, narrow
from tests.support.learners import NORMS, Smooth, gradient_learner, head_learner, scramble
from tests.support.numbers import flat
from tests.support.objectives import soft_kmeans
from tests.support.terms import term


@pytest.mark.parametrize("objective", [NoObjective, Consistency, soft_kmeans])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("make", [gradient_learner, head_learner])
def test_engines_agree(tiny_pool: Pool, make, norm: str, objective) -> None:
    ssl = term(objective())
    learner = make(norm, ssl)
    tasks = episodes(tiny_pool, ssl, 3)
    engines = (Vmap(2), Threads(2, chunk=2))
    if norm == "batch":
        engines += (Vmap(1), Vmap(8), Threads(2))
    assert_agree(learner, tasks, engines, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("engine", [Loop(), Vmap(2), Threads(2)])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("make", [gradient_learner, head_learner])
def test_gradient_is_the_slope_of_the_loss(tiny_pool: Pool, make, norm: str, engine) -> None:
    ssl = term(Consistency())
    learner = make(norm, ssl, make_backbone=Smooth)
    tasks = episodes(tiny_pool, ssl, 2)
    theta = learner.theta()
    gradients, _ = outer_gradients(learner, tasks, engine=engine)
    generator = torch.Generator().manual_seed(1)
    way = {n: torch.randn(p.shape, generator=generator, dtype=p.dtype) for n, p in theta.items()}
    length = flat(way).norm()

    def loss(h: float) -> Tensor:
        moved = {n: (p + h * way[n] / length).detach() for n, p in theta.items()}
        losses = [meta_loss(learner, tasks.task(t), TRAIN, theta=moved)[0] for t in range(2)]
        return torch.stack(losses).mean()

    found = sum((gradients[n] * way[n]).sum() for n in theta) / length
    torch.testing.assert_close(found, slope(loss), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("norm", NORMS)
def test_first_order_takes_inner_gradients_as_constants(tiny_pool: Pool, norm: str) -> None:
    ssl = term(NoObjective())
    tasks = episodes(tiny_pool, ssl, 2)
    learner = gradient_learner(norm, ssl, order=1)
    theta = learner.theta()
    one, _ = assert_agree(learner, tasks, (Vmap(2),), rtol=1e-10, atol=1e-10)
    # by hand: the gradient at φ, taken with respect to φ itself
    total = {n: torch.zeros_like(p) for n, p in theta.items()}
    for t in range(2):
        adapted = adapt(learner, tasks.task(t), TRAIN)
        phi = {n: p.detach().requires_grad_() for n, p in adapted.overlay.items()}
        logits = predict(learner, replace(adapted, overlay=phi), tasks.task(t).query_x)
        loss = torch.nn.functional.cross_entropy(logits, tasks.task(t).query_y)
        slopes = torch.autograd.grad(loss, list(phi.values()), materialize_grads=True)
        for n, g in zip(phi, slopes, strict=True):
            total[n] += g / 2
    for n in phi:
        torch.testing.assert_close(one[n], total[n], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("make", [gradient_learner, head_learner])
def test_padding_changes_nothing(tiny_pool: Pool, make, norm: str) -> None:
    """A padded task gives the gradient of the same task with the padding cut off."""
    ssl = term(soft_kmeans(2))
    learner = make(norm, ssl)
    tasks = episodes(tiny_pool, ssl, 8, way=[2, 3], shot=[1, 2], distractors=0)
    assert_cut_is_same(learner, narrow(tasks))


@pytest.mark.parametrize("engine", [Vmap(2), Threads(2), Threads(2, chunk=2)])
def test_engines_read_the_weights_of_now(tiny_pool: Pool, engine) -> None:
    """Those that a step of the outer optimiser has changed, and those in place of the learner's own."""
    ssl = term(NoObjective())
    learner, tasks = gradient_learner("group", ssl), episodes(tiny_pool, ssl, 3)
    first, _ = assert_agree(learner, tasks, (engine,))
    scramble(learner, seed=3)
    stepped, _ = assert_agree(learner, tasks, (engine,))
    other = {n: (0.5 * p).detach().requires_grad_() for n, p in learner.theta().items()}
    with learner.placed(other):
        inside, _ = assert_agree(learner, tasks, (engine,))
    for one, two in ((first, stepped), (stepped, inside)):
        assert not torch.allclose(flat(one), flat(two), rtol=1e-3)


def test_map_agrees(tiny_pool: Pool) -> None:
    ssl = term(Consistency())
    tasks = episodes(tiny_pool, ssl, 5)
    learner = gradient_learner("batch", ssl)
    theta = learner.theta()

    def logits(copy: MetaLearner, task: Episode) -> Tensor:
        return query_logits(copy, task, TEST, theta=theta)

    with torch.inference_mode():
        one = Loop().map(learner, logits, tasks)
        many = Vmap(2).map(learner, logits, tasks)
        threads = Threads(2).map(learner, logits, tasks)
    assert not one.requires_grad
    torch.testing.assert_close(many, one, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(threads, one, rtol=1e-12, atol=1e-12)
    assert threads.is_inference()


def test_vmap_refuses_moving_averages() -> None:
    assert Loop.allows_buffers
    assert not Vmap.allows_buffers
