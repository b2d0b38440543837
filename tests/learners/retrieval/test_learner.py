"""Retrieval in the learner: its limits, its engines, its memory in training."""

import pytest
import torch

from metassl.data.pool import Pool
from metassl.engine.threads import Threads
from metassl.engine.vmap import Vmap
from metassl.learners.retrieval.mmd import MMD
from metassl.tasks.stage import TEST, Stage
from tests.support.agreement import assert_agree
from tests.support.calls import TRAIN, adapt, outer_gradients, query_logits
from tests.support.episodes import tasks_of
from tests.support.retrieval import DISTANCES, SIZE, filled, plain_maml, retrieval_learner, retrieval_weights


@pytest.mark.parametrize("name", DISTANCES)
def test_empty_memory_is_maml(tiny_pool: Pool, name: str) -> None:
    learner, plain = retrieval_learner(DISTANCES[name]()), plain_maml()
    batch = tasks_of(tiny_pool, learner, 2)
    found, scores = outer_gradients(learner, batch)
    expected, plain_scores = outer_gradients(plain, batch)
    assert scores["loss"] == plain_scores["loss"]
    assert all(torch.equal(found[n], g) for n, g in expected.items())
    assert not any(found[n].any() for n in found if n not in expected)  # nothing to rank yet
    task = batch.task(0)
    assert torch.equal(query_logits(learner, task, TEST), query_logits(plain, task, TEST))


def test_memory_changes_the_prediction(tiny_pool: Pool) -> None:
    learner, plain = filled(tiny_pool, retrieval_learner(MMD(1.0))), plain_maml()
    task = tasks_of(tiny_pool, learner, 1).task(0)
    one, two = (query_logits(m, task, TEST) for m in (learner, plain))
    assert not torch.allclose(one, two, atol=1e-3)


@pytest.mark.parametrize("name", [n for n in DISTANCES if n not in ("random", "average", "oracle")])
def test_a_stored_task_is_nearest_to_itself(tiny_pool: Pool, name: str) -> None:
    learner = filled(tiny_pool, retrieval_learner(DISTANCES[name](), neighbours=1))
    others = tasks_of(tiny_pool, learner, 6)
    for t in range(3):
        found = retrieval_weights(learner, others.task(3 + t), TRAIN)
        assert found.tolist() == [float(j == t) for j in range(SIZE)]


@pytest.mark.parametrize(
    ("name", "norm"),
    [*((name, "batch") for name in DISTANCES), ("task2vec", "support"), ("learned", "group")],
)
def test_engines_agree(tiny_pool: Pool, name: str, norm: str) -> None:
    learner = filled(tiny_pool, retrieval_learner(DISTANCES[name](norm), norm))
    batch = tasks_of(tiny_pool, learner, 2)
    assert_agree(learner, batch, (Vmap(2), Threads(2)))


def test_outer_steps_fill_the_memory_of_every_worker(tiny_pool: Pool) -> None:
    learner, engine = retrieval_learner(MMD(1.0)), Threads(2)
    batch, plain = tasks_of(tiny_pool, learner, 2), plain_maml()
    _, scores = outer_gradients(learner, batch, Stage(training=True, progress=0.25), engine=engine)
    assert scores["progress"].tolist() == [0.25]  # what is stored is adapted to as in this step
    learner.after_outer_step(batch, scores)
    assert learner.memory.count == 1
    stage = Stage(training=True, progress=0.25)
    phi = adapt(plain, batch.task(0), stage).overlay
    moved = torch.cat([(phi[n] - plain.theta()[n]).flatten() for n in learner.retrieved])
    torch.testing.assert_close(learner.memory.delta[0], moved, rtol=1e-12, atol=1e-14)
    logits = engine.map(learner, lambda copy, task: query_logits(copy, task, TEST), batch)
    expected = query_logits(learner, batch.task(1), TEST)
    torch.testing.assert_close(logits[1], expected, rtol=1e-12, atol=1e-12)
    fresh = retrieval_learner(MMD(1.0))
    fresh.load_state_dict(learner.state_dict())
    assert torch.equal(query_logits(fresh, batch.task(1), TEST), expected)
