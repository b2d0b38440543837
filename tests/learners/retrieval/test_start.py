"""Where adaptation starts from: what was stored, put together by the weights."""

import pytest
import torch
from torch.utils._pytree import tree_map

from metassl.data.pool import Pool
from metassl.errors import ConfigError
from metassl.learners.gradient.first_head import LearnedHead
from metassl.learners.retrieval.controls import Average, QueryLabelOracle
from metassl.learners.retrieval.mmd import MMD
from metassl.tasks.stage import CONTROL, TEST
from tests.support.calls import TRAIN, adapt, inner_path, query_logits
from tests.support.episodes import tasks_of
from tests.support.retrieval import (
    DISTANCES,
    filled,
    plain_maml,
    retrieval_learner,
    retrieval_weights,
    shifted,
    starts,
    store,
)


@pytest.mark.parametrize("name", DISTANCES)
def test_one_stored_task_is_where_it_starts(tiny_pool: Pool, name: str) -> None:
    """φ_0 is that task's adapted backbone, and the head that of the prototypes under it."""
    learner = retrieval_learner(DISTANCES[name]())
    batch = tasks_of(tiny_pool, learner, 2)
    plain = plain_maml()
    phi = adapt(plain, batch.task(1), TRAIN).overlay
    backbone = {name: p for name, p in phi.items() if name.startswith("backbone.")}
    store(learner, batch.task(1), TRAIN)
    for stage in (TRAIN, TEST, CONTROL):
        found = starts(learner, batch.task(0), stage)
        expected = next(inner_path(plain, batch.task(0), stage, theta=backbone))
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


def test_a_learned_head_stays_thetas(tiny_pool: Pool) -> None:
    learner = retrieval_learner(MMD(1.0), first_head=LearnedHead())
    batch = tasks_of(tiny_pool, learner, 2)
    phi = adapt(learner, batch.task(1), TRAIN).overlay
    store(learner, batch.task(1), TRAIN)
    for key, value in starts(learner, batch.task(0)).items():
        expected = phi[key] if key.startswith("backbone.") else learner.theta()[key]
        torch.testing.assert_close(value, expected, rtol=1e-12, atol=1e-14)


def test_stored_parameters_keep_their_digits_in_half_precision(tiny_pool: Pool) -> None:
    learner = retrieval_learner(MMD(1.0)).float()
    batch = tree_map(lambda x: x.float() if x.is_floating_point() else x, tasks_of(tiny_pool, learner, 2))
    store(learner, batch.task(1), TRAIN)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        found = starts(learner, batch.task(0))
    for name, value in shifted(learner, learner.memory.delta[0]).items():
        if name in found and name.startswith("backbone."):
            torch.testing.assert_close(found[name], value, rtol=1e-6, atol=1e-7)


def test_head_can_be_retrieved_on_purpose(tiny_pool: Pool) -> None:
    both = ("backbone.", "head.")
    learner = retrieval_learner(MMD(1.0), retrieve=both, first_head=LearnedHead())
    batch = tasks_of(tiny_pool, learner, 2)
    phi = adapt(learner, batch.task(1), TRAIN).overlay
    store(learner, batch.task(1), TRAIN)
    torch.testing.assert_close(starts(learner, batch.task(0)), dict(phi), rtol=1e-12, atol=1e-14)
    with pytest.raises(ConfigError, match=r"model\.retrieve: found \['bakbone\.'\]"):
        retrieval_learner(MMD(1.0), retrieve=("bakbone.",))
    with pytest.raises(ConfigError, match=r"model\.retrieve: found \['head\.'\]"):  # each task makes its own
        retrieval_learner(MMD(1.0), retrieve=both)


def test_average_starts_from_the_mean(tiny_pool: Pool) -> None:
    learner = filled(tiny_pool, retrieval_learner(Average(), neighbours=1))
    mean = learner.memory.delta[:3].mean(0)
    found = starts(learner, tasks_of(tiny_pool, learner, 1).task(0))
    for name, value in shifted(learner, mean).items():
        if name in found and name.startswith("backbone."):
            torch.testing.assert_close(found[name], value, rtol=1e-12, atol=1e-14)


def test_oracle_takes_the_start_that_serves_the_queries(tiny_pool: Pool) -> None:
    learner = filled(tiny_pool, retrieval_learner(QueryLabelOracle(2), neighbours=1))
    task = tasks_of(tiny_pool, learner, 1).task(0)
    plain = plain_maml()
    losses = []
    for delta in learner.memory.delta[:3]:
        logits = query_logits(plain, task, TEST, theta={**plain.theta(), **shifted(learner, delta)})
        losses.append(torch.nn.functional.cross_entropy(logits, task.query_y))
    assert retrieval_weights(learner, task, TEST).argmax() == torch.stack(losses).argmin()
    assert retrieval_learner(
        QueryLabelOracle(1), "group"
    ).transductive  # it is marked: it looks at the queries
    assert not retrieval_learner(MMD(1.0), "group").transductive


def test_what_is_stored_does_not_build_on_what_was_retrieved(tiny_pool: Pool) -> None:
    learner = filled(tiny_pool, retrieval_learner(MMD(1.0)), 2)
    task = tasks_of(tiny_pool, learner, 1).task(0)
    store(learner, task, TRAIN)
    alone = retrieval_learner(MMD(1.0))
    store(alone, task, TRAIN)
    assert torch.equal(learner.memory.delta[2], alone.memory.delta[0])


def test_the_distance_to_the_nearest_stored_task_is_told(tiny_pool: Pool) -> None:
    learner = retrieval_learner(MMD(1.0))
    task = tasks_of(tiny_pool, learner, 6).task(3)
    assert learner.findings(task, TRAIN) == {}
    filled(tiny_pool, learner)
    distances = learner.distance(learner.new_task(task, TRAIN), learner.memory.tasks())[:3]
    assert learner.findings(task, TRAIN)["task_distance"] == distances.min() == distances[0]
