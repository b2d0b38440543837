"""What became of U, against counting by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from metassl.backbones.mlp import MLP
from metassl.data.builder import EpisodeBuilder
from metassl.data.curves.families import Polynomial
from metassl.data.curves.spec import point_spec
from metassl.data.curves.tasks import Curves
from metassl.data.pool import Pool
from metassl.data.sampler import EpisodeSampler
from metassl.engine.loop import Loop
from metassl.evaluation.diagnostics import _of_task, auroc, diagnose, mean_values
from metassl.learners.gradient.maml import MAML
from metassl.outcomes.regression import Regression
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context
from metassl.ssl.none import NoObjective
from metassl.tasks.episode import Unlabelled
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import TEST, Stage
from tests.support.episodes import spec
from tests.support.learners import head_learner
from tests.support.terms import make_term


def test_auroc_against_all_pairs() -> None:
    rng = np.random.default_rng(0)
    score, positive = rng.integers(0, 5, 40).astype(float), rng.random(40) < 0.4
    pairs = [(a > b) + 0.5 * (a == b) for a in score[positive] for b in score[~positive]]
    assert auroc(score, positive) == pytest.approx(np.mean(pairs))


def test_numbers_of_one_task_by_hand(tiny_pool: Pool) -> None:
    q = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.5, 0.5], [1.0, 0.0]])
    weight = torch.tensor([1.0, 0.5, 1.0, 0.0, 1.0])
    real, truth = torch.tensor([1.0, 1, 1, 1, 0]), torch.tensor([0, 0, 1, -1, -1])
    distractor = torch.tensor([0, 0, 0, 1, 0]).bool()
    sampler = EpisodeSampler(tiny_pool, spec(), 0, "train")
    task = EpisodeBuilder(sampler, tiny_pool.items, {})(range(1)).episodes.task(0)
    task = replace(task, unlabelled=Unlabelled({}, real, torch.zeros(5, 0)))
    found = _of_task(task, q, weight, truth, distractor)
    assert found["used"] == pytest.approx(2.5 / 4)
    assert found["accuracy"] == pytest.approx(1 / 2.5)
    assert found["auroc"] == 1  # the distractor has weight 0, all others more
    assert "auroc" not in _of_task(task, q, weight, truth, torch.zeros(5).bool())
    assert "accuracy" not in _of_task(task, q, torch.zeros(5), truth, distractor)


class FirstClass(SSLObjective):
    """Says that all of U is of class 0."""

    views = {"plain": "plain"}  # noqa: RUF012

    def label(self, context: Context) -> SoftLabels:
        weight = context.unlabelled.weight
        return SoftLabels(torch.eye(3, dtype=weight.dtype)[torch.zeros(len(weight)).long()], weight, "plain")


def test_labels_of_values_are_judged_in_the_values_own_units() -> None:
    """Labels that are the support's mean in every task: their error is the spread of U's true values."""

    class Mean(FirstClass):
        """Says that all of U is at the support's mean, which is 0 where values are standardised."""

        outcomes = (Regression,)

        def label(self, context: Context) -> SoftLabels:
            weight = context.unlabelled.weight
            return SoftLabels(torch.zeros(len(weight), 1, dtype=weight.dtype), weight, "plain")

    points = point_spec({"shot": 5, "queries": 3, "unlabelled": 40, "transductive": False})
    sampler = Curves({"line": Polynomial([(3, 9), (1, 5)])}, ["line"]).sampler(points, 0, "test", False)
    builder = EpisodeBuilder(sampler, None, {"plain": None}, outcome=Regression())
    task = TaskSpec(way=1, input_shape=(1,), outcome=Regression())
    learner = MAML(MLP((1,), (4,), norm="none"), task).attach(make_term(Mean()))
    batch, draw = builder(range(3)), sampler(range(3))
    off = draw.unlabelled_y - draw.support_y.mean(axis=1, keepdims=True)
    assert diagnose(learner.eval(), Loop(), batch, TEST) == [
        pytest.approx({"used": 1.0, "mse": float(each.mean())}, rel=1e-4) for each in off**2
    ]


def test_means_are_over_the_tasks_that_have_the_number() -> None:
    assert mean_values([{"a": 1.0}, {"a": 3.0, "b": 5.0}]) == {"a": 2.0, "b": 5.0}
    assert mean_values([]) == {}


def test_of_a_learner(tiny_pool: Pool) -> None:
    """Everything labelled class 0: a third is right, and distractors look like the rest."""
    learner = head_learner("group", make_term(FirstClass()))
    builder = EpisodeBuilder(EpisodeSampler(tiny_pool, spec(), 0, "train"), tiny_pool.items, {"plain": None})
    batch = builder(range(3))._map(lambda x: x.double() if x.is_floating_point() else x)
    found = mean_values(diagnose(learner, Loop(), batch, TEST))
    assert found == pytest.approx({"used": 1.0, "accuracy": 1 / 3, "auroc": 0.5})
    silent = head_learner("group", make_term(NoObjective()))
    assert diagnose(silent, Loop(), batch, TEST) == []
    late = head_learner("group", make_term(FirstClass(), at="outer"))
    assert diagnose(late, Loop(), batch, Stage(training=True)) == []
