"""CAVIA: only the context moves, through FiLM at one layer."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.data.pool import Pool
from metassl.errors import ConfigError
from metassl.learners.gradient.cavia import CAVIA, CONTEXT
from metassl.learners.gradient.inner_loop import InnerStep
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.none import NoObjective
from metassl.ssl.term import SSLTerm
from metassl.tasks.stage import TEST
from tests.support.agreement import assert_engines_agree, assert_padding_is_harmless
from tests.support.by_hand import network
from tests.support.calls import TRAIN, adapt, meta_loss, outer_gradient, predict, query_logits
from tests.support.differences import slope
from tests.support.episodes import episodes
from tests.support.learners import Smooth, conv4, gradient_learner, sgd
from tests.support.numbers import random
from tests.support.objectives import OBJECTIVES
from tests.support.terms import term


def build(norm: str, ssl: SSLTerm, steps: int = 2, layer: int = 1, make_backbone=Smooth) -> CAVIA:
    return gradient_learner(
        norm, ssl, 2, make_backbone, kind=CAVIA, inner=sgd(1.0, 1, learned=False), steps=steps, adapt=None,
        size=10, layer=layer,
    )  # fmt: skip


def test_context_zero_is_the_plain_network(tiny_pool: Pool) -> None:
    ssl = term(NoObjective())
    learner, task = build("batch", ssl, steps=0, make_backbone=conv4), episodes(tiny_pool, ssl, 1).task(0)
    found = query_logits(learner, task, TEST)
    torch.testing.assert_close(found, network(learner.theta(), task.query_x, "batch"))


def test_context_modulates_its_layer_alone(tiny_pool: Pool) -> None:
    """Features under a context: γ'·norm(x) + β' after that one norm, written out."""
    ssl = term(NoObjective())
    learner, task = build("group", ssl), episodes(tiny_pool, ssl, 1).task(0)
    backbone, c = learner.backbone, random(10)
    for norm in backbone.norms:
        torch.nn.init.normal_(norm.norm.weight)
        torch.nn.init.normal_(norm.norm.bias)
    gain, shift = (learner.film.weight @ c).view(2, -1, 1, 1)
    first = torch.tanh(backbone.norms[0](backbone.convs[0](task.query_x)))
    second = torch.tanh((1 + gain) * backbone.norms[1](backbone.convs[1](first)) + shift)
    expected = F.linear(second.flatten(1), learner.head.weight, learner.head.bias)
    adapted = learner.adapted(task, TEST, InnerStep({CONTEXT: c}, {}, {}))
    torch.testing.assert_close(predict(learner, adapted, task.query_x), expected)


def test_only_the_context_moves_and_it_is_not_learned(tiny_pool: Pool) -> None:
    ssl = term(Consistency())
    learner, task = build("batch", ssl), episodes(tiny_pool, ssl, 1).task(0)
    adapted = adapt(learner, task, TRAIN)
    assert set(adapted.overlay) == {CONTEXT}
    assert adapted.overlay[CONTEXT].abs().max() > 1e-3
    found = outer_gradient(learner, task)
    assert CONTEXT not in found
    assert found["film.weight"].any()
    assert all(g.any() for n, g in found.items() if n.endswith(("norms.0.weight", "head.weight")))


def test_gradient_against_differences(tiny_pool: Pool) -> None:
    ssl = term(Consistency())
    learner, task = build("group", ssl), episodes(tiny_pool, ssl, 1).task(0)
    theta, found = learner.theta(), outer_gradient(learner, task)
    way = {n: torch.randn_like(theta[n]) / 20 for n in found}

    def loss(h: float) -> Tensor:
        moved = {**theta, **{n: (theta[n] + h * w).detach() for n, w in way.items()}}
        return meta_loss(learner, task, TRAIN, theta=moved)[0].detach()

    along = sum((found[n] * w).sum() for n, w in way.items())
    torch.testing.assert_close(along, slope(loss, 1e-3), rtol=1e-7, atol=1e-9)


def test_a_layer_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"model\.layer: found 2, allowed .* 0 to 1"):
        build("batch", term(NoObjective()), layer=2)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_engines_agree(tiny_pool: Pool, objective: str) -> None:
    assert_engines_agree(build, tiny_pool, "batch", objective)


def test_padding(tiny_pool: Pool) -> None:
    assert_padding_is_harmless(build, tiny_pool, "group")
