"""The teacher against the closed form of its averages, over inner and over outer steps."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from metassl.data.pool import Pool
from metassl.engine.threads import Threads
from metassl.learners.base import MetaLearner
from metassl.numerics.tensors import Tensors
from metassl.outcomes.classification import cross_entropy
from metassl.ssl.consistency.mean_teacher import MeanTeacher, Teacher
from metassl.ssl.context import Context, Memory
from metassl.tasks.episode import Episode
from tests.support.calls import TRAIN, adapt, observe, under
from tests.support.contexts import WAY, D, U, advanced, context
from tests.support.episodes import episodes
from tests.support.learners import gradient_learner, head_learner
from tests.support.numbers import close, random, softmax
from tests.support.objectives import mean_teacher
from tests.support.penalties import engines_agree, learner_with, no_weight, padding_is_nothing
from tests.support.terms import make_term


def of_the_learner(momentum: float = 0.7, outer: float = 0.9) -> Callable[[Tensors], MeanTeacher]:
    """What makes the objective of a learner's parameters."""
    return lambda parameters: mean_teacher(momentum, outer, parameters)


def scaled(z: Tensor, params: dict[str, Tensor]) -> Tensor:
    return z[:, :WAY] * params["scale"]


def test_penalty_against_numpy_over_three_inner_steps() -> None:
    """e_k = m^k φ_0 + (1 - m) Σ_{i=1..k} m^{k-i} φ_i."""
    objective, m = mean_teacher(), 0.7
    views = {"first": random(U, D, seed=1), "second": random(U, D, seed=2)}
    phi = [1.0, 3.0, -0.5, 2.0]
    memory: Memory = {}
    for k in range(4):
        given = context(views, logits=scaled, params={"scale": torch.tensor(phi[k]).double()})
        given = advanced(objective, replace(given, memory=memory))
        found = objective.penalty(given)
        memory = given.memory
        teacher = m**k * phi[0] + (1 - m) * sum(m ** (k - i) * phi[i] for i in range(1, k + 1))
        p = softmax(phi[k] * views["first"].numpy()[:, :WAY])
        q = softmax(teacher * views["second"].numpy()[:, :WAY])
        close(found, ((p - q) ** 2).sum(1).mean())


def test_teacher_is_a_constant() -> None:
    views = {name: random(U, D, seed=k).requires_grad_() for k, name in enumerate(("first", "second"))}
    objective = mean_teacher()
    penalty = objective.penalty(advanced(objective, context(views)))
    first, second = torch.autograd.grad(penalty, list(views.values()), allow_unused=True)
    assert first[:, :WAY].abs().min() > 0
    assert second is None


def moved(learner: MetaLearner, steps: int, momentum: float) -> dict[str, Tensor]:
    """Moves θ at random `steps` times; the closed form M^T θ_0 + (1 - M) Σ_t M^{T-t} θ_t of the average."""
    names = [n for n in learner.theta() if not n.startswith("ssl.")]
    path = [{n: learner.theta()[n].detach().clone() for n in names}]
    for t in range(1, steps + 1):
        with torch.no_grad():
            for n in names:
                p = learner.get_parameter(n)
                p += 0.1 * random(*p.shape, seed=t)
        path.append({n: learner.theta()[n].detach().clone() for n in names})
        learner.ssl.objective.after_outer_step(path[-1])
    return {
        n: momentum**steps * path[0][n]
        + (1 - momentum) * sum(momentum ** (steps - t) * path[t][n] for t in range(1, steps + 1))
        for n in names
    }


def test_a_closed_forms_teacher_is_the_average_over_outer_steps(tiny_pool: Pool) -> None:
    learner = learner_with(of_the_learner(0.7, 0.8), head_learner, "group")
    average = moved(learner, 3, 0.8)
    task = episodes(tiny_pool, learner.ssl, 1).task(0)

    def teacher(given: Context) -> Tensor:
        return learner.ssl.objective.teacher.sees(given).logits("second")

    found = observe(learner, task, TRAIN, teacher)
    theta = {**learner.theta(), **average}
    expected = observe(learner, task, TRAIN, lambda given: given.logits("second"), theta=theta)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_averages_are_shared_with_threads_and_kept_in_checkpoints(tiny_pool: Pool) -> None:
    learner = learner_with(of_the_learner(0.7, 0.8), head_learner, "group")
    tasks, runner = episodes(tiny_pool, learner.ssl, 2), Threads(2)

    def teacher(copy: MetaLearner, task: Episode) -> Tensor:
        def look(given: Context) -> Tensor:
            return copy.ssl.objective.teacher.sees(given).logits("second")

        return observe(copy, task, TRAIN, look)

    before = runner.map(learner, teacher, tasks)
    moved(learner, 1, 0.8)
    after = runner.map(learner, teacher, tasks)
    assert (after - before).abs().max() > 1e-3
    other = learner_with(of_the_learner(0.7, 0.8), head_learner, "group")
    other.load_state_dict(learner.state_dict())
    direct = [teacher(other, tasks.task(t)) for t in range(2)]
    torch.testing.assert_close(after, torch.stack(direct), rtol=1e-10, atol=1e-10)


def test_maml_against_steps_by_hand(tiny_pool: Pool) -> None:
    """Three inner steps with an explicit teacher, from a θ that has left its average behind."""
    m = 0.6
    learner = learner_with(of_the_learner(m, 0.8), gradient_learner, "group")
    learner.attach(make_term(learner.ssl.objective, weight=5.0, from_step=1))
    learner.steps = 4
    average = moved(learner, 2, 0.8)
    theta = {n: p.detach() for n, p in learner.theta().items()}
    task = episodes(tiny_pool, learner.ssl, 1).task(0)

    def logits(phi: dict[str, Tensor], x: Tensor) -> Tensor:
        return under(learner, {**theta, **phi}, lambda: learner.head(learner.backbone(x)))

    phi = {n: p.clone() for n, p in theta.items() if learner.moves(n)}
    followed: dict[str, Tensor] | None = None
    for k in range(4):
        here = {n: p.detach().requires_grad_() for n, p in phi.items()}
        loss = cross_entropy(logits(here, task.support_x), task.support_y, task.support_weight)
        if k >= 1:
            old = followed or phi
            followed = {n: m * old[n] + (1 - m) * phi[n] for n in phi}
            teacher = {n: followed[n] + average[n] - theta[n] for n in phi}
            q = logits(teacher, task.unlabelled.views["second"]).softmax(-1)
            p = logits(here, task.unlabelled.views["first"]).softmax(-1)
            loss = loss + 5.0 * (p - q).square().sum(-1).mean()
        slopes = torch.autograd.grad(loss, list(here.values()))
        rate = theta["inner.rates"][min(k, 1)]
        phi = {n: (p - rate * g).detach() for (n, p), g in zip(here.items(), slopes, strict=True)}
    found = adapt(learner, task, TRAIN, theta=theta).overlay
    for n in phi:
        torch.testing.assert_close(found[n], phi[n], rtol=1e-9, atol=1e-10)


def test_mechanism_momenta_at_their_ends() -> None:
    """m = 0: the teacher is the student; m = 1: the predictor of the first step."""
    for momentum, expected in ((0.0, 5.0), (1.0, 2.0)):
        teacher, memory = Teacher({}, momentum, 0.0), {}
        for value in (2.0, 3.0, 5.0):
            scale = {"scale": torch.tensor(value).double()}
            given = replace(context({"first": random(U, D)}, logits=scaled, params=scale), memory=memory)
            memory = teacher.remember(given)
            found = teacher.sees(replace(given, memory=memory)).params["scale"]
        assert found == expected


def test_mechanism_a_teacher_without_memory_is_the_student() -> None:
    """On one view, at the third of three steps: m = 0 asks for nothing, m = 0.7 for what the student was."""
    penalties = []
    for momentum in (0.0, 0.7):
        objective, memory = mean_teacher(momentum, 0.0), {}
        for value in (1.0, 2.0, 4.0):
            x = random(U, D)
            scale = {"scale": torch.tensor(value).double()}
            given = context({"first": x, "second": x}, logits=scaled, params=scale)
            given = replace(given, memory=memory)
            memory = objective.remember(given)
            penalty = objective.penalty(replace(given, memory=memory))
        penalties.append(float(penalty))
    assert penalties[0] == 0
    assert penalties[1] > 0.01


def test_padding_and_engines(tiny_pool: Pool) -> None:
    padding_is_nothing(mean_teacher())
    assert no_weight(mean_teacher()) == 0
    engines_agree(tiny_pool, of_the_learner)


def test_memory_is_a_tree_of_constants() -> None:
    scale = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    given = context({"first": random(U, D)}, logits=scaled, params={"scale": scale})
    memory = Teacher({}, 0.5, 0.5).remember(given)
    assert tree_map(lambda x: x.requires_grad, memory) == {"teacher": {"scale": False}}
    assert np.isclose(float(memory["teacher"]["scale"]), 2.0)
