"""Two objectives in one that both keep something over the inner steps: neither overwrites the other's."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from metassl.data.pool import Pool
from metassl.numerics.tensors import Tensors
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.consistency.mean_teacher import MeanTeacher
from metassl.ssl.context import Context, Memory
from metassl.tasks.episode import Episode
from metassl.tasks.stage import TEST
from tests.support.contexts import WAY, D, U, advanced, context
from tests.support.episodes import episodes
from tests.support.learners import gradient_learner
from tests.support.numbers import random
from tests.support.objectives import FollowsConfidence, mean_teacher
from tests.support.penalties import engines_agree, learner_with

PARTS = ("teacher", "confidence")  # who keeps something


class TeacherAndConfidence(SSLObjective):
    """The penalty of a mean teacher, and labels that follow the confidence."""

    views: ClassVar = {**MeanTeacher.views, **FollowsConfidence.views}

    def __init__(self, parameters: Tensors) -> None:
        super().__init__()
        self.teacher, self.confidence = mean_teacher(parameters=parameters), FollowsConfidence()

    def remember(self, context: Context) -> Memory:
        return {**self.teacher.remember(context), **self.confidence.remember(context)}

    def label(self, context: Context) -> SoftLabels:
        return self.confidence.label(context)

    def penalty(self, context: Context) -> Tensor:
        return self.teacher.penalty(context)


def steps(objective: SSLObjective) -> Iterator[Context]:
    """Five inner steps of one task whose predictor becomes ever less sure."""
    memory: Memory = {}
    views = {name: random(U, D, seed=k) for k, name in enumerate(TeacherAndConfidence.views)}
    for k in range(5):
        scale = {"scale": torch.tensor(5.0 - k).double()}
        given = context(views, logits=lambda z, params: z[:, :WAY] * params["scale"], params=scale)
        given = advanced(objective, replace(given, step=k, memory=memory))
        memory = given.memory
        yield given


def test_each_is_as_it_is_alone() -> None:
    """Memory, labels and penalty of five inner steps, to the bit; and the memory matters to both."""
    both, teacher, confidence = TeacherAndConfidence({}), mean_teacher(), FollowsConfidence()
    together = list(steps(both))
    alone = zip(steps(teacher), steps(confidence), strict=True)
    for given, (with_teacher, with_confidence) in zip(together, alone, strict=True):
        assert set(given.memory) == set(PARTS)
        assert given.memory["teacher"] == with_teacher.memory["teacher"]
        torch.testing.assert_close(
            given.memory["confidence"], with_confidence.memory["confidence"], rtol=0, atol=0
        )
        labels, expected = both.label(given), confidence.label(with_confidence)
        assert torch.equal(labels.q, expected.q)
        assert torch.equal(labels.weight, expected.weight)
        assert both.penalty(given) == teacher.penalty(with_teacher)
    last = together[-1]
    forgetful = advanced(both, replace(last, memory={}))
    assert (both.label(forgetful).weight != both.label(last).weight).any()
    assert both.penalty(forgetful) != both.penalty(last)


def kept(learner: Any, objective: SSLObjective, task: Episode, path: list[Any]) -> Iterator[Memory]:
    """What an objective would keep at each step of a path that it has no part in."""
    memory: Memory = {}
    for k, step in enumerate(path[:-1]):
        with learner.placed(step.phi):
            given = learner.inner_context(learner.inner_task(step.phi, task, TEST), step.phi, k, memory, {})
            memory = objective.remember(given)
        yield memory


@pytest.mark.parametrize("part", PARTS)
def test_both_keep_their_own_through_the_steps_of_maml(tiny_pool: Pool, part: str) -> None:
    """What each leaves at φ_1, …, φ_4 is what it keeps of the same path when it is asked alone."""
    learner: Any = learner_with(TeacherAndConfidence, gradient_learner, "group", at="inner")
    learner.ssl.from_step, learner.test_steps = 0, 4
    task = episodes(tiny_pool, learner.ssl, 1).task(0)
    path = list(learner.path(task, TEST))
    found = [step.memory for step in path[1:]]
    assert path[0].memory == {}
    alone = kept(learner, getattr(learner.ssl.objective, part), task, path)
    for memory, expected in zip(found, alone, strict=True):
        assert set(memory) == set(PARTS)
        torch.testing.assert_close(memory[part], expected[part], rtol=1e-12, atol=1e-12)
    with pytest.raises(AssertionError):  # it moves: a memory that stays would pass the above, too
        torch.testing.assert_close(found[-1][part], found[0][part], rtol=1e-6, atol=1e-6)


def test_padding_and_engines(tiny_pool: Pool) -> None:
    engines_agree(tiny_pool, lambda: TeacherAndConfidence)
