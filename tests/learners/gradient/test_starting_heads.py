"""What a head starts from, or is made of, matters: Proto-MAML, Baseline and Baseline++ on clusters."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from metassl.data.pool import Pool
from metassl.learners.gradient.baseline import BaselineLearner
from metassl.learners.gradient.classifiers import Classifier, CosineClassifier, LinearClassifier
from metassl.learners.gradient.learner import GradientLearner
from metassl.learners.gradient.maml import MAML
from metassl.learners.gradient.proto_maml import ProtoMAML
from metassl.ssl.none import NoObjective
from metassl.tasks.episode import Episode
from metassl.tasks.stage import TEST
from tests.support.calls import query_logits
from tests.support.episodes import SPEC, episodes
from tests.support.learners import Flat, gradient_learner
from tests.support.numbers import random
from tests.support.terms import term

D, COUNT = 6, 40


def clusters(pool: Pool, seed: int, scale: float = 0.0) -> Episode:
    """A task of 3 classes whose features are their directions and noise, each times a random length of its own."""
    task = episodes(pool, term(NoObjective()), 1, shot=1, queries=2).task(0)
    centres = 3 * torch.eye(3, D).double()

    def features(y: torch.Tensor, k: int) -> torch.Tensor:
        lengths = torch.exp(scale * random(len(y), 1, seed=seed + k))
        return lengths * (centres[y] + 0.5 * random(len(y), D, seed=seed + k + 1))

    y = torch.arange(COUNT) % 3
    return replace(
        task, support_x=features(task.support_y, 0), query_x=features(y, 2), query_y=y,
        query_weight=torch.ones(COUNT).double(),
    )  # fmt: skip


def accuracy(learner: GradientLearner, tasks: list[Episode]) -> float:
    right = [query_logits(learner, t, TEST).argmax(1) == t.query_y for t in tasks]
    return float(torch.cat(right).double().mean())


def test_mechanism_the_head_starts_as_prototypes(tiny_pool: Pool) -> None:
    """proto_maml: before any inner step it classifies; MAML's head is at chance there."""
    tasks = [clusters(tiny_pool, 10 * k) for k in range(5)]
    ours, maml = (
        gradient_learner("group", term(NoObjective()), 2, lambda norm: Flat(D), kind=kind, test_steps=0)
        for kind in (ProtoMAML, MAML)
    )
    assert accuracy(ours, tasks) > 0.9
    assert accuracy(maml, tasks) < 0.6


def baseline(classifier: type[Classifier], steps: int) -> BaselineLearner:
    torch.manual_seed(0)
    made = BaselineLearner(Flat(D), SPEC, test_steps=steps, classifier=classifier)
    made.inner.rate = 0.5
    learner: BaselineLearner = made.attach(term(NoObjective())).double()
    return learner


def test_mechanism_a_new_head_for_each_task(tiny_pool: Pool) -> None:
    """baseline: without the steps on its head it is at chance."""
    tasks = [clusters(tiny_pool, 10 * k) for k in range(5)]
    trained, still = (accuracy(baseline(LinearClassifier, steps), tasks) for steps in (50, 0))
    assert trained > 0.9
    assert still == pytest.approx(1 / 3, abs=0.05)


def test_mechanism_directions_alone_count(tiny_pool: Pool) -> None:
    """baseline_pp: where the lengths of the features vary by chance and say nothing, the cosine head's accuracy
    is above the linear head's, and does not change with them at all."""
    plain, stretched = ([clusters(tiny_pool, 10 * k, s) for k in range(5)] for s in (0.0, 1.5))
    cosine = partial(CosineClassifier, scale=10.0)
    found = [accuracy(baseline(cosine, 50), tasks) for tasks in (plain, stretched)]  # type: ignore[arg-type]
    linear = accuracy(baseline(LinearClassifier, 50), stretched)
    assert found[0] == pytest.approx(found[1])
    assert found[1] > linear
