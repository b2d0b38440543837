"""Learned numbers while tasks run side by side: no engine leaves a tensor in the wrapped objective."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch

from metassl.data.pool import Pool
from metassl.engine.base import Engine
from metassl.engine.loop import Loop
from metassl.engine.threads import Threads
from metassl.engine.vmap import Vmap
from metassl.ssl.base import SoftLabels
from metassl.ssl.context import Context
from metassl.ssl.meta_learned.learned_hparams import LearnedHparams
from tests.support.calls import TRAIN, meta_loss, outer_gradients
from tests.support.contexts import D, U, context
from tests.support.episodes import episodes
from tests.support.learners import gradient_learner
from tests.support.networks import learner_of
from tests.support.numbers import flat, random
from tests.support.objectives import Sharpened, learned_hparams


def holds_floats(objective: LearnedHparams) -> bool:
    """Whether the wrapped objective has its own numbers and no tensor in their place."""
    inner = objective.objective
    return all(type(getattr(inner, name)) is float for name in ("threshold", "temperature"))


def test_labels_leave_a_float() -> None:
    objective = learned_hparams(Sharpened(0.45, 0.8), 2)
    objective.label(context({"plain": random(U, D)}))
    assert holds_floats(objective)


@pytest.mark.parametrize("engine", [Loop(), Vmap(2), Threads(2), Threads(2, chunk=2)])
def test_no_engine_leaves_a_tensor(tiny_pool: Pool, engine: Engine) -> None:
    """Nor in the copies that threads work with; and the gradient of the numbers is the loop's."""
    learner = learner_of(gradient_learner, learned_hparams(Sharpened(0.45, 0.8), 2), at="inner")
    tasks = episodes(tiny_pool, learner.ssl, 4)
    expected, _ = outer_gradients(learner, tasks, TRAIN)
    for _ in range(2):
        found, _ = outer_gradients(learner, tasks, TRAIN, engine)
        engine.map(learner, lambda copy, task: meta_loss(copy, task)[0].detach(), tasks)
        learners = [learner, *(engine._copies[learner] if isinstance(engine, Threads) else ())]
        assert all(holds_floats(each.ssl.objective) for each in learners)
    torch.testing.assert_close(flat(found), flat(expected), rtol=1e-9, atol=1e-11)
    assert expected["ssl.objective.raw.threshold"].abs() > 1e-9


class Meeting(Sharpened):
    """Labels only once two threads are in the midst of it."""

    def __init__(self) -> None:
        super().__init__()
        self.barrier = Barrier(2, timeout=30)

    def label(self, context: Context) -> SoftLabels:
        self.barrier.wait()
        labels = super().label(context)
        self.barrier.wait()
        return labels


def test_two_threads_each_see_their_own_numbers() -> None:
    """Two wrappers of one objective label at the same moment, by their own numbers."""
    shared, given = Meeting(), context({"plain": random(U, D)})
    wrappers = [learned_hparams(objective, 1).double() for objective in (shared, shared, Sharpened())]
    alone = []
    for wrapper, raw in zip(wrappers, (-1.0, 1.0), strict=False):
        for numbers in (wrapper.raw, wrappers[2].raw):
            for p in numbers.values():
                p.data.fill_(raw)
        alone.append(wrappers[2].label(given))
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda wrapper: wrapper.label(given), wrappers[:2]))
    for labels, expected in zip(found, alone, strict=True):
        assert torch.equal(labels.q, expected.q)
        assert torch.equal(labels.weight, expected.weight)
    assert (alone[0].q - alone[1].q).abs().max() > 0.1
    assert holds_floats(wrappers[0])
