"""ANIL and BOIL: adaptation of a part, with the features of a fixed backbone computed once."""

from typing import ClassVar

import pytest
import torch
from torch import Tensor

from metassl.data.pool import Pool
from metassl.learners.gradient.learner import GradientLearner
from metassl.learners.gradient.maml import MAML
from metassl.ssl.base import SSLObjective
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.context import Context
from metassl.ssl.term import SSLTerm
from tests.support.agreement import assert_engines_agree, assert_padding_is_harmless
from tests.support.calls import TRAIN, adapt, outer_gradient, query_logits
from tests.support.episodes import episodes
from tests.support.learners import maml
from tests.support.numbers import assert_same
from tests.support.objectives import OBJECTIVES
from tests.support.terms import term

HEAD, BODY = ("head.",), ("backbone.",)
PARTS = [HEAD, BODY]


class Mixed(SSLObjective):
    """Embeds inputs that are no view of the episode: means of neighbouring images."""

    views: ClassVar = {"plain": "plain"}

    def penalty(self, context: Context) -> Tensor:
        x = context.unlabelled.views["plain"]
        between = context.classify(context.embed((x + x.roll(1, 0)) / 2, context.unlabelled.weight))
        return (between.softmax(-1) - context.logits("plain").softmax(-1)).square().sum(-1).mean()


class Recomputed(MAML):
    """Runs the backbone anew at every step."""

    def fixed_features(self, *args: object) -> dict[str, Tensor]:
        return {}


def build(norm: str, ssl: SSLTerm, adapt: tuple[str, ...] = HEAD) -> GradientLearner:
    return maml(ssl, norm, steps=3, rates=3, adapt=adapt)


def test_all_parameters_selected_is_maml(tiny_pool: Pool) -> None:
    ssl = term(Consistency())
    task = episodes(tiny_pool, ssl, 1).task(0)
    parts, whole = build("batch", ssl, (*HEAD, *BODY)), maml(ssl, "batch", steps=3, rates=3)
    assert_same(outer_gradient(parts, task), outer_gradient(whole, task), 0.0)


def test_what_moves(tiny_pool: Pool) -> None:
    ssl = term(Consistency())
    task = episodes(tiny_pool, ssl, 1).task(0)
    for part in PARTS:
        learner = build("batch", ssl, part)
        theta = learner.theta()
        phi = adapt(learner, task, TRAIN).overlay
        assert set(phi) == {n for n in theta if n.startswith(part)}
        assert any(not torch.equal(phi[n], theta[n]) for n in phi)


@pytest.mark.parametrize("objective", [Mixed, Consistency, OBJECTIVES["soft_kmeans"]])
def test_kept_features_change_nothing(tiny_pool: Pool, objective) -> None:
    ssl = term(objective())
    task = episodes(tiny_pool, ssl, 1).task(0)
    kept, anew = build("batch", ssl), build("batch", ssl)
    anew.__class__ = Recomputed
    assert_same(outer_gradient(kept, task), outer_gradient(anew, task), 1e-10)


def test_backbone_runs_once_an_input(tiny_pool: Pool) -> None:
    """Support, two views, queries: four passes for three inner steps."""
    ssl = term(Consistency(), at="inner")
    task = episodes(tiny_pool, ssl, 1).task(0)
    learner, calls = build("batch", ssl), []
    learner.backbone.register_forward_hook(lambda *_: calls.append(1))
    query_logits(learner, task, TRAIN)
    assert len(calls) == 4


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("part", PARTS)
def test_engines_agree(tiny_pool: Pool, part: tuple[str, ...], objective: str) -> None:
    assert_engines_agree(lambda norm, ssl: build(norm, ssl, part), tiny_pool, "batch", objective)


@pytest.mark.parametrize("part", PARTS)
def test_padding(tiny_pool: Pool, part: tuple[str, ...]) -> None:
    assert_padding_is_harmless(lambda norm, ssl: build(norm, ssl, part), tiny_pool, "group")
