"""What aligns S and U raises the accuracy on U, in the shift that it is made for.

A linear map of the features and a linear head are trained on S with the penalty beside its loss.
"""

from collections.abc import Callable
from math import pi
from statistics import mean
from typing import NamedTuple

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.ssl.alignment import mme
from metassl.ssl.alignment.coral import Coral
from metassl.ssl.alignment.mmd import MMD
from metassl.ssl.alignment.mme import MinimaxEntropy
from metassl.ssl.base import SSLObjective
from tests.support.contexts import WAY, context
from tests.support.numbers import random

EACH, SEEDS = 25, (0, 20, 40, 60, 80)


class Shift(NamedTuple):
    """Source rows with labels, and target rows with theirs."""

    s: Tensor
    classes: Tensor
    u: Tensor
    y: Tensor


def spurious(seed: int) -> Shift:
    """Three numbers that tell the class in both domains, and three that tell it well in the source alone."""
    y, corners = torch.arange(WAY).repeat(EACH), torch.eye(WAY).double()
    noise = [random(len(y), 3, seed=seed + k) for k in range(4)]
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))
    s = torch.cat((2 * corners[y] + noise[0], 4 * corners[y] + 0.3 * noise[1]), 1)
    u = torch.cat((2 * corners[y] + noise[2], 2 + 4 * corners[y[order]] + 3 * noise[3]), 1)
    return Shift(s, y, u, y)


def turned(seed: int, turn: float = 0.9) -> Shift:
    """Three clusters around a circle, which is turned in the target; one target row of each has a label."""
    y, few = torch.arange(WAY).repeat(EACH), torch.arange(WAY)

    def rows(y: Tensor, angle: float, spread: float, k: int) -> Tensor:
        at = 2 * pi * y / WAY + angle
        return 3 * torch.stack((at.cos(), at.sin()), 1).double() + spread * random(len(y), 2, seed=seed + k)

    s = torch.cat((rows(y, 0.0, 0.5, 1), rows(few, turn, 0.7, 4)))
    return Shift(s, torch.cat((y, few)), rows(y, turn, 0.7, 2), y)


def trained(
    shift: Shift,
    objective: SSLObjective,
    weight: float,
    features: Callable[[Tensor], Tensor],
    scores: Callable[[Tensor], Tensor],
    rates: tuple[float, float],
    start: int,
    width: int,
    seed: int,
) -> float:
    """Accuracy on U after 300 steps; U enters after `start`, rates are of the map and of the head."""
    size = shift.s.shape[1]
    a = (
        torch.eye(size, width).double() + 0.1 * width / size * random(size, width, seed=seed + 9)
    ).requires_grad_()
    w = (0.1 * random(WAY, width, seed=seed + 8)).requires_grad_()

    def logits(z: Tensor, params: object = None) -> Tensor:
        return z @ w.T

    for step in range(300):
        s, u = features(shift.s @ a), features(shift.u @ a)
        loss = F.cross_entropy(logits(scores(s)), shift.classes)
        if step >= start:
            given = context({"plain": u}, s, support_y=shift.classes, logits=logits)
            loss = loss + weight * objective.penalty(given)
        slopes = torch.autograd.grad(loss, (a, w))
        with torch.no_grad():
            for each, rate, slope in zip((a, w), rates, slopes, strict=True):
                each -= rate * slope
    return float((logits(features(shift.u @ a)).argmax(-1) == shift.y).double().mean())


def of_spurious(objective: SSLObjective, weight: float) -> float:
    """Mean over five seeds."""
    rates, same = (0.1, 0.1), lambda z: z
    return mean(trained(spurious(k), objective, weight, same, same, rates, 0, 6, k) for k in SEEDS)


def of_turned(weight: float) -> float:
    """Mean over five seeds; the cosine classifier of the paper, at T = 0.2."""

    def cosine(z: Tensor) -> Tensor:
        return F.normalize(z, dim=-1) / 0.2

    objective, rates = MinimaxEntropy(0.2), (0.3, 0.1)
    return mean(trained(turned(k), objective, weight, torch.tanh, cosine, rates, 100, 8, k) for k in SEEDS)


@pytest.mark.parametrize(("objective", "weight", "more"), [(Coral(), 1.0, 0.1), (MMD(), 3.0, 0.06)], ids=str)
def test_mechanism_alignment_takes_away_what_tells_the_class_in_the_source_alone(
    objective: SSLObjective, weight: float, more: float
) -> None:
    assert of_spurious(objective, weight) > of_spurious(objective, 0.0) + more


def test_mechanism_minimax_entropy_brings_the_features_to_prototypes(monkeypatch: pytest.MonkeyPatch) -> None:
    alone, together = of_turned(0.0), of_turned(0.1)
    assert together > alone + 0.04
    monkeypatch.setattr(mme, "reversed_gradient", lambda z: z)  # features, too, that raise the entropy
    assert of_turned(0.1) < together - 0.04
