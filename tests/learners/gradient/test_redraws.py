"""Views that each inner step has of its own: which step sees which, in every engine, from known features too."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from metassl.data.builder import EpisodeBuilder
from metassl.data.pool import Pool
from metassl.data.sampler import EpisodeSampler
from metassl.engine.threads import Threads
from metassl.engine.vmap import Vmap
from metassl.learners.base import MetaLearner
from metassl.learners.gradient.baseline import BaselineLearner
from metassl.learners.gradient.imaml import ImplicitMAML
from metassl.ssl.consistency.consistency import Consistency
from metassl.tasks.episode import Episode, Redraw
from metassl.tasks.stage import TEST
from tests.support.agreement import assert_agree
from tests.support.calls import TRAIN
from tests.support.episodes import JITTER, SPEC, doubled, spec
from tests.support.learners import gradient_learner, head_learner, sgd
from tests.support.objectives import ict, pseudo_label
from tests.support.terms import make_term

STEPS = 3


def learner_of(adapt: tuple[str, ...] = ("backbone.", "head."), from_step: int = 1) -> Any:
    term = make_term(Consistency(), weight=2.0, from_step=from_step)
    return gradient_learner("group", term, inner=sgd(0.2, STEPS), steps=STEPS, test_steps=5, adapt=adapt)


def tasks_of(pool: Pool, learner: MetaLearner, training: bool = True) -> Episode:
    views = {name: JITTER[kind] for name, kind in learner.ssl.objective.views.items()}
    sampler, draws = EpisodeSampler(pool, spec(), 0, "train"), learner.ssl.objective.draws(SPEC.input_shape)
    builder = EpisodeBuilder(sampler, pool.items, views, draws=draws, redraws=learner.redraws(training))
    return doubled(builder(range(3)).episodes)


def test_there_is_a_draw_for_each_step_that_sees_u() -> None:
    learner = learner_of()
    assert (learner.redraws(True), learner.redraws(False)) == (2, 4)
    assert learner_of(from_step=0).redraws(True) == 3
    assert gradient_learner("group", make_term(pseudo_label())).redraws(True) == 1
    assert head_learner("group", make_term(Consistency())).redraws(True) == 1
    assert gradient_learner("group", make_term(Consistency()), None, kind=ImplicitMAML).redraws(True) == 1
    baseline = BaselineLearner(learner.backbone, SPEC, test_steps=100)
    baseline.attach(make_term(Consistency()))
    assert (baseline.redraws(True), baseline.redraws(False)) == (1, 8)  # eight take turns


def end(learner: Any, task: Episode) -> Tensor:
    return torch.cat([p.flatten() for p in learner.adapt(task, TEST).overlay.values()])


def with_draw(task: Episode, turn: int, views: dict[str, Tensor]) -> Episode:
    u = task.unlabelled
    if turn == 0:
        return replace(task, unlabelled=replace(u, views=views))
    later = list(u.later)
    later[turn - 1] = Redraw(views, u.random)
    return replace(task, unlabelled=replace(u, later=tuple(later)))


@pytest.mark.parametrize("adapt", [("backbone.", "head."), ("head.",)])
def test_mechanism_each_step_sees_its_own_draw(tiny_pool: Pool, adapt: tuple[str, ...]) -> None:
    """Steps 1 to 4 of 5 see U, by draws 1, 2, 3 and 0. Equal views in all of them: φ as if there were no U.
    Equal views in one: φ changes, whichever it is."""
    learner = learner_of(adapt)
    task = tasks_of(tiny_pool, learner, training=False).task(0)
    assert len(task.unlabelled.later) == 3
    whole, blind, changed = end(learner, task), task, []
    for turn in range(4):
        x = task.unlabelled.at(turn).views["first"]
        blind = with_draw(blind, turn, {"first": x, "second": x})
        changed.append(end(learner, with_draw(task, turn, {"first": x, "second": x})))
    without = torch.cat(
        [p.flatten() for p in learner.adapt(task, replace(TEST, unlabelled=False)).overlay.values()]
    )
    torch.testing.assert_close(end(learner, blind), without, rtol=0, atol=1e-12)
    assert all((other - whole).abs().max() > 1e-6 for other in (*changed, without))
    fixed = replace(task, unlabelled=task.unlabelled.at(0))
    assert (end(learner, fixed) - whole).abs().max() > 1e-6


def test_known_features_are_those_of_the_draw(tiny_pool: Pool) -> None:
    """A frozen backbone embeds each draw once; the end is that of embedding at every step."""
    learner = learner_of(("head.",))
    task = tasks_of(tiny_pool, learner).task(1)
    known = end(learner, task)
    learner.fixed_features = lambda phi, task: {}
    torch.testing.assert_close(end(learner, task), known, rtol=0, atol=1e-12)


@pytest.mark.parametrize("adapt", [("backbone.", "head."), ("head.",)])
def test_engines_agree(tiny_pool: Pool, adapt: tuple[str, ...]) -> None:
    learner = learner_of(adapt)
    assert_agree(learner, tasks_of(tiny_pool, learner), (Vmap(2), Threads(2)), TRAIN, 1e-9, 1e-10)


def test_random_numbers_are_redrawn_too(tiny_pool: Pool) -> None:
    """ICT's shares and pairs differ from step to step."""
    learner = gradient_learner("group", make_term(ict()), inner=sgd(0.2, STEPS), steps=STEPS)
    u = tasks_of(tiny_pool, learner).unlabelled
    assert len(u.later) == 1
    assert (u.at(0).random - u.at(1).random).abs().mean() > 0.2
