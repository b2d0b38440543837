"""ALFA: its rates and decays written out, MAML's step at first, and rates that follow the task."""

import numpy as np
import pytest
import torch
from torch import Tensor

from metassl.data.pool import Pool
from metassl.inner.alfa import ALFA
from metassl.learners.gradient.learner import GradientLearner
from metassl.ssl.none import NoObjective
from metassl.ssl.term import SSLTerm
from tests.support.agreement import assert_engines_agree, assert_padding_is_harmless
from tests.support.calls import outer_gradient
from tests.support.episodes import episodes
from tests.support.learners import Smooth, gradient_learner, scramble
from tests.support.numbers import random
from tests.support.objectives import OBJECTIVES
from tests.support.terms import term

PARAMS = {"a.weight": random(3, 2), "b": random(4, seed=1)}
GRADS = {"a.weight": random(3, 2, seed=2), "b": random(4, seed=3)}
LOSS = torch.tensor(0.0)


def rule() -> ALFA:
    torch.manual_seed(0)
    return ALFA(PARAMS, 0.1, 0.01, 2).double()


def build(norm: str, ssl: SSLTerm) -> GradientLearner:
    learner: GradientLearner = gradient_learner(norm, ssl, 2, Smooth, inner=ALFA)
    scramble(learner.inner)
    return learner


def test_a_step_written_out() -> None:
    inner = rule()
    scramble(inner)
    first, last = inner.generator[0], inner.generator[2]
    lean = [float(x.mean() / x.square().mean().sqrt()) for x in (*PARAMS.values(), *GRADS.values())]
    hidden = np.maximum(first.weight.detach().numpy() @ lean + first.bias.detach().numpy(), 0)
    out = last.weight.detach().numpy() @ hidden + last.bias.detach().numpy()
    for step, k in ((0, 0), (1, 1), (7, 1)):
        moved, _ = inner.update(GRADS, None, PARAMS, step, LOSS)
        for place, name in enumerate(PARAMS):
            alpha, beta = out[place] * inner.rates[name][k], out[2 + place] * inner.decays[name][k]
            torch.testing.assert_close(moved[name], (1 - beta) * PARAMS[name] - alpha * GRADS[name])


def test_the_first_step_is_mamls_with_weight_decay() -> None:
    moved, _ = rule().update(GRADS, None, PARAMS, 0, LOSS)
    for name, p in PARAMS.items():
        torch.testing.assert_close(moved[name], (1 - 0.1 * 0.01) * p - 0.1 * GRADS[name])


def test_mechanism_rates_follow_the_gradients_of_the_task() -> None:
    """Another task's gradients in the network's input, not in the step, give other rates; zeros give others yet."""
    inner = rule()
    scramble(inner)

    def rates(seen: dict[str, Tensor]) -> Tensor:
        return torch.cat(inner.generated(seen, PARAMS))

    own = rates(GRADS)
    other = rates({name: -g for name, g in GRADS.items()})
    nothing = rates({name: torch.zeros_like(g) for name, g in GRADS.items()})
    assert (own - other).norm() > 0.1 * own.norm()
    assert (own - nothing).norm() > 0.05 * own.norm()


def test_the_network_learns_from_the_queries(tiny_pool: Pool) -> None:
    ssl = term(NoObjective())
    found = outer_gradient(build("batch", ssl), episodes(tiny_pool, ssl, 1).task(0))
    for name in ("generator.0.weight", "generator.2.weight", "rates.head/weight", "decays.head/weight"):
        assert found[f"inner.{name}"].any()
    assert all(torch.isfinite(g).all() for g in found.values())


@pytest.mark.parametrize("objective", ["consistency", "soft_kmeans"])
def test_engines_agree(tiny_pool: Pool, objective: str) -> None:
    assert objective in OBJECTIVES
    assert_engines_agree(build, tiny_pool, "batch", objective)


def test_padding(tiny_pool: Pool) -> None:
    assert_padding_is_harmless(build, tiny_pool, "group")
