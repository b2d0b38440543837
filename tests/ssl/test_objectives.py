"""The objectives against numpy, and that padding and missing classes have no part in them."""

import numpy as np
import pytest
import torch
from torch import Tensor

from metassl.ssl.base import SSLObjective
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.none import NoObjective
from metassl.ssl.self_labelling.pseudo_label import PseudoLabel
from metassl.ssl.self_labelling.soft_kmeans import SoftKMeans
from tests.tasks import WAY, D, S, U, context, make_term, random


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def close(found: Tensor, expected: object) -> None:
    torch.testing.assert_close(found.double(), torch.as_tensor(np.asarray(expected, dtype=float)))


def test_no_objective_has_neither() -> None:
    given = context({"plain": random(U, D)})
    assert NoObjective().label(given) is None
    assert NoObjective().penalty(given) is None
    assert not NoObjective.views


def test_consistency_against_numpy() -> None:
    first, second = random(U, D, seed=1), random(U, D, seed=2)
    found = Consistency().penalty(context({"first": first, "second": second}))
    p, q = softmax(first.numpy()[:, :WAY]), softmax(second.numpy()[:, :WAY])
    close(found, np.mean([sum((a - b) ** 2) for a, b in zip(p, q, strict=True)]))


def test_consistency_is_zero_for_equal_views_and_two_at_most() -> None:
    x = random(U, D)
    assert Consistency().penalty(context({"first": x, "second": x.clone()})) == 0
    opposite = torch.zeros(U, D, dtype=torch.float64)
    one, two = opposite.clone(), opposite.clone()
    one[:, 0], two[:, 1] = 1e3, 1e3
    close(Consistency().penalty(context({"first": one, "second": two})), 2.0)


def test_consistency_has_a_gradient_through_both_views() -> None:
    views = {name: random(U, D, seed=k).requires_grad_() for k, name in enumerate(("first", "second"))}
    for gradient in torch.autograd.grad(Consistency().penalty(context(views)), list(views.values())):
        assert gradient[:, :WAY].abs().min() > 0


def test_pseudo_labels_are_one_hot_where_sure_and_constants() -> None:
    x = torch.zeros(3, D, dtype=torch.float64)
    x[0, 2], x[1, 0], x[2, 1] = np.log(8.0), np.log(7.0), 0.1  # largest p: 8/10, 7/9, about 1/3
    x.requires_grad_()
    labels = PseudoLabel(0.79).label(context({"plain": x}))
    close(labels.q, [[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    close(labels.weight, [1, 0, 0])
    assert labels.view == "plain"
    assert not labels.q.requires_grad
    assert not labels.weight.requires_grad


@pytest.mark.parametrize(("threshold", "kept"), [(0.0, 1.0), (1.0, 0.0)])
def test_ends_of_the_threshold(threshold: float, kept: float) -> None:
    labels = PseudoLabel(threshold).label(context({"plain": random(U, D)}))
    close(labels.weight, [kept] * U)


def naive_kmeans(s: np.ndarray, y: np.ndarray, u: np.ndarray, iterations: int) -> np.ndarray:
    p = np.stack([s[y == c].mean(0) for c in range(WAY)])
    for k in range(iterations):
        z = softmax(np.array([[-sum((h - c) ** 2) for c in p] for h in u]))
        if k + 1 < iterations:
            mass = np.array([(y == c).sum() + z[:, c].sum() for c in range(WAY)])
            p = np.stack([s[y == c].sum(0) + (z[:, c : c + 1] * u).sum(0) for c in range(WAY)])
            p = p / mass[:, None]
    return z


@pytest.mark.parametrize("iterations", [1, 2, 5])
def test_soft_kmeans_against_numpy(iterations: int) -> None:
    s, u = random(S, D, seed=3).requires_grad_(), random(U, D, seed=4).requires_grad_()
    labels = SoftKMeans(iterations).label(context({"plain": u}, support=s))
    y = np.arange(S) % WAY
    close(labels.q, naive_kmeans(s.detach().numpy(), y, u.detach().numpy(), iterations))
    close(labels.q.sum(1), np.ones(U))
    close(labels.weight, np.ones(U))
    assert not labels.q.requires_grad


@pytest.mark.parametrize("iterations", [1, 2])
def test_missing_classes_get_nothing(iterations: int) -> None:
    """A class that the task lacks takes no part, whatever its padded support holds."""
    s, u = random(S, D, seed=3), random(U, D, seed=4)
    mask, weight = torch.tensor([True, True, False]), torch.tensor([1.0, 1, 0, 1, 1, 0]).double()
    given = context({"plain": u}, support=s, class_mask=mask, support_weight=weight)
    q = SoftKMeans(iterations).label(given).q
    assert (q[:, 2] == 0).all()
    close(q.sum(1), np.ones(U))
    far = torch.where(weight.bool()[:, None], s, s + 100)
    other = context({"plain": u}, support=far, class_mask=mask, support_weight=weight)
    close(SoftKMeans(iterations).label(other).q, q)


@pytest.mark.parametrize("objective", [Consistency(), PseudoLabel(0.5), SoftKMeans(1), SoftKMeans(3)])
def test_padding_of_u_has_no_influence(objective: SSLObjective) -> None:
    """Rows of weight 0 change neither the others' labels nor the loss."""
    term = make_term(objective, from_step=0)
    views = {name: random(U, D, seed=k) for k, name in enumerate(objective.views)}
    padded = {name: torch.cat((v, 5 * random(3, D, seed=7))) for name, v in views.items()}
    weight = torch.cat((torch.ones(U), torch.zeros(3))).double()
    plain, wide = context(views), context(padded, weight=weight)
    close(term.loss(wide), float(term.loss(plain)))
    labels, wide_labels = term.label(plain), term.label(wide)
    assert (labels is None) == (wide_labels is None)
    if labels is not None and wide_labels is not None:
        close(wide_labels.q[:U], labels.q)
        close(wide_labels.weight, torch.cat((labels.weight, torch.zeros(3))))


def test_all_padding_gives_zero_not_nan() -> None:
    for objective in (Consistency(), PseudoLabel(0.0), SoftKMeans(2)):
        term = make_term(objective, from_step=0)
        views = {name: random(U, D) for name in objective.views}
        assert term.loss(context(views, weight=torch.zeros(U).double())) == 0


def test_context_computes_once() -> None:
    calls: list[str] = []

    def logits(z: Tensor, params: object) -> Tensor:
        calls.append("classify")
        return z[:, :WAY]

    given = context({"plain": random(U, D)}, logits=logits)
    for _ in range(2):
        given.logits("plain"), given.features("plain"), given.support_logits(), given.support_features()
    assert calls == ["classify"] * 2
