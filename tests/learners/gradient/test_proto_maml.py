"""Proto-MAML: without a step it is the ProtoNet; with steps, MAML from there."""

from dataclasses import replace

import pytest
import torch

from metassl.data.pool import Pool
from metassl.learners.gradient.proto_maml import ProtoMAML
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.none import NoObjective
from metassl.ssl.term import SSLTerm
from metassl.tasks.stage import TEST
from tests.support.agreement import assert_engines_agree, assert_padding_is_harmless
from tests.support.calls import TRAIN, meta_loss, outer_gradient, query_logits
from tests.support.differences import slope
from tests.support.episodes import episodes
from tests.support.learners import Smooth, conv4, gradient_learner, head_learner, sgd
from tests.support.objectives import OBJECTIVES
from tests.support.terms import term


def build(norm: str, ssl: SSLTerm, steps: int = 2, make_backbone=conv4) -> ProtoMAML:
    return gradient_learner(norm, ssl, 2, make_backbone, kind=ProtoMAML, inner=sgd(0.05), steps=steps)


@pytest.mark.parametrize("norm", ["group", "support"])
def test_no_step_is_protonet(tiny_pool: Pool, norm: str) -> None:
    ssl = term(NoObjective())
    learner = build(norm, ssl, steps=0)
    nearest = head_learner(norm, ssl, rounds=0)
    nearest.backbone.load_state_dict(learner.backbone.state_dict())
    task = episodes(tiny_pool, ssl, 1, shot=2).task(0)
    ours = query_logits(learner, task, TEST)
    theirs = query_logits(nearest, task, TEST)
    # the same but for ‖z‖² of each query
    torch.testing.assert_close(ours.log_softmax(-1), theirs.log_softmax(-1), rtol=1e-9, atol=1e-10)


def test_gradient_flows_through_the_prototypes(tiny_pool: Pool) -> None:
    ssl = term(Consistency())
    learner = build("group", ssl, make_backbone=Smooth)
    task = episodes(tiny_pool, ssl, 1).task(0)
    theta = learner.theta()
    found = outer_gradient(learner, task)
    assert "head.weight" not in found
    name = "backbone.convs.1.weight"
    way = torch.randn(theta[name].shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64) / 12

    def loss(h: float) -> torch.Tensor:
        moved = {**theta, name: theta[name] + h * way}
        return meta_loss(learner, task, TRAIN, theta=moved)[0].detach()

    torch.testing.assert_close((found[name] * way).sum(), slope(loss), rtol=1e-7, atol=1e-9)


def test_names_of_the_classes_make_no_difference(tiny_pool: Pool) -> None:
    """With no change to θ: there are no initial weights of a class."""
    ssl = term(Consistency())
    learner = build("group", ssl)
    task, names = episodes(tiny_pool, ssl, 1).task(0), torch.tensor([2, 0, 1])
    renamed = replace(task, support_y=names[task.support_y], query_y=names[task.query_y])
    found, expected = (query_logits(learner, t, TEST) for t in (renamed, task))
    torch.testing.assert_close(found[:, names], expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_engines_agree(tiny_pool: Pool, objective: str) -> None:
    assert_engines_agree(build, tiny_pool, "batch", objective)


def test_padding(tiny_pool: Pool) -> None:
    assert_padding_is_harmless(build, tiny_pool, "group")
