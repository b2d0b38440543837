"""The learned metric's gradient within the outer loss."""

import torch
from torch import Tensor

from metassl.data.pool import Pool
from metassl.learners.retrieval.learned import LearnedMetric
from metassl.learners.retrieval.learner import RetrievalLearner
from metassl.tasks.episode import Episode
from tests.support.calls import TRAIN, outer_gradients, outer_loss, under
from tests.support.episodes import tasks_of
from tests.support.retrieval import DISTANCES, FEATURES, filled, retrieval_learner


def test_learned_metric_learns_from_the_ranking_and_from_the_start(tiny_pool: Pool) -> None:
    """Without the ranking loss its gradient is that of the query loss, against differences."""
    metric = LearnedMetric(FEATURES, hidden=8, size=4, candidates=3, steps=1, weight=0.0)
    learner = filled(tiny_pool, retrieval_learner(metric, "group", neighbours=None))
    task, theta = tasks_of(tiny_pool, learner, 1).task(0), learner.theta()
    name = "distance.pooled.weight"
    loss, scores = outer_loss(learner, task, TRAIN)
    (found,) = torch.autograd.grad(loss, [theta[name]])
    assert scores["metric_loss"] == 0

    way = found / found.norm()
    # the mean distance is a constant of the weights, so here it must be one, too
    scale = {h: _mean_distance(learner, theta, name, h * way, task) for h in (-1e-6, 0.0, 1e-6)}
    temperature = learner.temperature

    def moved(h: float) -> Tensor:
        learner.temperature = temperature * scale[0.0] / scale[h]
        return outer_loss(learner, task, TRAIN, theta={**theta, name: theta[name] + h * way})[0].detach()

    slope = (moved(1e-6) - moved(-1e-6)) / 2e-6  # closer than the next kink
    torch.testing.assert_close(found.norm(), slope, rtol=1e-4, atol=1e-10)
    assert found.norm() > 1e-8
    ranked = filled(tiny_pool, retrieval_learner(DISTANCES["learned"]("group"), "group"))
    gradients, scores = outer_gradients(ranked, tasks_of(tiny_pool, ranked, 3))
    assert gradients[name].any()
    assert scores["metric_loss"] > 0


def _mean_distance(learner: RetrievalLearner, theta: dict, name: str, step: Tensor, task: Episode) -> Tensor:
    new = learner.new_task(task, TRAIN)
    placed = {**theta, name: theta[name] + step}
    return under(learner, placed, learner.distance, new, learner.memory.tasks())[:3].mean().detach()
