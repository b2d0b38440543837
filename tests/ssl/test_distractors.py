"""The distractor policies, and the other options that every objective shares."""

from dataclasses import replace
from itertools import pairwise
from math import exp

import numpy as np
import pytest
import torch
from torch import Tensor

from metassl.errors import ConfigError
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.context import Context
from metassl.ssl.distractors import POLICIES, ExtraClass, Mask, Threshold
from metassl.ssl.none import NoObjective
from tests.support.contexts import WAY, D, U, context
from tests.support.numbers import random
from tests.support.objectives import soft_kmeans
from tests.support.terms import make_term

USED = [name for name, policy in POLICIES.items() if policy is not None]
PROTOTYPES = 4 * torch.eye(WAY, D, dtype=torch.float64)


def near_and_far() -> Tensor:
    """Six images around the three prototypes, and two that lie between all of them, on the far side of 0."""
    near = PROTOTYPES.repeat(2, 1) + 0.1 * random(2 * WAY, D)
    return torch.cat((near, torch.full((2, D), -3.0).double() + 0.1 * random(2, D, seed=1)))


@pytest.mark.parametrize("name", USED)
def test_distractors_count_less(name: str) -> None:
    policy = POLICIES[name](0.5)
    found = policy(context({"plain": near_and_far()}, support=PROTOTYPES.repeat(2, 1)))
    assert found.shape == (8,)
    assert 0 <= found.min() <= found.max() <= 1
    assert found[:6].min() > found[6:].max()


def test_threshold_is_a_step_of_the_largest_probability() -> None:
    x = torch.tensor([[2.0, 0, 0, 0], [0.1, 0, 0, 0]]).double()
    surest = [exp(2) / (exp(2) + 2), exp(0.1) / (exp(0.1) + 2)]
    for threshold in (0.0, surest[1], 0.5, surest[0] + 1e-9):
        found = Threshold(threshold)(context({"plain": x}))
        assert found.tolist() == [float(p >= threshold - 1e-12) for p in surest]


def test_mask_against_its_formula() -> None:
    u, s = random(U, D, seed=2), random(6, D, seed=3)
    y = np.arange(6) % WAY
    means = np.stack([s.numpy()[y == c].mean(0) for c in range(WAY)])
    nearest = np.array([min(((row - m) ** 2).sum() for m in means) for row in u.numpy()])
    expected = 1 / (1 + np.exp(-3 * (1 - nearest / nearest.mean())))
    np.testing.assert_allclose(Mask(3.0)(context({"plain": u}, support=s)).numpy(), expected)


def test_the_extra_class_grows_with_its_odds() -> None:
    given = context({"plain": near_and_far()})
    shares = [ExtraClass(odds)(given) for odds in (1e-9, 0.5, 5.0, 1e9)]
    assert shares[0].min() > 1 - 1e-6
    assert shares[-1].max() < 1e-6
    for more, less in pairwise(shares):
        assert (more > less).all()


@pytest.mark.parametrize("name", USED)
def test_padding_and_missing_classes_change_no_policy(name: str) -> None:
    policy, u, s = POLICIES[name](0.5), random(U, D, seed=4), random(6, D, seed=5)
    weight = torch.cat((torch.ones(U), torch.zeros(3))).double()
    wide = context({"plain": torch.cat((u, 9 * random(3, D, seed=6)))}, support=s, weight=weight)
    torch.testing.assert_close(policy(wide)[:U], policy(context({"plain": u}, support=s)))
    mask, present = torch.tensor([True, True, False]), torch.tensor([1.0, 1, 0, 1, 1, 0]).double()
    far = torch.where(present.bool()[:, None], s, s + 100)

    def logits(z: Tensor, params: object) -> Tensor:
        return z[:, :WAY].masked_fill(~mask, -1e30)

    narrow = [
        context({"plain": u}, support=x, class_mask=mask, support_weight=present, logits=logits)
        for x in (s, far)
    ]
    torch.testing.assert_close(policy(narrow[0]), policy(narrow[1]))
    empty = context({"plain": u}, support=s, weight=torch.zeros(U).double())
    assert torch.isfinite(policy(empty)).all()


@pytest.mark.parametrize("name", USED)
def test_a_policy_weighs_labels_and_penalties(name: str) -> None:
    term = make_term(soft_kmeans(), distractors=name)
    views = {"plain": near_and_far()}
    given = replace(context(views, support=PROTOTYPES.repeat(2, 1)), policy=term.policy)
    labels = term.label(given)
    assert labels is not None
    torch.testing.assert_close(labels.weight, term.policy(given))

    views = {"first": near_and_far(), "second": near_and_far() + 0.3 * random(8, D, seed=7)}
    weighed, plain = (context(views, support=PROTOTYPES.repeat(2, 1)) for _ in range(2))
    weighed = replace(weighed, policy=term.policy)
    each = (views["first"][:, :WAY].softmax(-1) - views["second"][:, :WAY].softmax(-1)).square().sum(-1)
    worth = term.policy(plain)
    torch.testing.assert_close(Consistency().penalty(weighed), (each * worth).sum() / worth.sum())
    # seen through other parameters, every image keeps what it is worth
    torch.testing.assert_close(weighed.under({}).weight, weighed.weight)


def test_step_schedule() -> None:
    flat = make_term(NoObjective(), from_step=1)
    assert [flat.over_steps(k, 4) for k in range(4)] == [0, 1, 1, 1]
    ramp = make_term(NoObjective(), from_step=1, step_schedule="ramp")
    expected = [0, exp(-5), exp(-5 / 4), 1]
    assert [ramp.over_steps(k, 4) for k in range(4)] == pytest.approx(expected)
    # the last step always sees U, or a learner of few steps would silently ignore it
    for steps in (1, 2):
        assert make_term(NoObjective(), from_step=3, step_schedule="ramp").over_steps(steps - 1, steps) == 1


def test_stop_gradient_is_the_objectives_own_unless_given() -> None:
    assert make_term(soft_kmeans()).stop_gradient is True
    for wanted in (True, False):
        term = make_term(PseudoLabelThatFlows(), stop_gradient=wanted)
        x = random(U, D).requires_grad_()
        given = context({"plain": x}, stop_gradient=term.stop_gradient)
        labels = term.label(given)
        assert labels is not None
        assert labels.q.requires_grad != wanted
    assert make_term(PseudoLabelThatFlows()).stop_gradient is False


class PseudoLabelThatFlows(SSLObjective):
    """Labels that are the predictions."""

    views = {"plain": "plain"}  # noqa: RUF012
    stop_gradient = False

    def label(self, context: Context) -> SoftLabels:
        q = context.constant(context.logits("plain")).softmax(-1)
        return SoftLabels(q, context.unlabelled.weight, "plain")


@pytest.mark.parametrize(
    ("option", "wrong", "near"),
    [("distractors", "maks", "mask"), ("step_schedule", "rampp", "ramp"), ("at", "iner", "inner")],
)
def test_a_wrong_word_is_one_line(option: str, wrong: str, near: str) -> None:
    with pytest.raises(ConfigError, match=f"ssl.{option}.*{wrong}.*{near}") as caught:
        make_term(NoObjective(), **{option: wrong})
    assert "\n" not in str(caught.value)
