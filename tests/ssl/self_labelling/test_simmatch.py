"""SimMatch against loops over images, classes and labelled images, and against FixMatch where it is that."""

from dataclasses import replace
from math import exp, log, sqrt

import pytest
import torch
from torch import Tensor

from metassl.data.pool import Pool
from metassl.ssl.context import Context
from metassl.ssl.self_labelling.simmatch import SimMatch
from tests.support.contexts import WAY, D, S, U, advanced, context, given_task, two_classes
from tests.support.numbers import close, random, softmax
from tests.support.objectives import fixmatch
from tests.support.penalties import engines_agree, no_weight, padding_is_nothing
from tests.support.terms import make_term

ABSENT = torch.tensor([1.0, 1, 0, 1, 1, 0]).double()  # the support rows that are of the third class


def simmatch(**changes: float) -> SimMatch:
    """Constants that differ from the defaults, so that a mixed-up one shows."""
    return SimMatch(**{"threshold": 0.5, "temperature": 0.3, "alpha": 0.6, "instance_weight": 0.7, **changes})


def cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True)) / sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def similarities(z: list[float], given: Context, t: float) -> list[float]:
    """q of one image by a loop over the labelled images; 0 for padding."""
    rows, weight = given.episode.support_x.tolist(), given.episode.support_weight.tolist()
    e = [exp(cosine(z, row) / t) if w else 0.0 for row, w in zip(rows, weight, strict=True)]
    return [x / sum(e) for x in e]


def naive_labels(given: Context, t: float, alpha: float) -> list[list[float]]:
    """p̂ by a loop: α p^w, and (1-α) of every labelled image's share to its class."""
    y, found = given.episode.support_y.tolist(), []
    for z, row in zip(given.features("weak").tolist(), softmax(given.logits("weak").numpy()), strict=True):
        mixed = [alpha * float(p) for p in row]
        for i, share in enumerate(similarities(z, given, t)):
            mixed[y[i]] += (1 - alpha) * share
        found.append(mixed)
    return found


def naive_penalty(given: Context, t: float, weight: list[float]) -> float:
    """Mean cross-entropy between q^w unfolded by p^w and q^s."""
    y, total = given.episode.support_y.tolist(), 0.0
    views = (given.features("weak").tolist(), given.features("strong").tolist())
    p = softmax(given.logits("weak").numpy())
    for j, (weak, strong) in enumerate(zip(*views, strict=True)):
        target = [q * float(p[j, y[i]]) for i, q in enumerate(similarities(weak, given, t))]
        other = similarities(strong, given, t)
        ce = -sum(a / sum(target) * log(b) for a, b in zip(target, other, strict=True) if b)
        total += weight[j] * ce
    return total / sum(weight)


NARROW = {"class_mask": torch.tensor([True, True, False]), "logits": two_classes, "support_weight": ABSENT}


@pytest.mark.parametrize(("changes", "bar"), [({}, 0.5), (NARROW, 0.65)])
@pytest.mark.parametrize("padding", [0, 3])
def test_against_loops(padding: int, changes: dict, bar: float) -> None:
    objective = simmatch(threshold=bar)
    given = given_task(objective, padding, **changes)
    labels = objective.label(given)
    expected = naive_labels(given, 0.3, 0.6)
    close(labels.q, expected)
    close(labels.q.sum(-1), [1.0] * (U + padding))
    close(labels.weight, [float(max(row) >= bar) for row in expected])
    assert 0 < labels.weight[:U].sum() < U
    assert labels.view == "strong"
    close(objective.penalty(given), 0.7 * naive_penalty(given, 0.3, given.weight.tolist()))
    if changes:
        assert (labels.q[:, 2] == 0).all()


def sure(strong: Tensor, **changes: object) -> Context:
    """A task whose weak view is classified with a probability of 1 or, for two images, of ½ and ½."""
    weak = 1000 * torch.eye(D)[torch.arange(U) % WAY].double()
    weak[2:4, :2] = 500.0
    weak[2:4, 2] = 0.0
    return context({"weak": weak, "strong": strong}, **changes)


def test_without_similarities_it_is_fixmatch() -> None:
    """α = 1 and λ_in = 0: FixMatch's weights on any predictions, and its loss and slope where p is 0 or 1."""
    objective, other = simmatch(threshold=0.8, alpha=1.0, instance_weight=0.0), fixmatch("fixed", 0.8)
    given = advanced(other, given_task(objective))
    ours, theirs = objective.label(given), other.label(given)
    assert torch.equal(ours.weight, theirs.weight)
    assert torch.equal(ours.q.argmax(-1), theirs.q.argmax(-1))
    assert torch.equal(ours.q, given.logits("weak").softmax(-1))

    strong = random(U, D, seed=3).requires_grad_()
    losses = [make_term(o, from_step=0).loss(advanced(o, sure(strong))) for o in (objective, other)]
    assert torch.equal(*losses)
    slopes = [torch.autograd.grad(loss, strong)[0] for loss in losses]
    assert torch.equal(*slopes)
    assert slopes[0].any()
    assert objective.label(sure(strong)).weight.tolist() == [1, 1, 0, 0, 1, 1, 1]


def near_the_support(support_y: Tensor) -> Context:
    """Images that are each like two labelled images, through a predictor that knows nothing: p^w = 1/3."""
    rows = torch.eye(D)[torch.arange(S) % WAY].double()
    u = rows[torch.arange(U) % S]
    return context(
        {"weak": u, "strong": u}, support=rows, support_y=support_y, logits=lambda z, _: 0 * z[:, :WAY]
    )


def test_mechanism_labels_hear_of_similar_labelled_images() -> None:
    """1-α = 0.1 of each label is the class of the labelled images that it is like. With these classes shifted
    by one, each label moves by 0.2: 0.1 from the class that it had to the other."""
    true = torch.arange(S) % WAY
    objective = simmatch(alpha=0.9, temperature=0.05)
    labels = {shift: objective.label(near_the_support((true + shift) % WAY)).q for shift in (0, 1)}
    like = torch.arange(U) % WAY
    for shift, q in labels.items():
        expected = torch.full((U, WAY), 0.3).double()
        expected[torch.arange(U), (like + shift) % WAY] = 0.4
        torch.testing.assert_close(q, expected, rtol=0, atol=1e-6)
    assert (labels[0] - labels[1]).abs().sum(-1).min() > 0.199


def test_mechanism_similarities_hear_of_likely_classes() -> None:
    """An image as like to one class's row as to another's: unfolding gives the likelier class its odds."""
    odds = 4.0
    rows = torch.eye(D)[torch.arange(S) % WAY].double()
    u = (rows[0] + rows[1] + rows[2]).expand(U, D)
    given = context(
        {"weak": u, "strong": u},
        support=rows,
        logits=lambda z, _: torch.tensor([log(odds), 0, 0]).expand(len(z), WAY).double(),
    )
    # the strong view says 1/6 of each row, whatever the target, so the loss is ln 6; its slope shows the target
    z = u.clone().requires_grad_()
    moved = replace(given, predictor=replace(given.predictor, views={"weak": u, "strong": z}), _known={})
    loss = simmatch(instance_weight=1.0).penalty(moved)
    close(loss.detach(), log(6))
    (slope,) = torch.autograd.grad(loss, z)
    # d/dz_d = -(1/U)(1/t)(Σ_i (q̂_i - 1/6) s_i,d) / ‖z‖ along the row's own direction
    target = odds / (odds + 2)
    close(slope[0, 0], -(target - 1 / 3) / 0.3 / sqrt(3) / U)


@pytest.mark.parametrize("name", SimMatch.hparams)
def test_learned_numbers_have_gradients(name: str) -> None:
    """The loss's slope along each number, as a tensor, against differences."""

    def loss(value: Tensor) -> Tensor:
        objective = simmatch().having({name: value})
        return make_term(objective, from_step=0).loss(given_task(objective))

    at = torch.tensor(float(getattr(simmatch(), name)), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(loss(at), at)
    with torch.no_grad():
        difference = (loss(at + 1e-5) - loss(at - 1e-5)) / 2e-5
    torch.testing.assert_close(slope, difference, rtol=1e-4, atol=1e-7)
    assert slope.abs() > 1e-4


def test_labels_are_constants_unless_told_otherwise() -> None:
    for stop in (True, False):
        views = {n: random(U, D, seed=k).requires_grad_() for k, n in enumerate(("weak", "strong"))}
        support = random(S, D, seed=9).requires_grad_()
        given = context(views, support=support, stop_gradient=stop)
        assert simmatch().label(given).q.requires_grad != stop
        slopes = torch.autograd.grad(simmatch().penalty(given), (*views.values(), support), allow_unused=True)
        assert [slope is None for slope in slopes] == [stop, False, stop]


def test_rows_of_zeros_are_no_nan() -> None:
    """Features of a dead network: every cosine is 0."""
    z = torch.zeros(U, D).double().requires_grad_()
    given = context({"weak": z, "strong": z}, support=torch.zeros(S, D).double())
    loss = make_term(simmatch(threshold=0.0), from_step=0).loss(given)
    assert torch.isfinite(torch.autograd.grad(loss, z)[0]).all()
    close(simmatch().label(given).q.detach(), [[1 / 3] * 3] * U)


def test_padding_and_engines(tiny_pool: Pool) -> None:
    padding_is_nothing(simmatch())
    assert no_weight(simmatch()) == 0
    engines_agree(tiny_pool, simmatch)
