"""Starts of any learner: with equal starts they are that learner, and what is chosen is what the distance says."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from metassl.backbones.mlp import MLP
from metassl.errors import ConfigError
from metassl.learners.base import MetaLearner
from metassl.learners.gradient.proto_maml import ProtoMAML
from metassl.learners.metric.learner import HeadLearner
from metassl.learners.starts.clusters import Clusters
from metassl.learners.starts.controls import AverageStart, QueryStart, RandomStart
from metassl.learners.starts.distance import StartDistance
from metassl.learners.starts.fit import SupportFit
from metassl.learners.starts.hard import Starts
from metassl.learners.starts.learner import StartsLearner, start_weights
from metassl.learners.starts.mixed import MixedStarts
from metassl.ssl.descriptor import Descriptor
from metassl.ssl.self_labelling.soft_kmeans import SoftKMeans
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode
from metassl.tasks.stage import TEST, Stage
from tests.support.conflicting_families import FAMILIES, conflicting

TRAINING = Stage(training=True)


def network() -> MLP:
    return MLP(FAMILIES.input_shape, (16, 16), norm="none")


def prototypes(backbone: MLP) -> MetaLearner:
    return HeadLearner(backbone)


def steps(backbone: MLP) -> MetaLearner:
    return ProtoMAML(backbone, FAMILIES, steps=2, test_steps=2)


def hard(behind: MetaLearner, distance: StartDistance | None = None, **options: Any) -> Starts:
    learner = Starts(behind.backbone, behind, distance or Clusters(2), 2, **options)
    learner.attach(SSLTerm(Descriptor(), start=0, ramp=0))
    return learner


def mixed(behind: MetaLearner, **options: Any) -> MixedStarts:
    learner = MixedStarts(behind.backbone, behind, Clusters(2), 2, **options)
    learner.attach(SSLTerm(Descriptor(), start=0, ramp=0))
    return learner


@pytest.fixture(scope="module")
def task() -> Episode:
    drawn = conflicting(1, 3)
    return replace(drawn, random=torch.tensor([[0.7, 0.2]])).task(0)


@pytest.mark.parametrize("behind", [prototypes, steps])
@pytest.mark.parametrize("make", [hard, mixed])
def test_equal_starts_are_the_learner_behind(make: type, behind: type, task: Episode) -> None:
    """Without a difference to θ nothing is left but the learner behind: its answers and its outer loss."""
    torch.manual_seed(0)
    alone = behind(network())
    learner: StartsLearner = make(alone)
    learner.delta.data.zero_()
    assert torch.equal(learner.query_logits(task, TEST), alone.query_logits(task, TEST))
    adapted = learner.adapt(task, TEST)
    found = alone.predict(alone.adapt(task, TEST), task.query_x)
    assert torch.allclose(learner.predict(adapted, task.query_x), found)
    ours, its = learner.outer_loss(task, TEST)[0], alone.outer_loss(task, TEST)[0]
    assert torch.allclose(ours, its)


@pytest.mark.parametrize("behind", [prototypes, steps])
def test_a_start_is_a_network_of_its_own(behind: type, task: Episode) -> None:
    """θ + δ_g put into a learner by hand gives the same answers."""
    torch.manual_seed(0)
    learner = hard(behind(network()))
    chosen = int(learner.weights(task, TEST).argmax())
    values = learner.each()[chosen]
    expected = learner.query_logits(task, TEST).detach()
    alone = behind(network())
    alone.load_state_dict({**alone.state_dict(), **{n: v.detach() for n, v in values.items()}}, strict=False)
    rest = {n: p for n, p in learner.behind.named_parameters() if n not in values and "ssl" not in n}
    alone.load_state_dict({**alone.state_dict(), **rest})
    alone.attach(SSLTerm(Descriptor(), start=0, ramp=0))
    assert torch.allclose(alone.query_logits(task, TEST), expected, atol=1e-6)


@pytest.mark.parametrize("behind", [prototypes, steps])
def test_the_fit_is_the_loss_of_the_support(behind: type, task: Episode) -> None:
    learner = hard(behind(network()), SupportFit(2))
    found = learner.distances(task, TEST)
    for g, start in enumerate(learner.each()):
        with learner.behind.placed(start):
            adapted = learner.behind.adapt(task, TEST)
            adapted = replace(adapted, overlay={**start, **adapted.overlay})
            logits = learner.behind.predict(adapted, task.support_x)
        assert torch.allclose(found[g], task.support_loss(logits))


def test_controls(task: Episode) -> None:
    oracle = hard(prototypes(network()), QueryStart(2))
    losses = [oracle.loss_from(start, task, TEST)[1]["loss"] for start in oracle.each()]
    assert int(oracle.weights(task, TEST).argmax()) == int(torch.stack(losses).argmin())
    assert oracle.traits.reads_queries
    assert oracle.transductive
    average = hard(prototypes(network()), AverageStart(2))
    assert average.weights(task, TEST).tolist() == [0.5, 0.5]
    chance = hard(prototypes(network()), RandomStart(2))
    assert chance.draws == 2
    assert chance.weights(task, TEST).tolist() == [0, 1]  # 0.7 and 0.2


def test_a_task_out_of_reach_starts_from_theta(task: Episode) -> None:
    learner = hard(prototypes(network()), reach=2.0)
    nearby = learner.distances(task, TEST).min().detach()
    learner.usual.copy_(nearby / 1.9)
    assert learner.weights(task, TEST).sum() == 1
    assert learner.findings(task, TEST)["start_far"] == 0
    learner.usual.copy_(nearby / 2.1)
    assert learner.weights(task, TEST).sum() == 0
    assert learner.findings(task, TEST)["start_far"] == 1
    assert torch.equal(learner.query_logits(task, TEST), learner.behind.query_logits(task, TEST))


def test_what_is_usual_follows_the_training_tasks(task: Episode) -> None:
    learner = hard(prototypes(network()), reach=2.0)
    _, scores = learner.meta_loss(task, TRAINING)
    learner.after_outer_step(conflicting(1, 0), scores)
    assert torch.allclose(learner.usual, learner.distances(task, TRAINING).min().detach())


def test_theta_is_trained_where_tasks_fall_back_to_it(task: Episode) -> None:
    """Its own loss joins: the outer loss is larger by that of the learner behind."""
    torch.manual_seed(0)
    behind = prototypes(network())
    without, reaching = hard(behind), hard(behind, reach=2.0)
    reaching.delta.data.copy_(without.delta.data)
    own = behind.outer_loss(task, TRAINING)[0]
    extra = reaching.outer_loss(task, TRAINING)[0] - without.outer_loss(task, TRAINING)[0]
    assert torch.allclose(extra, own, atol=1e-5)


def test_training_tasks_without_u_lend_their_queries(task: Episode) -> None:
    """With ssl.at=test training tasks come without U; the distance must not be of S alone then."""
    learner = hard(prototypes(network()), reach=2.0)
    learner.attach(SSLTerm(Descriptor(), at="test"))
    bare = replace(task, unlabelled=replace(task.unlabelled, views={}))
    lent = replace(task, unlabelled=replace(task.unlabelled, views={"plain": task.query_x}))
    assert torch.allclose(learner.distances(bare, TRAINING), learner.distances(lent, TEST))


def test_weights() -> None:
    d, inf = torch.tensor([1.0, 3.0]), torch.inf
    assert torch.allclose(start_weights(d, None, 0.5), torch.tensor([-1.0, -3.0]).softmax(0))
    assert start_weights(torch.tensor([3.0, 1.0]), 1).tolist() == [0, 1]
    for neighbours in (1, None):
        assert start_weights(torch.tensor([1.0, inf]), neighbours).tolist() == [1, 0]
        assert start_weights(torch.tensor([inf, inf]), neighbours).tolist() == [0.5, 0.5]


def test_a_mixture_learns_by_its_weights(task: Episode) -> None:
    """The gradient is that of the equation, through φ_0 and through the distances."""
    torch.manual_seed(0)
    learner = mixed(prototypes(network()), temperature=1.0)
    (slope,) = torch.autograd.grad(learner.outer_loss(task, TRAINING)[0], learner.delta)
    d = learner.distances(task, TRAINING)
    weights = (-d / d.mean().detach()).softmax(0)
    loss = learner.loss_from(learner.under(weights), task, TRAINING)[0]
    (expected,) = torch.autograd.grad(loss, learner.delta)
    assert torch.allclose(slope, expected, rtol=1e-4, atol=1e-7)
    held = learner.loss_from(learner.under(weights.detach()), task, TRAINING)[0]
    (without,) = torch.autograd.grad(held, learner.delta)
    assert not torch.allclose(slope, without, rtol=1e-2)


def test_an_objective_of_the_learner_behind_is_that_of_the_starts(task: Episode) -> None:
    """Labels of U are refitted under the start, too."""
    learner = hard(prototypes(network()))
    plain = learner.query_logits(task, TEST)
    learner.attach(SSLTerm(SoftKMeans(), start=0, ramp=0))
    soft = replace(task, unlabelled=replace(task.unlabelled, views={"plain": task.unlabelled.views["plain"]}))
    assert not torch.allclose(learner.query_logits(soft, TEST), plain)


def test_refusals() -> None:
    backbone = network()
    with pytest.raises(ConfigError, match=r"model.moves: found \['bckbone.'\].*'backbone.', 'inner.'"):
        Starts(backbone, steps(backbone), Clusters(2), 2, moves=["bckbone."])
    with pytest.raises(ConfigError, match=r"start_distance.count: found 3, allowed is model.count, 2"):
        Starts(backbone, prototypes(backbone), Clusters(3), 2)
