"""Feature spaces in which one thing tells the classes apart, and how well labels of U do there.

Legend: N way, S support, U unlabelled, D features.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from metassl.ssl.base import SSLObjective
from metassl.ssl.context import Context
from tests.support.contexts import WAY, context
from tests.support.numbers import random


@dataclass(frozen=True)
class Space:
    """Features of one image a class and of U, with U's labels (-1 for a distractor)."""

    s: Tensor
    u: Tensor
    y: Tensor
    classes: Tensor = field(default_factory=lambda: torch.arange(WAY))

    def shown(self, **changes: object) -> Context:
        """The task as an objective sees it; by default the predictor is the nearest prototype."""
        options = {"logits": self.nearest, "support_y": self.classes, **changes}
        return context({"plain": self.u}, self.s, **options)  # type: ignore[arg-type]

    def nearest(self, z: Tensor, params: object = None) -> Tensor:
        """[n, N] minus the squared distance to each class's image."""
        return -(torch.cdist(z, self.s) ** 2)

    def accuracy(self, objective: SSLObjective, **changes: object) -> float:
        """Share of the task's own images of U that get their label."""
        labels = objective.label(self.shown(**changes))
        assert labels is not None
        own = self.y >= 0
        return float((labels.q.argmax(-1) == self.y)[own].double().mean())


def chains(length: int = 20) -> Space:
    """Three long classes side by side: an image's next neighbour is of its class, its prototype is far."""
    along = torch.linspace(0.4, 6, length).double()
    y = torch.arange(WAY).repeat_interleave(length)
    away = 1.6 * torch.arange(WAY).double()
    u = torch.stack((along.repeat(WAY), away[y]), dim=-1) + 0.05 * random(len(y), 2, seed=6)
    # the prototype of a class lies at another end than that of the next one
    u[:, 0] = torch.where(y % 2 == 0, u[:, 0], 6 - u[:, 0])
    s = torch.stack((torch.tensor([0.0, 6, 0]).double(), away), dim=-1)
    return Space(s, u, y)


def clouds(sizes: tuple[int, ...] = (10, 10, 10), apart: float = 3.0, spread: float = 1.0, dims: int = 8,
           shift: float = 1.0, foreign: int = 0, seed: int = 6) -> Space:  # fmt: skip
    """Round classes of U of these sizes; S lies `shift` off their centres, `foreign` images everywhere."""
    y = torch.repeat_interleave(torch.arange(WAY), torch.tensor(sizes))
    centres = apart * torch.eye(WAY, dims).double()
    u = centres[y] + spread * random(len(y), dims, seed=seed)
    away = 2.5 * apart * random(foreign, dims, seed=seed + 2) / dims**0.5
    s = centres + shift * random(WAY, dims, seed=seed + 1)
    return Space(s, torch.cat((u, away)), torch.cat((y, torch.full((foreign,), -1))))


def prototype_error(
    space: Space, objective: SSLObjective | None, weigh: Callable[[Tensor], Tensor] | None = None
) -> float:
    """Mean distance of the prototypes of S ∪ (U, labels) to the means of U's own images."""
    own = torch.stack([space.u[space.y == c].mean(0) for c in range(WAY)])
    p, mass = space.s.clone(), torch.ones(WAY, 1).double()
    if objective is not None:
        labels = objective.label(space.shown())
        assert labels is not None
        each = (labels.q * labels.weight.unsqueeze(-1)).detach()
        p, mass = p + each.T @ space.u, mass + each.sum(0).unsqueeze(-1)
    return float((p / mass - own).norm(dim=-1).mean())
