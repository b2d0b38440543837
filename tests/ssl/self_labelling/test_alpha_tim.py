"""α-TIM's classifier against torch's own Adam, and what its entropies do where classes of U differ in size."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.errors import ConfigError
from metassl.ssl.self_labelling.alpha_tim import AlphaTIM
from tests.support.contexts import WAY, D, S, U, context
from tests.support.numbers import random


def turned(s: Tensor, u: Tensor, weight: Tensor) -> list[Tensor]:
    """Directions from the weighted mean of S and U."""
    middle = (s.sum(0) + weight @ u) / (len(s) + weight.sum())
    return [F.normalize(x - middle, dim=-1) for x in (s, u)]


def by_torch(objective: AlphaTIM, s: Tensor, u: Tensor, weight: Tensor) -> Tensor:
    """The posteriors of U after steps of torch.optim.Adam on the loss as the authors write it."""
    y = torch.arange(S) % WAY
    s, u = turned(s, u, weight)
    w = torch.stack([s[y == c].mean(0) for c in range(WAY)]).requires_grad_()
    a, t, share = objective.alpha, objective.temperature, weight / weight.sum()
    adam = torch.optim.Adam([w], lr=objective.step_size)
    for _ in range(objective.steps):
        p = (-t / 2 * torch.cdist(u, w) ** 2).softmax(-1)
        loss = F.cross_entropy(-t / 2 * torch.cdist(s, w) ** 2, y)
        loss = loss - objective.marginal_weight * (1 - ((share @ p) ** a).sum()) / (a - 1)
        loss = loss + objective.conditional_weight * share @ ((1 - (p**a).sum(-1)) / (a - 1))
        adam.zero_grad()
        loss.backward()
        adam.step()
    return (-t / 2 * torch.cdist(u, w.detach()) ** 2).softmax(-1)


@pytest.mark.parametrize("alpha", [2.0, 7.0])
def test_labels_against_torchs_adam(alpha: float) -> None:
    objective = AlphaTIM(alpha, marginal_weight=0.8, conditional_weight=0.3, step_size=0.01, steps=30)
    s, u, weight = random(S, D, seed=3), random(U, D, seed=4), torch.linspace(0.3, 1, U).double()
    labels = objective.label(context({"plain": u}, s, weight=weight))
    torch.testing.assert_close(labels.q, by_torch(objective, s, u, weight), rtol=1e-6, atol=1e-8)
    assert not labels.q.requires_grad


def test_without_steps_it_is_the_prototypes_and_their_scale_means_nothing() -> None:
    s, u = random(S, D, seed=3), random(U, D, seed=4)
    q = AlphaTIM(steps=0).label(context({"plain": u}, s)).q
    z_s, z = turned(s, u, torch.ones(U).double())
    p = z_s.view(-1, WAY, D).mean(0)
    torch.testing.assert_close(q, (-7.5 * torch.cdist(z, p) ** 2).softmax(-1))
    torch.testing.assert_close(AlphaTIM(steps=0).label(context({"plain": 9 * u}, 9 * s)).q, q)


def crowd(large: int, small: int) -> tuple[Tensor, Tensor, Tensor]:
    """S, U and U's labels: a large class, and two small ones, near enough to be mixed up."""
    y = torch.tensor([0] * large + [1] * small + [2] * small)
    centres = torch.eye(WAY, 8).double() + 0.7
    u = centres[y] + 0.3 * random(len(y), 8, seed=6)
    return centres + 0.1 * random(WAY, 8, seed=7), u, y


def right(objective: AlphaTIM, s: Tensor, u: Tensor, y: Tensor) -> float:
    q = objective.label(context({"plain": u}, s, support_y=torch.arange(WAY))).q
    return float((q.argmax(-1) == y).double().mean())


def test_mechanism_a_large_alpha_leaves_unequal_classes_their_sizes() -> None:
    """24, 3 and 3 images: the marginal term of α = 1 (TIM's weights) moves images of the large class."""
    s, u, y = crowd(24, 3)
    options = {"conditional_weight": 0.1, "step_size": 0.01, "steps": 100}
    one, two = (right(AlphaTIM(alpha, **options), s, u, y) for alpha in (1.0, 7.0))  # type: ignore[arg-type]
    assert two > one + 0.15


def test_bad_numbers_are_one_line() -> None:
    for key in ("alpha", "temperature", "step_size"):
        with pytest.raises(
            ConfigError, match=rf"^ssl.objective.{key}: found 0.0, allowed is a number above 0.$"
        ):
            AlphaTIM(**{key: 0.0})  # type: ignore[arg-type]
