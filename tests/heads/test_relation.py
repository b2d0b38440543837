"""Relation networks: the pairs, the maps, and both losses."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from metassl.heads.comparison import MapComparison, VectorComparison
from metassl.heads.relation import Relation
from metassl.outcomes.classification import mask_classes
from tests.support.contexts import WAY, D
from tests.support.heads import make_head, soft_rows
from tests.support.numbers import random


def test_scores_are_of_pairs_of_an_item_and_a_mean() -> None:
    head, (z, q, w), x = make_head("relation"), soft_rows(), random(4, D, seed=5)
    found = head.logits(head.fit(z, q, w), x)
    for j in range(len(x)):
        for c in range(WAY):
            mass = sum(w[i] * q[i, c] for i in range(len(z)))
            mean = sum(w[i] * q[i, c] * z[i] for i in range(len(z))) / mass
            torch.testing.assert_close(found[j, c], head.relation.score(torch.cat((x[j], mean)))[0])


def test_squares_against_loops() -> None:
    head, logits = make_head("relation"), random(4, WAY)
    y, weight = torch.tensor([0, 2, 1, 1]), torch.tensor([1.0, 1, 0, 0.5]).double()
    total = torch.zeros(()).double()
    for j in range(4):
        for c in range(WAY):
            total += weight[j] * (1 / (1 + torch.exp(-logits[j, c])) - float(y[j] == c)) ** 2
    torch.testing.assert_close(head.loss(None, logits, y, weight), total / 2.5)


def test_a_class_that_the_task_lacks_costs_nothing() -> None:
    head, y, weight = make_head("relation"), torch.tensor([0, 1]), torch.ones(2).double()
    logits = random(2, WAY).requires_grad_()
    loss = head.loss(None, mask_classes(logits, torch.tensor([True, True, False])), y, weight)
    torch.testing.assert_close(loss, head.loss(None, logits[:, :2], y, weight))
    (gradient,) = torch.autograd.grad(loss, logits)
    assert (gradient[:, 2] == 0).all()
    assert (gradient[:, :2] != 0).all()


def test_the_other_loss_is_the_cross_entropy() -> None:
    head, logits, y = make_head("relation_softmax"), random(4, WAY), torch.tensor([0, 2, 1, 1])
    torch.testing.assert_close(head.loss(None, logits, y, torch.ones(4).double()), F.cross_entropy(logits, y))


SHAPE = (2, 6, 5)


def on_maps() -> Relation:
    torch.manual_seed(0)
    return Relation(SHAPE, channels=4, hidden=3).double()


def test_maps_are_compared_as_in_the_paper() -> None:
    """Both maps' channels side by side, convolution → ReLU → pooling twice, two layers; written out."""
    net = on_maps().relation
    x, p = random(3, 60), random(2, 60, seed=1)
    found = net(x, p)
    for j in range(3):
        for c in range(2):
            pair = torch.cat((x[j].view(SHAPE), p[c].view(SHAPE)))[None]
            for conv in (net.first, net.second):
                pair = F.max_pool2d(F.relu(F.conv2d(pair, conv.weight, conv.bias, padding=1)), 2)
            torch.testing.assert_close(found[j, c], net.score(pair.flatten())[0])


@pytest.mark.parametrize(
    ("shape", "kind"), [(SHAPE, MapComparison), ((6, 1, 1), VectorComparison), ((6,), VectorComparison)]
)
def test_convolutions_where_there_are_places(shape: tuple[int, ...], kind: type[nn.Module]) -> None:
    assert isinstance(Relation(shape).relation, kind)


@pytest.mark.parametrize("side", [1, 2, 3, 7])
def test_narrow_maps_keep_a_place(side: int) -> None:
    net = MapComparison((2, side, 4), 4, 3)
    assert net(torch.randn(3, 8 * side), torch.randn(2, 8 * side)).shape == (3, 2)
