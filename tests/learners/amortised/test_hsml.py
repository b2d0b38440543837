"""HSML: its tree and its autoencoder against loops, its gates by hand, and the checks of every task reader."""

from dataclasses import replace

import pytest
import torch

from metassl.data.pool import Pool
from metassl.learners.amortised.autoencoder import TaskAutoencoder
from metassl.learners.amortised.hsml import HSML
from metassl.learners.amortised.set_encoder import TaskSet
from metassl.learners.amortised.soft_tree import Leaves, SoftTree
from metassl.outcomes.regression import Regression
from metassl.ssl.none import NoObjective
from metassl.ssl.term import SSLTerm
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import TEST
from tests.support.calls import TRAIN, inner_path, meta_loss
from tests.support.episodes import tasks_of
from tests.support.learners import conv4, gradient_learner, shaken
from tests.support.numbers import random
from tests.support.objectives import OBJECTIVES
from tests.support.task_readers import CHECKS, check_engines_agree, check_order_and_names
from tests.support.terms import full

VALUES = TaskSpec(way=1, input_shape=(1,), outcome=Regression(standardise=False))


def make(ssl: SSLTerm, reconstruction: float = 0.01) -> HSML:
    own = {"encoder": TaskAutoencoder(conv4("group").out_dim, 6, 5), "clusters": (3, 2)}
    return gradient_learner("group", ssl, kind=HSML, reconstruction=reconstruction, **own)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_engines_agree(tiny_pool: Pool, objective: str) -> None:
    check_engines_agree(make, tiny_pool, OBJECTIVES[objective]())


# the rows of the head have names, which tests/learners/test_invariants.py renames with the classes
@pytest.mark.parametrize("check", [check for check in CHECKS if check is not check_order_and_names])
def test_reads_the_task(tiny_pool: Pool, check) -> None:
    check(make, tiny_pool)


def test_the_tree_by_loops() -> None:
    torch.manual_seed(0)
    tree, g = SoftTree(4, (3, 2), spread=2.0).double(), random(4)
    leaves, branches = tree.leaves, tree.branches[0]
    p = torch.stack([(-(g - c).square().sum() / 4).exp() for c in leaves.centres])
    p, w, b = p / p.sum(), leaves.change.weight.view(3, 4, 4), leaves.change.bias.view(3, 4)
    h = [p[k] * torch.tanh(w[k] @ g + b[k]) for k in range(3)]
    w, b = branches.change.weight.view(2, 4, 4), branches.change.bias.view(2, 4)
    root = torch.zeros(4).double()
    for j in range(2):
        node = torch.zeros(4).double()
        for k in range(3):
            parts = torch.softmax(branches.choose.weight @ h[k] + branches.choose.bias, 0)
            node = node + parts[j] * torch.tanh(w[j] @ h[k] + b[j])
        root = root + torch.tanh(tree.root.weight @ node + tree.root.bias)
    torch.testing.assert_close(tree(g), root)


def test_a_task_at_a_centre_is_of_that_cluster_where_the_others_are_far() -> None:
    leaves = Leaves(2, 3, spread=0.1)
    leaves.centres.data = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])
    assert leaves.assigned(torch.tensor([3.0, 0.0]))[1] > 0.999
    between = leaves.assigned(torch.tensor([1.5, 0.0]))
    torch.testing.assert_close(between[:2], torch.tensor([0.5, 0.5]))


def test_the_autoencoder_by_hand() -> None:
    """Of values: pairs (z, y), the label of an unlabelled item 0; an item of weight 0 has no part in anything."""
    torch.manual_seed(0)
    encoder = TaskAutoencoder(3, 6, 5, VALUES).double()
    z, y = random(4, 3), random(4, 1, seed=1)
    known, w = torch.tensor([1.0, 1, 0, 1]).double(), torch.tensor([1.0, 1, 1, 0]).double()
    items = TaskSet(z, y * known.unsqueeze(-1), w, known)
    rows = torch.cat((z, y * known.unsqueeze(-1)), 1)[:3]
    codes = encoder.encode(rows).relu()
    task = encoder.task(torch.cat((codes[:2].mean(0), codes[2]))).relu()
    loss = (encoder.decode(codes) - rows).square().mean() / 2
    found = encoder(items)
    torch.testing.assert_close(found.task, task)
    torch.testing.assert_close(found.loss, loss)
    assert encoder(items._replace(q=0 * items.q)).task.ne(found.task).any()


def test_the_start_is_theta_times_gates_by_hand(tiny_pool: Pool) -> None:
    learner = shaken(make(full(NoObjective())))
    task, theta = tasks_of(tiny_pool, learner, 1).task(0), learner.theta()
    start = next(iter(inner_path(learner, task, TEST)))
    z = learner.backbone(task.support_x)
    ones, targets = torch.ones(len(z)).double(), task.support_targets()
    g = learner.encoder(TaskSet(z, targets, ones, ones)).task
    both = torch.cat((g, learner.tree(g)))
    assert "head.weight" in learner.gated
    for name, gate in zip(learner.gated, learner.gates, strict=True):
        kept = torch.sigmoid(gate.linear.weight @ both + gate.linear.bias).view(gate.shape)
        torch.testing.assert_close(start[name], theta[name] * kept)
    free = set(start) - set(learner.gated)
    assert free == {name for name in theta if name.startswith("backbone.") and ".norm." in name}
    assert all(torch.equal(start[name], theta[name]) for name in free)


def test_gates_know_no_class_by_its_number(tiny_pool: Pool) -> None:
    learner = shaken(make(full(NoObjective())))
    task = tasks_of(tiny_pool, learner, 1).task(0)
    renamed = replace(task, support_y=torch.tensor([2, 0, 1])[task.support_y])
    one, other = (next(iter(inner_path(learner, t, TEST))) for t in (task, renamed))
    for name, p in one.items():
        torch.testing.assert_close(other[name], p, rtol=1e-10, atol=1e-12)
    kept = one["head.weight"] / learner.head.weight
    torch.testing.assert_close(kept, kept[:1].expand_as(kept))


def test_rebuilding_counts_in_the_outer_loss_by_its_weight(tiny_pool: Pool) -> None:
    without, with_it = make(full(NoObjective()), 0.0), make(full(NoObjective()), 0.5)
    task = tasks_of(tiny_pool, without, 1).task(0)
    rebuilt = with_it.read(task, with_it.anchor(task, TRAIN), TRAIN).loss
    assert rebuilt > 1e-4
    more = meta_loss(with_it, task)[0] - meta_loss(without, task)[0]
    torch.testing.assert_close(more, 0.5 * rebuilt)
