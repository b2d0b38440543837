"""Weights of labels of S: against numpy, in a learner, and that wrong labels get less."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from metassl.data.pool import Pool
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context
from metassl.ssl.meta_learned.learned_weights import SoftWeighting, means_of_others
from metassl.ssl.meta_learned.reweight import Reweight, agreement_of_support
from metassl.tasks.episode import Episode
from tests.ssl.meta_learned.test_mechanisms import of, taught
from tests.ssl.meta_learned.test_reweight import linear_task
from tests.support.calls import TRAIN, adapt, observe
from tests.support.contexts import WAY, D, S, U, context
from tests.support.episodes import episodes
from tests.support.learners import Smooth, gradient_learner, head_learner, scramble
from tests.support.networks import CHECKS, learner_of
from tests.support.numbers import close, random
from tests.support.objectives import learned_hparams, soft_kmeans
from tests.support.terms import term


def weighting(features: int = D) -> SoftWeighting:
    return SoftWeighting(soft_kmeans(), features, width=5, support=True)


def test_means_of_the_others_against_numpy() -> None:
    z, w = random(S, D), torch.tensor([1, 1, 1, 1, 0, 1]).double()
    y = torch.tensor([0, 0, 0, 1, 1, 2])
    q = torch.eye(WAY).double()[y]
    found = means_of_others(z, q, w)
    for i in range(S):
        for c in range(WAY):
            of_class = [k for k in range(S) if y[k] == c and w[k] > 0]
            others = [k for k in of_class if k != i] or of_class
            np.testing.assert_allclose(found[i, c], z[others].mean(0), err_msg=f"{i}, {c}")


def test_nothing_is_weighed_unless_it_is_asked_for() -> None:
    given = context({"plain": random(U, D)})
    for objective in (SoftWeighting(soft_kmeans(), D), Reweight(soft_kmeans()), soft_kmeans()):
        assert objective.support_weights(given) is None
        assert torch.equal(term(objective).support_weights(given), given.episode.support_weight)


def test_learned_weights_start_at_1_and_name_no_class() -> None:
    x = random(U, D)
    fresh = weighting().double()
    close(fresh.support_weights(context({"plain": x})).detach(), np.ones(S))
    learned: Any = weighting()
    scramble(learned)
    y, order = torch.arange(S) % WAY, torch.tensor([1, 2, 0])
    one = learned.double().support_weights(context({"plain": x}, support_y=y))
    other = learned.support_weights(context({"plain": x}, support_y=order.argsort()[y]))
    close(other.detach(), one.detach())
    assert one.std() > 1e-3


@pytest.mark.parametrize("padded", [[], [4]])
def test_agreement_against_inner_products_of_gradients(padded: list[int]) -> None:
    present = torch.ones(S).double()
    present[padded] = 0
    given = linear_task(random(U, D), support_weight=present)
    params = {n: p.clone().requires_grad_() for n, p in given.params.items()}
    y, slopes = given.episode.support_y, []
    for i in range(S):
        z = given.support_features()[i : i + 1]
        loss = -(torch.tanh(z @ params["v"]) @ params["w"]).log_softmax(-1)[0, y[i]] * present[i]
        slopes.append(
            torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(params.values()))]).numpy()
        )
    products = np.array([[a @ b for b in slopes] for a in slopes])
    expected = np.clip(products.sum(1) - products.diagonal(), 0, None)
    close(agreement_of_support(given), expected / expected.sum() * float(present.sum()))


def test_wrapped_once_more_they_are_the_same() -> None:
    given = linear_task(random(U, D))
    inner = Reweight(soft_kmeans(), support=True)
    close(learned_hparams(inner).support_weights(given), inner.support_weights(given))


class Halving(SSLObjective):
    """Labels U with weight 0, and every second example of S, too."""

    views: ClassVar = {"plain": "plain"}

    def label(self, context: Context) -> SoftLabels:
        count = len(context.unlabelled)
        return SoftLabels(
            torch.eye(context.episode.way).double()[torch.zeros(count).long()], torch.zeros(count), "plain"
        )

    def support_weights(self, context: Context) -> Tensor:
        return (torch.arange(len(context.episode.support_y)) % 2).double()  # of two shots the second


@pytest.mark.parametrize("make", [gradient_learner, head_learner])
def test_an_example_of_weight_0_is_as_good_as_padding(tiny_pool: Pool, make: Callable) -> None:
    learner = learner_of(make, Halving(), Smooth, at="inner")
    task = episodes(tiny_pool, learner.ssl, 1, shot=2).task(0)
    without = replace(task, support_weight=(torch.arange(len(task.support_y)) % 2).double(), padded=True)
    one, other = (adapt(learner, t, TRAIN) for t in (task, without))
    if make is gradient_learner:
        for name, p in one.overlay.items():
            torch.testing.assert_close(p, other.overlay[name], rtol=1e-9, atol=1e-9)
    else:
        torch.testing.assert_close(one.head.p, other.head.p)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("objective", [weighting, lambda features: Reweight(soft_kmeans(), support=True)])
def test_in_a_learner(tiny_pool: Pool, check: Callable, objective: Callable) -> None:
    check(tiny_pool, gradient_learner, objective)


def with_wrong_labels(tasks: Episode) -> tuple[Episode, Tensor]:
    """The second of four shots of each class gets the label of the next class; and [S] which those are."""
    off = torch.arange(tasks.support_y.shape[1]) % 4 == 1
    y = torch.where(off, (tasks.support_y + 1) % tasks.way, tasks.support_y)
    return replace(tasks, support_y=y), off


def found_weights(learner: Any, tasks: Episode, off: Tensor) -> tuple[float, float]:
    """Mean weight of right labels and of wrong ones."""
    weights = torch.stack([
        observe(learner, tasks.task(t), TRAIN, lambda c: learner.ssl.support_weights(c).detach())
        for t in range(tasks.count)
    ])  # fmt: skip
    return float(weights[:, ~off].mean()), float(weights[:, off].mean())


def test_mechanism_the_weighting_network_finds_wrong_labels_of_the_support(tiny_pool: Pool) -> None:
    """A quarter is wrong: in other tasks, after 15 outer steps, it weighs less than half of what is right."""
    learner = of(
        gradient_learner, lambda f: SoftWeighting(soft_kmeans(), f, support=True), make_backbone=Smooth
    )
    tasks, off = with_wrong_labels(episodes(tiny_pool, learner.ssl, 10, distractors=0, shot=4))
    before = found_weights(learner, tasks.tasks(4, 10), off)
    assert before == pytest.approx((1.0, 1.0))
    taught(learner, tasks.tasks(0, 4), 15, 0.05)
    right, wrong = found_weights(learner, tasks.tasks(4, 10), off)
    assert wrong < 0.5 * right


def test_mechanism_reweighting_finds_wrong_labels_of_the_support(tiny_pool: Pool) -> None:
    """A quarter is wrong: it weighs less than a fifth of what is right, with nothing learned."""
    learner = of(gradient_learner, lambda f: Reweight(soft_kmeans(), support=True), make_backbone=Smooth)
    tasks, off = with_wrong_labels(episodes(tiny_pool, learner.ssl, 10, distractors=0, shot=4))
    right, wrong = found_weights(learner, tasks, off)
    assert wrong < 0.2 * right
