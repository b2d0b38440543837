"""MLDG by its equations, and what its second loss is worth where domains differ."""

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor
from torch.func import functional_call

from metassl.data.pool import Pool
from metassl.engine.threads import Threads
from metassl.engine.vmap import Vmap
from metassl.inner.base import MakeInner
from metassl.inner.sgd import SGD
from metassl.learners.gradient.maml import MAML
from metassl.learners.gradient.mldg import MLDG
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage
from tests.support.agreement import assert_agree
from tests.support.calls import outer_gradients
from tests.support.contexts import context
from tests.support.episodes import SPEC, meta_batch, tasks_of
from tests.support.learners import Flat, Smooth
from tests.support.numbers import flat, random

TRAINING = Stage(training=True)
RATE = 0.3


def inner_at(rate: float) -> MakeInner:
    return partial(SGD, rate=rate, steps=1, learned=False)


def mldg(beta: float = 1.0, order: int = 2, **options: object) -> MLDG:
    torch.manual_seed(0)
    return MLDG(Smooth("group"), SPEC, inner_at(RATE), beta, order=order, **options).double()


def by_hand(learner: MLDG, task: Episode, beta: float, order: int) -> Tensor:
    """F(θ) + β·G(θ - α ∇F(θ)) of the learner's network, by torch's own functions."""
    theta = {name: p for name, p in learner.named_parameters() if name.startswith(("backbone.", "head."))}

    def loss(params: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        body = {n.removeprefix("backbone."): p for n, p in params.items() if n.startswith("backbone.")}
        z = functional_call(learner.backbone, body, (x,))
        logits = z @ params["head.weight"].T + params["head.bias"]
        return torch.nn.functional.cross_entropy(logits, y)

    f = loss(theta, task.support_x, task.support_y)
    slopes = torch.autograd.grad(f, list(theta.values()), create_graph=order == 2, retain_graph=True)
    moved = {n: p - RATE * g for (n, p), g in zip(theta.items(), slopes, strict=True)}
    return f + beta * loss(moved, task.query_x, task.query_y)


def test_the_loss_and_its_gradient_are_the_papers(tiny_pool: Pool) -> None:
    for beta, order in ((1.0, 2), (0.4, 2), (1.0, 1)):
        learner = mldg(beta, order)
        task = tasks_of(tiny_pool, learner).task(0)
        loss, _ = learner.outer_loss(task, TRAINING)
        expected = by_hand(learner, task, beta, order)
        torch.testing.assert_close(loss, expected)
        names = [n for n, _ in learner.named_parameters() if n.startswith(("backbone.", "head."))]
        params = [dict(learner.named_parameters())[n] for n in names]
        found, wanted = torch.autograd.grad(loss, params), torch.autograd.grad(expected, params)
        torch.testing.assert_close(found, wanted)


def test_without_beta_it_is_training_on_the_sources(tiny_pool: Pool) -> None:
    learner = mldg(0.0)
    task = tasks_of(tiny_pool, learner).task(0)
    loss, scores = learner.outer_loss(task, TRAINING)
    torch.testing.assert_close(loss, learner.source_loss(task, TRAINING))
    assert scores["loss"] != loss  # what is logged is of the queries


def test_it_adapts_as_maml_does_and_at_test_as_asked(tiny_pool: Pool) -> None:
    learner = mldg()
    task = tasks_of(tiny_pool, learner).task(0)
    torch.manual_seed(0)
    maml = MAML(Smooth("group"), SPEC, inner_at(RATE), 1, None).double()
    torch.testing.assert_close(learner.query_logits(task, Stage()), maml.query_logits(task, Stage()))
    still = mldg(test_steps=0)
    z = still.backbone(task.query_x)
    torch.testing.assert_close(still.query_logits(task, Stage()), still.head(z))


def test_padding_and_engines(tiny_pool: Pool) -> None:
    learner = mldg()
    tasks = tasks_of(tiny_pool, learner, 3, way=[2, 3], shot=[1, 2], distractors=0)
    assert_agree(learner, tasks, (Vmap(2), Threads(2)), atol=1e-10)
    gone = replace(tasks, support_x=tasks.support_x + 5 * (1 - tasks.support_weight)[..., None, None, None])
    one, other = (outer_gradients(learner, each, TRAINING)[0] for each in (tasks, gone))
    torch.testing.assert_close(flat(one), flat(other))


def domains(seed: int, target: bool) -> tuple[Tensor, Tensor]:
    """Two classes: a number that tells them in all domains, and one that does well but changes its sign."""
    y = torch.arange(2).repeat(30)
    sign = 2 * y.double() - 1
    turn = -1.0 if target else 1.0
    x = torch.stack((1.0 * sign, turn * 3 * sign), 1) + random(60, 2, seed=seed)
    return x, y


def trained(beta: float, rate: float) -> MLDG:
    """By 150 steps on tasks whose Q is of a domain with the other sign; only the head moves."""
    torch.manual_seed(0)
    spec = TaskSpec(way=2, input_shape=(2,), base_classes=2)
    learner = MLDG(Flat(2), spec, inner_at(rate), beta, test_steps=0, adapt=["head."]).double()
    for step in range(150):
        (s, y), (q, qy) = domains(2 * step, False), domains(2 * step + 1, True)
        task = replace(empty_task(), support_x=s, support_y=y, query_x=q, query_y=qy)
        loss, _ = learner.outer_loss(task, TRAINING)
        params = [learner.head.weight, learner.head.bias]
        with torch.no_grad():
            for p, slope in zip(params, torch.autograd.grad(loss, params), strict=True):
                p -= 0.1 * slope
    return learner


def elsewhere(learner: MLDG, steps: int = 0, rate: float = RATE) -> tuple[float, float]:
    """Accuracy and loss on a domain with the other sign, after some steps on one with the first."""
    (s, y), (q, qy) = domains(1000, False), domains(1001, True)
    task = replace(empty_task(), support_x=s, support_y=y, query_x=q, query_y=qy)
    learner.test_steps, learner.inner = steps, inner_at(rate)(learner.moved())
    outputs = learner.query_logits(task, Stage())
    return float((outputs.argmax(-1) == qy).double().mean()), float(task.query_loss(outputs).detach())


def empty_task() -> Episode:
    """Sixty rows in S and in Q, of which a test gives the inputs and labels."""
    episode = context({"plain": torch.zeros(1, 2).double()}, torch.zeros(60, 2).double()).episode
    return replace(episode, class_mask=torch.ones(2, dtype=torch.bool), classes=torch.arange(2))


def test_mechanism_the_second_loss_makes_it_good_on_other_domains() -> None:
    """Trained on the sources alone (β = 0) it goes by what turns around; with β = 1 it does not."""
    assert elsewhere(trained(0.0, 0.1))[0] < 0.2
    assert elsewhere(trained(1.0, 0.1))[0] > 0.7


def test_mechanism_the_step_makes_it_stay_good_after_one() -> None:
    """The loss elsewhere after a step on the source: with the step in training, and without it."""
    with_step, without = (elsewhere(trained(1.0, rate), 1, 1.0)[1] for rate in (1.0, 0.0))
    assert with_step < 0.9 * without


def test_a_meta_batch_of_one_is_the_task(tiny_pool: Pool) -> None:
    learner = mldg()
    task = tasks_of(tiny_pool, learner).task(0)
    found, _ = outer_gradients(learner, meta_batch(task), TRAINING)
    loss, _ = learner.outer_loss(task, TRAINING)
    (slope,) = torch.autograd.grad(loss, [learner.head.bias])
    torch.testing.assert_close(found["head.bias"], slope)
