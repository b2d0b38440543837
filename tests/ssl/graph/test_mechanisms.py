"""What defines the graph objectives matters: without it they label no better than without a graph."""

import pytest
import torch
from torch import Tensor

from metassl.numerics.graphs import affinity
from metassl.ssl.base import SSLObjective
from metassl.ssl.graph.label_propagation import LabelPropagation
from metassl.ssl.graph.poisson import Poisson
from metassl.ssl.graph.random_walk import RandomWalk
from metassl.ssl.self_labelling.soft_kmeans import SoftKMeans
from tests.support.contexts import WAY
from tests.support.feature_spaces import chains

OBJECTIVES = {"label_propagation": LabelPropagation(0.95, 3, "one"), "poisson": Poisson(3, 0.5, 0.001)}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_mechanism_labels_travel_along_the_edges_within_u(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long classes: by distances alone about half of U gets its label, along edges all of it."""
    space, objective = chains(), OBJECTIVES[name]

    def from_support_alone(x: Tensor, weight: Tensor, k: int) -> Tensor:
        """The same graph without the edges between two images of U."""
        labelled = (torch.arange(len(x)) < WAY).double()
        return affinity(x, weight, len(x)) * (labelled.unsqueeze(0) + labelled.unsqueeze(1)).clamp(max=1)

    with_edges = space.accuracy(objective)
    monkeypatch.setattr(f"metassl.ssl.graph.{name}.affinity", from_support_alone)
    without: SSLObjective = OBJECTIVES[name]
    assert with_edges > 0.95
    assert space.accuracy(without) < 0.75
    assert space.accuracy(SoftKMeans()) < 0.75


def test_mechanism_walks_within_u_reach_images_far_from_every_prototype() -> None:
    """Of the slopes of the penalty, the share on the far half of each class, without and with steps in U."""
    space = chains()
    far = (space.u - space.s[space.y]).norm(dim=-1) > 3

    def share(steps: int) -> float:
        u = space.u.clone().requires_grad_()
        walk = RandomWalk(steps=steps, decay=1.0, visit=0.0, smoothing=0.0)
        given = space.shown()
        y = torch.ones(len(u)).double()
        from metassl.ssl.graph.random_walk import homes

        (slope,) = torch.autograd.grad(walk.walk(homes(given.outcome, given), u, y), u)
        return float(slope[far].norm() / slope.norm())

    assert share(0) < 0.01
    assert share(6) > 5 * share(0)
