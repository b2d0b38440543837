"""Length normalisation and the temperature: what the head sees, the objective sees."""

import numpy as np
import pytest
import torch
from torch import nn

import metassl
from metassl.backbones.adapter import Adapter
from metassl.heads.sphere import Sphere
from metassl.learners.base import MetaLearner
from metassl.ssl.self_labelling.soft_kmeans import SoftKMeans
from tests.support.numbers import random


def test_by_default_nothing_is_done() -> None:
    z = random(4, 3)
    assert torch.equal(Sphere()(z), z)
    assert not list(Sphere().parameters())


def test_length_and_temperature() -> None:
    z = torch.cat((random(4, 3), torch.zeros(1, 3)))
    found = Sphere(unit_length=True, temperature=9.0).double()(z)
    torch.testing.assert_close(found[:4].norm(dim=1), torch.full((4,), 3.0).double())
    assert not found[4].any()
    torch.testing.assert_close(Sphere(temperature=4.0).double()(z), 2 * z)


def tasks() -> tuple[metassl.Episodes, metassl.Episodes]:
    """Directions of eight classes, at any length."""
    rng = np.random.default_rng(0)
    centres = np.repeat(rng.normal(size=(8, 10)), 30, axis=0)
    x = (centres + 0.6 * rng.normal(size=centres.shape)) * rng.uniform(0.2, 5, (240, 1))
    drawn = metassl.episodes(x, np.repeat(np.arange(8), 30), way=5, shot=1, queries=8, unlabelled=8)
    return drawn, drawn


def learner(**options: object) -> MetaLearner:
    task = tasks()[0].task
    made = metassl.HeadLearner(Adapter(task.input_shape, [16], "none"), **options)  # type: ignore[arg-type]
    return made.attach(metassl.SSLTerm(SoftKMeans(iterations=3)))


def accuracy(made: MetaLearner, count: int = 40) -> float:
    episodes = tasks()[0]
    found = [
        made.query_logits(episodes[i], metassl.Stage()).argmax(1) == episodes[i].query_y for i in range(count)
    ]
    return float(torch.stack(found).float().mean())


def test_prototypes_of_an_untrained_adapter_are_those_of_raw_features() -> None:
    episode = tasks()[0][0]
    raw = -(episode.query_x.unsqueeze(1) - episode.support_x[episode.support_y.argsort()]).square().sum(-1)
    made = metassl.HeadLearner(Adapter((10,), [16], "none"))
    assert torch.equal(made.query_logits(episode, metassl.Stage()), raw)


def test_mechanism_on_the_sphere_soft_kmeans_needs_the_temperature() -> None:
    """unit_length alone leaves every softmax even; with a temperature U is worth points."""
    assert accuracy(learner(unit_length=True, temperature=10.0)) > accuracy(learner(unit_length=True)) + 0.02


def test_the_temperature_is_learned_through_head_and_objective() -> None:
    made = learner(unit_length=True, temperature=1.0)
    loss, _ = made.outer_loss(tasks()[0][0], metassl.Stage(training=True, progress=1.0))
    loss.backward()
    sphere = made.sphere
    assert isinstance(sphere, nn.Module)
    assert sphere.log_temperature.grad < 0, "wants to be larger"


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_with_unit_length_no_input_s_length_matters(factor: float) -> None:
    made, episode = learner(unit_length=True, temperature=10.0), tasks()[0][0]
    from dataclasses import replace

    views = {name: x * factor for name, x in episode.unlabelled.views.items()}
    scaled = replace(
        episode,
        support_x=episode.support_x * factor,
        query_x=episode.query_x * factor,
        unlabelled=replace(episode.unlabelled, views=views),
    )
    first, second = (made.query_logits(each, metassl.Stage()) for each in (episode, scaled))
    torch.testing.assert_close(first, second, rtol=1e-3, atol=1e-3)
