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
from tests.support.contexts import WAY, context
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


def test_mechanism_walks_within_u_see_that_two_prototypes_share_a_cluster() -> None:
    """Two prototypes at the ends of one cluster, or of two: only walks within U meet the difference."""
    s = torch.tensor([[0.0, 0], [3, 0], [0, 9]]).double()
    third = torch.stack((torch.linspace(-0.5, 0.5, 8), torch.full((8,), 9.0)), dim=-1).double()
    one, two = (
        torch.cat((torch.stack((along, torch.zeros(16)), dim=-1).double(), third))
        for along in (
            torch.linspace(0, 3, 16),
            torch.cat((torch.linspace(0, 0.6, 8), torch.linspace(2.4, 3, 8))),
        )
    )

    def penalty(u: Tensor, steps: int) -> float:
        walk = RandomWalk(steps=steps, decay=1.0, visit=0.0, smoothing=0.0)
        return float(walk.penalty(context({"plain": u}, s, support_y=torch.arange(WAY)))) / (steps + 1)

    assert penalty(one, 0) - penalty(two, 0) < 0.05
    assert penalty(one, 8) - penalty(two, 8) > 0.2
