"""Losses that wrong labels move less: by hand, at the ends of their ranges, and what they are for."""

from dataclasses import replace
from functools import partial
from math import exp, log

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import grad, vmap
from torch.nn import functional as F

import metassl
from metassl.backbones.raw import Raw
from metassl.errors import ConfigError
from metassl.inner.sgd import SGD
from metassl.learners.gradient.maml import MAML
from metassl.outcomes.base import mask_outputs
from metassl.outcomes.classification import Classification, cross_entropy, one_hot
from metassl.outcomes.robust_losses import generalised_cross_entropy, symmetric_cross_entropy
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import TEST
from tests.support.differences import slope
from tests.support.numbers import close, random

OUTCOMES = {
    "cross_entropy": Classification(),
    "gce": Classification(support_loss="gce"),
    "sce": Classification(support_loss="sce"),
}
ROBUST = [OUTCOMES["gce"], OUTCOMES["sce"]]
LOGITS, Y = random(6, 4), torch.tensor([0, 3, 1, 1, 2, 0])
ONES = torch.ones(6, dtype=torch.float64)


def test_by_hand() -> None:
    outputs = torch.tensor([[log(2.0), 0.0, 0.0], [0.0, 0.0, log(6.0)]]).double()  # p = 2:1:1 and 1:1:6
    labels = torch.eye(3).double()[[0, 1]]
    generalised = generalised_cross_entropy(outputs, labels, 0.7)
    close(generalised, [(1 - 0.5**0.7) / 0.7, (1 - 0.125**0.7) / 0.7])
    symmetric = symmetric_cross_entropy(outputs, labels, 0.1, 1.0)
    close(symmetric, [0.1 * log(2) + 4 * 0.5, 0.1 * log(8) + 4 * 0.875])


def test_soft_targets_by_hand() -> None:
    outputs, targets = torch.zeros(1, 2).double(), torch.tensor([[0.75, 0.25]]).double()
    close(generalised_cross_entropy(outputs, targets, 0.5), [2 * (1 - 0.5**0.5)])
    close(symmetric_cross_entropy(outputs, targets, 1.0, 1.0), [log(2) - 0.5 * (log(0.75) + log(0.25))])


def test_a_target_below_exp_A_counts_as_0_does() -> None:
    few = exp(-6.0)
    near, none = (torch.tensor([[1 - x, x]]).double() for x in (few, 0.0))
    outputs = random(1, 2)
    difference = symmetric_cross_entropy(outputs, near, 0.0, 1.0) - symmetric_cross_entropy(
        outputs, none, 0.0, 1.0
    )
    close(difference, -outputs.softmax(1)[:, 0] * log(1 - few))  # the first class alone makes it


def test_ends_of_the_power() -> None:
    """To 0 the cross-entropy, at 1 half of the mean absolute error."""
    labels = one_hot(Y, 4).double()
    close(generalised_cross_entropy(LOGITS, labels, 1e-9), F.cross_entropy(LOGITS, Y, reduction="none"))
    error = (labels - LOGITS.softmax(1)).abs().sum(1)
    close(generalised_cross_entropy(LOGITS, labels, 1.0), error / 2)


def test_ends_of_the_weights() -> None:
    labels = one_hot(Y, 4).double()
    close(symmetric_cross_entropy(LOGITS, labels, 1.0, 0.0), F.cross_entropy(LOGITS, Y, reduction="none"))
    p = LOGITS.softmax(1)[range(6), Y]
    close(symmetric_cross_entropy(LOGITS, labels, 0.0, 1.0), 4 * (1 - p))


@pytest.mark.parametrize("outcome", OUTCOMES.values(), ids=OUTCOMES)
def test_gradient_against_differences(outcome: Classification) -> None:
    def loss(outputs: Tensor) -> Tensor:
        return outcome.support_loss_of(outputs, Y, ONES)

    direction = random(6, 4, seed=1)
    expected = (grad(loss)(LOGITS) * direction).sum()
    found = slope(lambda t: loss(LOGITS + t * direction))
    assert found == pytest.approx(float(expected), rel=1e-6)


def test_an_item_pulls_as_the_cross_entropy_does_times_a_power_of_its_probability() -> None:
    """∂L/∂f = p_y^q ∂CE/∂f (section 3.2 of Zhang & Sabuncu 2018): what contradicts its label pulls less."""
    labels = one_hot(Y, 4).double()
    robust = grad(lambda z: generalised_cross_entropy(z, labels, 0.7).sum())(LOGITS)
    plain = grad(lambda z: F.cross_entropy(z, Y, reduction="sum"))(LOGITS)
    torch.testing.assert_close(robust, plain * LOGITS.softmax(1)[range(6), Y].pow(0.7).unsqueeze(1))


@pytest.mark.parametrize("outcome", ROBUST)
def test_padding_and_classes_that_a_task_lacks_change_nothing(outcome: Classification) -> None:
    present = torch.tensor([True, True, True, True, False])
    wide = mask_outputs(torch.cat((LOGITS, random(6, 1, seed=9)), dim=1), present)
    wide = torch.cat((wide, random(2, 5, seed=3)))
    y, weight = torch.cat((Y, torch.tensor([4, 0]))), torch.cat((ONES, torch.zeros(2).double()))
    close(outcome.support_loss_of(wide, y, weight), outcome.support_loss_of(LOGITS, Y, ONES))
    slopes = grad(lambda z: outcome.support_loss_of(mask_outputs(z, present), y, weight))(wide)
    assert slopes.isfinite().all()
    assert (slopes[6:] == 0).all()
    assert (slopes[:, 4] == 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("outcome", ROBUST)
def test_a_label_that_is_as_good_as_impossible_has_a_finite_loss_and_slope(
    outcome: Classification, dtype: torch.dtype
) -> None:
    outputs, y = torch.tensor([[900.0, -900.0]], dtype=dtype), torch.tensor([1])
    value = outcome.support_loss_of(outputs, y, torch.ones(1, dtype=dtype))
    assert value.isfinite()
    assert value.dtype == dtype
    assert grad(lambda z: outcome.support_loss_of(z, y, torch.ones(1, dtype=dtype)))(outputs).isfinite().all()


@pytest.mark.parametrize("outcome", OUTCOMES.values(), ids=OUTCOMES)
def test_under_vmap(outcome: Classification) -> None:
    outputs, y, weight = random(3, 6, 4), torch.stack([Y, Y.flip(0), Y.roll(1)]), random(3, 6, seed=2).abs()
    each = torch.stack([outcome.support_loss_of(*task) for task in zip(outputs, y, weight, strict=True)])
    close(vmap(outcome.support_loss_of)(outputs, y, weight), each)


@pytest.mark.parametrize("outcome", ROBUST)
def test_queries_have_the_cross_entropy(outcome: Classification) -> None:
    assert torch.equal(outcome.loss(LOGITS, Y, ONES), cross_entropy(LOGITS, Y, ONES))
    assert not torch.equal(outcome.support_loss_of(LOGITS, Y, ONES), cross_entropy(LOGITS, Y, ONES))


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"support_loss": "gcee"}, "outcome.support_loss: found 'gcee'. Did you mean 'gce'?"),
        ({"gce_q": 0.0}, "outcome.gce_q: found 0.0, allowed is a number above 0 and of at most 1."),
        ({"sce_beta": -1.0}, "outcome.sce_beta: found -1.0, allowed is a number"),
    ],
)
def test_refused(options: dict, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Classification(**options)
    assert str(caught.value).startswith(line)


def noisy_accuracy(outcome: Classification, count: int = 30) -> np.ndarray:
    """[count] accuracies of a linear layer after 100 steps on 50 labels, of which 40 % are wrong."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(40), 40)
    x = (rng.normal(size=(40, 16))[y] + rng.normal(size=(1600, 16))).astype(np.float32)
    tasks = metassl.episodes(x, y, way=5, shot=10, queries=10, unlabelled=0, label_noise=0.4)
    inner = partial(SGD, rate=0.5, steps=1)
    learner = MAML(Raw((16,)), TaskSpec(5, (16,), outcome=outcome), inner, test_steps=100, adapt=("head.",))
    with torch.no_grad():
        for p in learner.head.parameters():
            p.zero_()
    found = []
    for i in range(count):
        task = replace(tasks[i], outcome=outcome)
        found.append(task.query_measures(learner.query_logits(task, TEST).detach())["accuracy"].item())
    return np.array(found)


def test_mechanism_wrong_labels_cost_less() -> None:
    """At a label noise of 0.4 more than 10 points with gce, and more than 5 with sce, in the mean of 30 tasks."""
    plain, generalised, symmetric = (noisy_accuracy(outcome) for outcome in OUTCOMES.values())
    assert (generalised - plain).mean() > 0.10
    assert (symmetric - plain).mean() > 0.05
