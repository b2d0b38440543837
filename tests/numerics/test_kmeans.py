"""k-means against scikit-learn, and its ends."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from torch import Tensor

from metassl.numerics.kmeans import k_means
from tests.support.numbers import random


def inertia(points: Tensor, clusters: Tensor) -> float:
    return sum(
        float((points[clusters == g] - points[clusters == g].mean(0)).square().sum())
        for g in clusters.unique()
    )


@pytest.mark.parametrize(("count", "features"), [(2, 3), (3, 200), (5, 3)])
def test_as_good_as_another_implementation(count: int, features: int) -> None:
    points = random(40, features, seed=1) + 3 * (torch.arange(40) % count).unsqueeze(1)
    theirs = KMeans(count, n_init=20, random_state=0).fit(points.numpy()).inertia_
    assert inertia(points, k_means(points, count)) <= theirs * (1 + 1e-9)


def test_clusters_far_from_the_origin_are_found_in_single_precision() -> None:
    points = 1000.0 + 0.01 * random(20, 50).float() + 0.1 * (torch.arange(20) % 2).unsqueeze(1)
    found = k_means(points, 2).numpy()
    assert len(np.unique(found[::2])) == len(np.unique(found[1::2])) == 1
    assert found[0] != found[1]


def test_equal_points_and_a_cluster_for_each_point() -> None:
    assert (k_means(torch.ones(4, 3), 2) < 2).all()
    assert len(k_means(random(4, 3), 4).unique()) == 4
