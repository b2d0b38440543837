"""Hard and soft pseudo-labels and the k surest of each class, against loops."""

import numpy as np
import pytest
import torch

from metassl.data.pool import Pool
from metassl.ssl.base import SSLObjective
from metassl.ssl.context import Context
from metassl.ssl.self_labelling.pseudo_label import PseudoLabel, SoftPseudoLabel, TopPerClass
from tests.support.contexts import WAY, D, U, context
from tests.support.numbers import close, random, softmax
from tests.support.objectives import pseudo_label
from tests.support.penalties import engines_agree, no_weight, padding_is_nothing

KINDS = [lambda: pseudo_label(0.4), lambda: SoftPseudoLabel(0.4, 0.5), lambda: TopPerClass(0.3, 2)]


def test_soft_labels_are_sharpened_where_sure() -> None:
    x = random(20, D)
    labels = SoftPseudoLabel(0.6, 0.5).label(context({"plain": x}))
    p = softmax(x.numpy()[:, :WAY])
    close(labels.q, p**2 / (p**2).sum(1, keepdims=True))
    close(labels.weight, p.max(1) >= 0.6)
    assert 0 < labels.weight.sum() < 20


def naive_top(p: np.ndarray, weight: np.ndarray, threshold: float, k: int) -> np.ndarray:
    chosen = np.zeros(len(p))
    for c in range(WAY):
        mine = [j for j in range(len(p)) if p[j].argmax() == c and weight[j] > 0]
        for j in sorted(mine, key=lambda j: -p[j].max())[:k]:  # a stable sort: the first of equals
            chosen[j] = p[j].max() >= threshold
    return chosen


@pytest.mark.parametrize("k", [1, 3, 50])
@pytest.mark.parametrize("threshold", [0.0, 0.55])
def test_top_per_class_against_loops(threshold: float, k: int) -> None:
    x = random(30, D)
    x[20:] = x[:10]  # ties
    weight = (torch.arange(30) % 4 > 0).double()
    labels = TopPerClass(threshold, k).label(context({"plain": x}, weight=weight))
    p = softmax(x.numpy()[:, :WAY])
    close(labels.weight * weight, naive_top(p, weight.numpy(), threshold, k))
    close(labels.q, np.eye(WAY)[p.argmax(1)])


def test_certain_predictions_still_share_out_the_places() -> None:
    """All as sure as can be: exactly k of a class are taken."""
    x = torch.zeros(9, D)
    x[torch.arange(9), torch.arange(9) % WAY] = 1e4
    labels = TopPerClass(0.9, 2).label(context({"plain": x}))
    assert labels.weight.tolist() == [1.0] * 6 + [0.0] * 3


@pytest.mark.parametrize("make", KINDS)
def test_names_of_classes_do_not_matter(make) -> None:
    x, order = random(12, D), [2, 0, 1]
    here = make().label(context({"plain": x}))
    there = make().label(context({"plain": torch.cat((x[:, order], x[:, WAY:]), 1)}))
    close(there.q, here.q[:, order])
    close(there.weight, here.weight)


@pytest.mark.parametrize("make", KINDS[1:])
def test_learned_options_have_a_gradient(make) -> None:
    objective: SSLObjective = make()
    for name in objective.hparams:
        option = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
        setattr(objective, name, option)
        labels = objective.label(context({"plain": random(12, D)}))
        value = (labels.q[:, 0] * labels.weight).sum()
        assert torch.autograd.grad(value, option)[0].abs() > 1e-6


@pytest.mark.parametrize("make", KINDS)
def test_padding_and_engines(tiny_pool: Pool, make) -> None:
    padding_is_nothing(make())
    assert no_weight(make()) == 0
    engines_agree(tiny_pool, make)


def test_pseudo_labels_are_one_hot_where_sure_and_constants() -> None:
    x = torch.zeros(3, D, dtype=torch.float64)
    x[0, 2], x[1, 0], x[2, 1] = np.log(8.0), np.log(7.0), 0.1  # largest p: 8/10, 7/9, about 1/3
    x.requires_grad_()
    labels = pseudo_label(0.79).label(context({"plain": x}))
    close(labels.q, [[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    close(labels.weight, [1, 0, 0])
    assert labels.view == "plain"
    assert not labels.q.requires_grad
    assert not labels.weight.requires_grad


@pytest.mark.parametrize(("threshold", "kept"), [(0.0, 1.0), (1.0, 0.0)])
def test_ends_of_the_threshold(threshold: float, kept: float) -> None:
    labels = pseudo_label(threshold).label(context({"plain": random(U, D)}))
    close(labels.weight, [kept] * U)


def biased() -> Context:
    """A predictor that leans to class 0, of 30 images of which a third is of each class."""
    x = 1.5 * torch.eye(D).double()[torch.arange(30) % WAY] + 0.5 * random(30, D)
    x[:, 0] += 1.5
    return context({"plain": x})


def test_mechanism_a_threshold_keeps_what_is_right() -> None:
    """Kept labels are right more often than all of them, by 30 points."""
    truth, given = torch.arange(30) % WAY, biased()
    all_of_them, sure = (PseudoLabel(tau).label(given) for tau in (0.0, 0.7))
    right = (all_of_them.q.argmax(-1) == truth).double()
    assert float((right * sure.weight).sum() / sure.weight.sum()) >= float(right.mean()) + 0.29


def test_mechanism_a_low_temperature_makes_soft_labels_surer() -> None:
    """Mean confidence of the labels: T = 0.5 is surer than T = 1, which is the predictor's own."""
    given = biased()
    means = [float(SoftPseudoLabel(0.0, t).label(given).q.amax(-1).mean()) for t in (0.5, 1.0)]
    assert means[0] > means[1] + 0.1
    close(torch.tensor(means[1]), float(given.logits("plain").softmax(-1).amax(-1).mean()))


def test_mechanism_no_class_takes_more_than_k_labels() -> None:
    """The leaning predictor gives class 0 more than half of all labels, and 3 of 9 with k = 3."""
    given = biased()
    every, top = PseudoLabel(0.0).label(given), TopPerClass(0.0, 3).label(given)
    assert float((every.q * every.weight.unsqueeze(-1)).sum(0)[0]) > 15
    assert (top.q * top.weight.unsqueeze(-1)).sum(0).tolist() == [3, 3, 3]
