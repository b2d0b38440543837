"""TSA-MAML: groups of tasks by what adaptation makes of them, and an initialisation for each."""

from dataclasses import replace
from functools import partial
from statistics import mean

import pytest
import torch
from torch import Tensor

from metassl.backbones.mlp import MLP
from metassl.data.pool import Pool
from metassl.engine.vmap import Vmap
from metassl.errors import ConfigError
from metassl.inner.sgd import SGD
from metassl.learners.gradient.proto_maml import ProtoMAML
from metassl.learners.retrieval.tsa import TSAMAML
from metassl.ssl.consistency.consistency import Consistency
from metassl.tasks.episode import Episode
from metassl.tasks.stage import CONTROL, TEST, Stage
from tests.support.agreement import assert_agree
from tests.support.calls import TRAIN, adapt, outer_gradients, query_logits
from tests.support.conflicting_families import EACH, FAMILIES, WAY, conflicting, share_right
from tests.support.episodes import tasks_of
from tests.support.learners import gradient_learner, shaken
from tests.support.terms import term

COUNT = 40


def six_shot(count: int, seed: int) -> Episode:
    """Tasks of the two families with the labels of U, which then are part of S."""
    tasks = conflicting(count, seed)
    u, y = tasks.unlabelled, torch.arange(WAY).repeat_interleave(EACH).expand(count, -1)
    return replace(
        tasks,
        support_x=torch.cat((tasks.support_x, u.views["plain"]), 1),
        support_y=torch.cat((tasks.support_y, y), 1),
        support_weight=torch.cat((tasks.support_weight, u.weight), 1),
    )


def train(learner: ProtoMAML | TSAMAML, steps: int = 100, tasks: int = 8) -> None:
    """By Adam with a rate that falls to 0, as a run does."""
    parameters = {name: p for name, p in learner.named_parameters() if p.requires_grad}
    optimizer = torch.optim.Adam(list(parameters.values()), 0.03)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        batch, stage = six_shot(tasks, 100 + step), Stage(training=True, progress=step / steps)
        gradients, scores = outer_gradients(learner, batch, stage, Vmap(tasks))
        for name, gradient in gradients.items():
            parameters[name].grad = gradient
        optimizer.step()
        schedule.step()
        learner.after_outer_step(batch, scores)


def made(kind: type, **options: float) -> ProtoMAML | TSAMAML:
    torch.manual_seed(1)
    inner = partial(SGD, rate=0.03, steps=3, learned=False)
    return kind(MLP(FAMILIES.input_shape, (16,), norm="none"), FAMILIES, inner, 3, 3, 1, **options)


@pytest.fixture(scope="module")
def trained() -> TSAMAML:
    learner = made(TSAMAML, count=2, tasks=64)
    train(learner)
    return learner


@pytest.fixture(scope="module")
def tasks() -> list[Episode]:
    drawn = six_shot(COUNT, 7)
    return [drawn.task(t) for t in range(COUNT)]


def group(learner: TSAMAML, task: Episode) -> int:
    return int(learner.weights(task, TEST).argmax())


def test_mechanism_groups_of_tasks_become_families(trained: TSAMAML, tasks: list[Episode]) -> None:
    """Nobody says which family a task is of: purity above 0.9. One initialisation reaches half the accuracy."""
    first = mean(group(trained, task) == t % 2 for t, task in enumerate(tasks))
    assert max(first, 1 - first) > 0.9
    right = mean(share_right(trained, task) for task in tasks)
    single = made(ProtoMAML)
    train(single)
    assert right > 0.8
    assert mean(share_right(single, task) for task in tasks) < 0.55


def test_mechanism_the_other_groups_start_is_the_wrong_one(trained: TSAMAML, tasks: list[Episode]) -> None:
    weights = trained.weights
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trained, "weights", lambda episode, stage: weights(episode, stage).flip(0))
        assert mean(share_right(trained, task) for task in tasks) < 0.35  # chance is 0.2


def learner_of(pool: Pool, **options: float) -> tuple[TSAMAML, Episode]:
    """One that has just made its groups of six tasks, and these tasks; U is in the inner loop."""
    ssl = term(Consistency(), "inner")
    own = {"count": 2, "warm": 0.5, "tasks": 6, **options}
    learner: TSAMAML = gradient_learner("group", ssl, kind=TSAMAML, **own)
    batch = tasks_of(pool, learner, 6)
    _, scores = outer_gradients(learner, batch.tasks(0, 1), Stage(training=True, progress=0.5))
    learner.after_outer_step(batch, scores)
    return learner, batch


def plain() -> ProtoMAML:
    learner: ProtoMAML = gradient_learner("group", term(Consistency(), "inner"), kind=ProtoMAML)
    return learner


def test_initialisations_start_at_the_means_of_adapted_parameters(tiny_pool: Pool) -> None:
    """Each task is of the cluster whose mean is the nearest; what is clustered is what MAML makes of a task."""
    learner, batch = learner_of(tiny_pool)
    assert learner.grouped
    full = replace(TRAIN, progress=1.0)

    def backbone(task: Episode) -> Tensor:
        first = replace(task, unlabelled=task.unlabelled.at(0))  # the draw of U that is kept
        return torch.cat(
            [p.flatten() for n, p in adapt(plain(), first, full).overlay.items() if "head" not in n]
        )

    found = torch.stack([backbone(batch.task(t)) for t in range(6)]).detach()
    near = torch.cdist(found, learner.means).argmin(1)
    assert len(near.unique()) == 2
    for g in range(2):
        torch.testing.assert_close(learner.means[g], found[near == g].mean(0), rtol=1e-9, atol=1e-12)
    assert torch.equal(learner.groups, learner.means)
    mine = replace(batch.task(0), unlabelled=batch.task(0).unlabelled.at(0))
    away = (found[0] - learner.means[near[0]]).norm()
    torch.testing.assert_close(learner.findings(mine, TEST)["start_distance"], away, rtol=1e-9, atol=1e-12)
    assert plain().findings(mine, TEST) == {}
    assert learner.examples.parts == ()  # and what they took of a checkpoint


def test_before_there_are_groups_it_is_maml_and_each_start_gets_its_gradient(tiny_pool: Pool) -> None:
    learner: TSAMAML = gradient_learner("group", term(Consistency(), "inner"), kind=TSAMAML, count=3, tasks=6)
    task = tasks_of(tiny_pool, learner, 1)
    early = Stage(training=True, progress=0.4)
    found, scores = outer_gradients(learner, task, early)
    expected, reference = outer_gradients(plain(), task, early)
    assert scores["loss"] == reference["loss"]
    whole = torch.cat([expected[name].flatten() for name in learner.own])
    for row in found["groups"]:
        torch.testing.assert_close(row, whole, rtol=1e-9, atol=1e-12)
    one, two = (query_logits(m, task.task(0), TEST) for m in (learner, plain()))
    torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-12)


def test_the_group_stays_whatever_the_outer_loop_moves(tiny_pool: Pool) -> None:
    """θ* and the means are of the moment of division; U is part of what divides."""
    learner, batch = learner_of(tiny_pool)
    before = [learner.distances(batch.task(t), TEST) for t in range(6)]
    with torch.no_grad():
        shaken(learner)
    for t in range(6):
        assert torch.equal(learner.distances(batch.task(t), TEST), before[t])
        assert torch.equal(learner.distances(batch.task(t), TRAIN), before[t])  # of as many steps
    assert not torch.equal(learner.distances(batch.task(0), CONTROL), before[0])


def test_only_the_start_of_its_group_learns_from_a_task(tiny_pool: Pool) -> None:
    learner, batch = learner_of(tiny_pool)
    gradients, _ = outer_gradients(learner, batch.tasks(0, 1), Stage(training=True, progress=0.6))
    of_task = int(learner.weights(batch.task(0), TRAIN).argmax())
    assert gradients["groups"][of_task].any()
    assert not gradients["groups"][1 - of_task].any()
    assert not any(gradients[name].any() for name in learner.own)


def test_engines_agree(tiny_pool: Pool) -> None:
    learner, batch = learner_of(tiny_pool)
    assert_agree(learner, batch.tasks(0, 2), (Vmap(2),))


def test_a_learner_with_groups_survives_a_checkpoint(tiny_pool: Pool) -> None:
    learner, batch = learner_of(tiny_pool)
    fresh: TSAMAML = gradient_learner("group", learner.ssl, kind=TSAMAML, count=2, tasks=6)
    fresh.load_state_dict(learner.state_dict())
    one, two = (query_logits(m, batch.task(0), TEST) for m in (learner, fresh))
    assert torch.equal(one, two)


@pytest.mark.parametrize(
    ("options", "line"),
    [({"adapt": ("head.",)}, r"model\.adapt: found \['head\.'\]"), ({"count": 7}, r"model\.tasks: found 6")],
)
def test_what_cannot_be_is_refused(tiny_pool: Pool, options: dict, line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        learner_of(tiny_pool, **options)
