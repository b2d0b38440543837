"""Stored tasks that are adapted to once more, and the examples that this takes."""

from dataclasses import replace

import pytest
import torch
from torch.utils._pytree import tree_leaves

from metassl.data.pool import Pool
from metassl.learners.retrieval.examples import TaskExamples
from metassl.learners.retrieval.learner import RetrievalLearner
from metassl.learners.retrieval.mmd import MMD
from metassl.outcomes.classification import CLASSES
from metassl.tasks.episode import Episode
from metassl.tasks.stage import Stage
from tests.support.calls import outer_gradients
from tests.support.episodes import tasks_of
from tests.support.learners import shaken
from tests.support.retrieval import DISTANCES, SIZE, retrieval_learner

LATE = Stage(training=True, progress=1.0)


def after_steps(pool: Pool, learner: RetrievalLearner, count: int) -> Episode:
    """The meta-batches of some outer steps, of which θ moved a little in each."""
    batch = tasks_of(pool, learner, 2 * count)
    for k in range(count):
        tasks = batch.tasks(2 * k, 2 * k + 2)
        _, scores = outer_gradients(learner, tasks.tasks(0, 1), LATE)
        with torch.no_grad():
            shaken(learner)
        learner.after_outer_step(tasks, scores)
    return batch


def stored_now(learner: RetrievalLearner, batch: Episode, place: int) -> RetrievalLearner:
    """A fresh memory with this task alone in it, under the same θ."""
    fresh = retrieval_learner(learner.distance, learner.backbone.norm, learner.ssl.objective, refresh=1)
    with torch.no_grad():
        for mine, theirs in zip(fresh.parameters(), learner.parameters(), strict=True):
            mine.copy_(theirs)
    fresh.store(batch.task(2 * place), LATE)
    return fresh


@pytest.mark.parametrize("name", ["mmd", "task2vec"])
def test_before_a_validation_every_entry_is_what_would_be_stored_now(tiny_pool: Pool, name: str) -> None:
    learner = retrieval_learner(DISTANCES[name](), refresh=1)
    batch = after_steps(tiny_pool, learner, 3)
    aged = learner.memory.delta.clone()
    learner.before_validation()
    for place in range(3):
        fresh = stored_now(learner, batch, place).memory
        for part in ("rows", "weight", "labelled", "summary", "delta"):
            torch.testing.assert_close(
                getattr(learner.memory, part)[place], getattr(fresh, part)[0], rtol=1e-9, atol=1e-12
            )
    assert not torch.allclose(aged[0], learner.memory.delta[0], atol=1e-3)


def test_an_outer_step_refreshes_those_of_longest_ago(tiny_pool: Pool) -> None:
    """One a step, beside the new one, which takes the place of the first come."""
    learner = retrieval_learner(MMD(1.0), refresh=1)
    after_steps(tiny_pool, learner, SIZE)
    for step in range(SIZE, SIZE + 3):
        before = learner.memory.turn.clone()
        after_steps(tiny_pool, learner, 1)
        written = (learner.memory.turn != before).nonzero().flatten().tolist()
        new, oldest = step % SIZE, int(before.index_fill(0, torch.tensor(step % SIZE), 10**6).argmin())
        assert written == sorted({new, oldest})


def test_without_refresh_no_examples_are_kept_and_entries_age(tiny_pool: Pool) -> None:
    plain, kept = retrieval_learner(MMD(1.0)), retrieval_learner(MMD(1.0), refresh=1)
    for learner in (plain, kept):
        after_steps(tiny_pool, learner, 3)
    assert sum(x.numel() for x in plain.examples.buffers()) == SIZE + 1
    assert kept.examples.held.tolist() == [True, True, True, False]
    before = plain.memory.delta.clone()
    plain.before_validation()
    assert torch.equal(plain.memory.delta, before)


def test_examples_come_back_as_they_were_without_queries(tiny_pool: Pool) -> None:
    learner = retrieval_learner(MMD(1.0))
    tasks = tasks_of(tiny_pool, learner, 3)
    examples = TaskExamples(2, CLASSES).double()
    for place in (0, 1):
        examples.keep(place, tasks.task(place))
    examples.keep(0, replace(tasks.task(2), padded=True))
    found, given = examples.task(0), tasks.task(2)
    assert found.padded
    assert torch.equal(found.support_x, given.support_x)
    assert torch.equal(found.support_y, given.support_y)
    assert found.support_y.dtype == torch.int64
    assert found.unlabelled.views.keys() == given.unlabelled.views.keys()
    assert all(torch.equal(found.unlabelled.views[n], x) for n, x in given.unlabelled.views.items())
    assert len(found.query_y) == 0
    assert len(found.outer_unlabelled) == 0


def test_examples_survive_a_checkpoint_and_another_make_up(tiny_pool: Pool) -> None:
    learner = retrieval_learner(MMD(1.0))
    one, two = (TaskExamples(2, CLASSES).double() for _ in range(2))
    one.keep(1, tasks_of(tiny_pool, learner, 1).task(0))
    two.load_state_dict(one.state_dict())
    same = zip(tree_leaves(one.task(1)), tree_leaves(two.task(1)), strict=True)
    assert all(torch.equal(a, b) for a, b in same)
    larger = tasks_of(tiny_pool, learner, 1, shot=2).task(0)
    two.keep(0, larger)
    assert two.held.tolist() == [True, False]  # what was of another size is gone
    assert torch.equal(two.task(0).support_x, larger.support_x)
    two.load_state_dict(one.state_dict())
    assert two.held.tolist() == [False, True]
    two.forget()
    assert two.state_dict().keys() == {"held", "padded"}
