"""PADDLE against loops, as EM with learned weights, and what λ does."""

import numpy as np
import pytest
import torch
from torch import Tensor

from metassl.errors import ConfigError
from metassl.ssl.self_labelling.paddle import Paddle
from tests.support.contexts import WAY, D, S, U, context
from tests.support.numbers import close, random, softmax

T = 5.0


def naive(s: np.ndarray, u: np.ndarray, w: np.ndarray, complexity: float, iterations: int) -> np.ndarray:
    middle, y = (s.sum(0) + w @ u) / (len(s) + w.sum()), np.arange(len(s)) % WAY
    s, u = ((x - middle) / np.linalg.norm(x - middle, axis=1, keepdims=True) for x in (s, u))
    means, log_part = np.stack([s[y == c].mean(0) for c in range(WAY)]), np.zeros(WAY)
    for _ in range(iterations):
        q = softmax(
            np.array([[-T / 2 * ((h - m) ** 2).sum() for m in means] for h in u]) + complexity * log_part
        )
        log_part = np.log((w[:, None] * q).sum(0) / w.sum() + 1e-6)
        for c in range(WAY):
            mass = (y == c).sum() + (w * q[:, c]).sum()
            means[c] = (s[y == c].sum(0) + (w * q[:, c]) @ u) / mass
    return q


@pytest.mark.parametrize(("complexity", "iterations"), [(1.0, 1), (1.0, 7), (2.5, 7), (0.0, 4)])
def test_against_numpy(complexity: float, iterations: int) -> None:
    s, u, weight = random(S, D, seed=3), random(U, D, seed=4), torch.linspace(0.3, 1, U).double()
    labels = Paddle(complexity, T, iterations).label(context({"plain": u}, s, weight=weight))
    close(labels.q, naive(s.numpy(), u.numpy(), weight.numpy(), complexity, iterations))
    assert not labels.q.requires_grad


def crowd() -> tuple[Tensor, Tensor, Tensor]:
    """S, U of 24 and 3 images of two classes and none of the third, and U's labels."""
    y = torch.tensor([0] * 24 + [1] * 3)
    centres = 2.5 * torch.eye(WAY, 40).double()
    return centres.clone(), centres[y] + 0.8 * random(len(y), 40, seed=6), y


def test_mechanism_the_partitions_length_gives_up_a_class_that_has_no_image() -> None:
    """λ = 0 is soft k-means, which finds images of every class alike; λ = 1 of those that are there."""
    s, u, y = crowd()
    q = [
        Paddle(complexity, 15.0, 50).label(context({"plain": u}, s, support_y=torch.arange(WAY))).q
        for complexity in (0.0, 1.0)
    ]
    right = [float((each.argmax(-1) == y).double().mean()) for each in q]
    assert right[1] > right[0] + 0.3
    assert q[1][:, 2].mean() < 0.5 * q[0][:, 2].mean()


@pytest.mark.parametrize(("key", "value"), [("complexity", -1.0), ("temperature", 0.0), ("iterations", 0)])
def test_bad_numbers_are_one_line(key: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"^ssl.objective.{key}: found {value}, allowed is .*\.$"):
        Paddle(**{key: value})  # type: ignore[arg-type]
