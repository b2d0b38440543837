"""The ring of stored tasks, and the weights of the nearest."""

import numpy as np
import pytest
import torch
from torch import Tensor

from metassl.learners.retrieval.distance import TaskSet
from metassl.learners.retrieval.memory import TaskMemory, neighbour_weights
from tests.support.numbers import random

USED = torch.tensor([True, True, False, True, True])
D = torch.tensor([0.7, 0.2, 0.0, 1.5, 0.4]).double()


@pytest.mark.parametrize("neighbours", [1, 2, 3, None, 9])
def test_weights_against_numpy(neighbours: int | None) -> None:
    live = [0, 1, 3, 4]
    d = D.numpy()
    nearest = sorted(live, key=lambda j: d[j])[: neighbours or 4]
    raw = {j: np.exp(-d[j] / (0.3 * d[live].mean())) for j in nearest}
    expected = [raw.get(j, 0.0) / sum(raw.values()) for j in range(5)]
    np.testing.assert_allclose(neighbour_weights(D, USED, neighbours, 0.3).numpy(), expected, rtol=1e-12)


def test_nearest_alone_counts_one() -> None:
    assert neighbour_weights(D, USED, 1, 0.1).tolist() == [0, 1, 0, 0, 0]


def test_equal_distances_give_the_mean_of_all() -> None:
    found = neighbour_weights(torch.zeros(5).double(), USED, 2, 0.1)
    np.testing.assert_allclose(found, [0.25, 0.25, 0, 0.25, 0.25])


def test_temperature_does_not_depend_on_the_unit_of_the_distance() -> None:
    found = [neighbour_weights(D * unit, USED, 3, 0.2) for unit in (1.0, 1e4)]
    torch.testing.assert_close(*found)


def test_empty_memory_has_no_weights_and_no_nan() -> None:
    d = torch.full((5,), float("nan")).double()
    assert not neighbour_weights(d, torch.zeros(5, dtype=torch.bool), 2, 0.1).any()


def test_weights_have_the_slope_of_the_softmax() -> None:
    """Of the distances; the mean distance is a constant. Empty places get no gradient."""
    scale = D[USED].mean()

    def weights(d: Tensor) -> Tensor:
        return neighbour_weights(d, USED, None, 0.3)

    w = weights(D)
    expected = -(torch.diag(w) - w.outer(w)) / (0.3 * scale)
    torch.testing.assert_close(torch.autograd.functional.jacobian(weights, D), expected)


def task(k: int) -> TaskSet:
    return TaskSet(random(4, 2, seed=k), random(4, seed=k), random(4, seed=k), random(3, seed=k))


def test_ring_keeps_the_last() -> None:
    memory = TaskMemory(size=3, items=4, features=2, summary=3, parameters=6).double()
    places = {name: buffer.data_ptr() for name, buffer in memory.named_buffers()}
    for k in range(5):
        assert memory.count == min(k, 3)
        memory.write(task(k), random(6, seed=k))
    assert memory.used.all()
    for place, k in enumerate((3, 4, 2)):
        assert torch.equal(memory.delta[place], random(6, seed=k))
        assert torch.equal(memory.tasks().rows[place], task(k).rows)
        assert torch.equal(memory.tasks().summary[place], task(k).summary)
    # in place: the copies that the engine's workers hold see the same memory
    assert {name: buffer.data_ptr() for name, buffer in memory.named_buffers()} == places


def test_state_survives_a_checkpoint() -> None:
    one, two = (TaskMemory(3, 4, 2, 3, 6).double() for _ in range(2))
    for k in range(4):
        one.write(task(k), random(6, seed=k))
    two.load_state_dict(one.state_dict())
    for memory in (one, two):
        memory.write(task(9), random(6, seed=9))
    assert all(torch.equal(a, b) for a, b in zip(one.buffers(), two.buffers(), strict=True))
    assert two.written == 5
