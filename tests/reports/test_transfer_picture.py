"""Tasks in a plane by their distances to what is known."""

import numpy as np
import pytest

from metassl.reports.transfer import plane


def test_tasks_of_two_families_lie_apart() -> None:
    near, far = np.array([0.1, 1.0, 1.0]), np.array([1.0, 0.1, 1.0])
    noise = np.exp(0.1 * np.random.default_rng(0).normal(size=(40, 3)))
    places = plane(np.where(np.arange(40)[:, None] < 20, near, far) * noise)
    assert places.shape == (40, 2)
    left, right = places[:20, 0], places[20:, 0]
    assert max(left.max(), right.max()) - min(left.min(), right.min()) > 3
    assert left.max() < right.min() or right.max() < left.min()


def test_distances_in_the_plane_are_those_of_the_logarithms() -> None:
    d = np.exp(np.random.default_rng(1).normal(size=(5, 2)))
    places, logs = plane(d), np.log(d)
    assert np.linalg.norm(places[0] - places[3]) == pytest.approx(np.linalg.norm(logs[0] - logs[3]))


def test_one_start_and_infinite_distances() -> None:
    places = plane(np.array([[1.0], [np.inf], [2.0]]))
    assert np.isfinite(places).all()
    assert not places[:, 1].any()
