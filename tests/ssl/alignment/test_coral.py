"""CORAL against numpy, and at its ends."""

import numpy as np
import torch

from metassl.data.pool import Pool
from metassl.ssl.alignment.coral import Coral
from tests.support.contexts import D, S, U, context
from tests.support.numbers import close, random
from tests.support.penalties import engines_agree, no_weight, padding_is_nothing


def test_against_numpy() -> None:
    s, u = random(S, D), random(U, D, seed=1)
    apart = np.cov(s.numpy(), rowvar=False) - np.cov(u.numpy(), rowvar=False)
    close(Coral().penalty(context({"plain": u}, s)), (apart**2).sum() / (4 * D**2))


def test_weights_are_numbers_of_copies() -> None:
    s, u = random(S, D), random(U, D, seed=1)
    weight = torch.tensor([2.0, 1, 1, 3, 0, 1, 1]).double()
    copies = u[torch.repeat_interleave(torch.arange(U), weight.long())]
    close(
        Coral().penalty(context({"plain": u}, s, weight=weight)),
        Coral().penalty(context({"plain": copies}, s)),
    )


def test_the_same_features_cost_nothing_wherever_they_lie() -> None:
    s = random(S, D)
    close(Coral().penalty(context({"plain": s}, s)), 0.0)
    close(Coral().penalty(context({"plain": s.flip(0) + 7}, s)), 0.0)  # it says nothing of the means
    assert Coral().penalty(context({"plain": 2 * s}, s)) > 0.1


def test_padding_and_engines(tiny_pool: Pool) -> None:
    padding_is_nothing(Coral())
    assert no_weight(Coral()) == 0
    engines_agree(tiny_pool, Coral)
