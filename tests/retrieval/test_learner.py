"""Retrieval in the learner: its limits, its engines, its memory in training."""

import pytest
import torch
from metassl.engine.outer import Unrolled
from tests.retrieval.common import DISTANCES, SIZE, TRAIN, filled, make, maml, tasks

from metassl.data.pool import Pool
from metassl.engine.loop import Loop
from metassl.engine.threads import Threads
from metassl.engine.vmap import Vmap
from metassl.learners.retrieval.mmd import MMD
from metassl.tasks.stage import TEST, Stage
from tests.engine.test_tasks import flat


@pytest.mark.parametrize("name", DISTANCES)
def test_empty_memory_is_maml(tiny_pool: Pool, name: str) -> None:
    learner, plain = make(DISTANCES[name]()), maml()
    batch = tasks(tiny_pool, learner, 2)
    found, scores = Unrolled(Loop())(learner, learner.theta(), batch, TRAIN)
    expected, plain_scores = Unrolled(Loop())(plain, plain.theta(), batch, TRAIN)
    assert scores["loss"] == plain_scores["loss"]
    assert all(torch.equal(found[n], g) for n, g in expected.items())
    assert not any(found[n].any() for n in found if n not in expected)  # nothing to rank yet
    task = batch.task(0)
    assert torch.equal(
        learner.query_logits(learner.theta(), task, TEST), plain.query_logits(plain.theta(), task, TEST)
    )


def test_memory_changes_the_prediction(tiny_pool: Pool) -> None:
    learner, plain = filled(tiny_pool, make(MMD(1.0))), maml()
    task = tasks(tiny_pool, learner, 1).task(0)
    one, two = (m.query_logits(m.theta(), task, TEST) for m in (learner, plain))
    assert not torch.allclose(one, two, atol=1e-3)


@pytest.mark.parametrize("name", [n for n in DISTANCES if n not in ("random", "average", "oracle")])
def test_a_stored_task_is_nearest_to_itself(tiny_pool: Pool, name: str) -> None:
    learner = filled(tiny_pool, make(DISTANCES[name](), neighbours=1))
    others = tasks(tiny_pool, learner, 6)
    for t in range(3):
        found = learner.weights(learner.theta(), others.task(3 + t), TRAIN)
        assert found.tolist() == [float(j == t) for j in range(SIZE)]


@pytest.mark.parametrize(
    ("name", "norm"),
    [*((name, "batch") for name in DISTANCES), ("task2vec", "support"), ("learned", "group")],
)
def test_engines_agree(tiny_pool: Pool, name: str, norm: str) -> None:
    learner = filled(tiny_pool, make(DISTANCES[name](), norm))
    batch = tasks(tiny_pool, learner, 2)
    one, scores = Unrolled(Loop())(learner, learner.theta(), batch, TRAIN)
    for runner in (Vmap(2), Threads(2)):
        many, others = Unrolled(runner)(learner, learner.theta(), batch, TRAIN)
        torch.testing.assert_close(flat(many), flat(one), rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(others, scores, rtol=1e-8, atol=1e-8)


def test_outer_steps_fill_the_memory_of_every_worker(tiny_pool: Pool) -> None:
    learner, runner = make(MMD(1.0)), Threads(2)
    batch, plain = tasks(tiny_pool, learner, 2), maml()
    _, scores = Unrolled(runner)(learner, learner.theta(), batch, Stage(training=True, progress=0.25))
    assert scores["progress"].tolist() == [0.25]  # what is stored is adapted to as in this step
    learner.after_outer_step(batch, scores)
    assert learner.memory.count == 1
    stage = Stage(training=True, progress=0.25)
    phi = plain.adapt(plain.theta(), batch.task(0), stage).overlay
    moved = torch.cat([(phi[n] - plain.theta()[n]).flatten() for n in learner.retrieved])
    torch.testing.assert_close(learner.memory.delta[0], moved, rtol=1e-12, atol=1e-14)
    logits = runner.map(learner, lambda copy, task: copy.query_logits(learner.theta(), task, TEST), batch)
    expected = learner.query_logits(learner.theta(), batch.task(1), TEST)
    torch.testing.assert_close(logits[1], expected, rtol=1e-12, atol=1e-12)
    fresh = make(MMD(1.0))
    fresh.load_state_dict(learner.state_dict())
    assert torch.equal(fresh.query_logits(fresh.theta(), batch.task(1), TEST), expected)
