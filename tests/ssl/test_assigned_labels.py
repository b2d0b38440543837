"""What labels an observer finds after adaptation: those that training would use next."""

from typing import Any

import numpy as np
import pytest
import torch

from metassl.data.pool import Pool
from metassl.learners.gradient.inner_loop import InnerStep
from metassl.ssl.base import SoftLabels
from metassl.ssl.context import Memory
from metassl.tasks.episode import Episode
from metassl.tasks.stage import TEST
from tests.support.calls import under
from tests.support.episodes import episodes
from tests.support.learners import gradient_learner, sgd
from tests.support.numbers import close, softmax
from tests.support.objectives import FollowsConfidence
from tests.support.terms import make_term

K, WAY = 4, 3


def followed(ps: list[np.ndarray]) -> np.ndarray:
    """FollowsConfidence's average, of predictions p [U, N]."""
    average = ps[0].max(1)
    for p in ps[1:]:
        average = (average + p.max(1)) / 2
    return average


@pytest.mark.parametrize("from_step", [0, 1])
def test_labels_go_on_from_what_the_inner_steps_remembered(tiny_pool: Pool, from_step: int) -> None:
    """At φ_K, with the averages of the steps that saw U; not as if φ_K were a first step."""
    term = make_term(FollowsConfidence(), from_step=from_step)
    learner: Any = gradient_learner("group", term, inner=sgd(0.03, K), test_steps=K)
    task = episodes(tiny_pool, learner.ssl, 1, unlabelled=6).task(0)
    path = list(learner.path(task, TEST))
    assert len(path) == K + 1

    def weak() -> Any:
        return learner.head(learner.backbone(task.unlabelled.views["weak"])).detach().numpy()

    ps = [softmax(under(learner, step.phi, weak)) for step in path]
    labels = learner.assigned_labels(task, TEST)
    close(labels.q, np.eye(WAY)[ps[-1].argmax(1)])
    close(labels.weight.detach(), followed(ps[from_step:]))
    assert labels.view == "strong"
    assert np.abs(labels.weight.detach().numpy() - followed(ps[-1:])).max() > 1e-3

    # the same by the memory that the last step left, and other labels without one
    again = at_the_end(learner, task, path, K, path[-1].memory)
    torch.testing.assert_close(labels.weight, again.weight)
    assert (labels.weight - at_the_end(learner, task, path, 0, {}).weight).abs().max() > 1e-3


def at_the_end(learner: Any, task: Episode, path: list[InnerStep], k: int, memory: Memory) -> SoftLabels:
    """The labels at φ_K if that were inner step k, with this memory of the step before."""
    phi = path[-1].phi
    with learner.placed(phi):
        given = learner.inner_context(learner.inner_task(phi, task, TEST), phi, k, memory, {})
        return learner.ssl.label(learner.ssl.advanced(given))
