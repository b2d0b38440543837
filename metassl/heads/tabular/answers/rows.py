"""The rows of a task as plain classifiers want them.

Legend: n rows (labelled and unlabelled), m items, N way, D columns.
"""

from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from metassl.numerics.geometry import centre, squared_distances

TINY = 1e-12
CONSTANT = 1e-4  # deviation up to which a column is of one value


class Items(NamedTuple):
    """Rows by two scales, and how far they are from the context's.

    z [m, D] less the context's mean; x [m, D] that over its deviations; apart [m, n] squared distances by z.
    """

    z: Tensor
    x: Tensor
    apart: Tensor


class Rows(NamedTuple):
    """The context of a task.

    items: of the n rows; y [n, N] labels that sum to 1, or 0 for a row without one; a [n] how much each label
    counts; w [n] how much each row counts; prior [N] share of each class among the labels; live [N] 1 for a
    class that has labels; mean, deviation [D]; spread: mean squared distance of two rows by z.
    """

    items: Items
    y: Tensor
    a: Tensor
    w: Tensor
    prior: Tensor
    live: Tensor
    mean: Tensor
    deviation: Tensor
    spread: Tensor

    @property
    def mass(self) -> Tensor:
        """[n, N] how much each row's label counts for each class."""
        return self.y * self.a.unsqueeze(-1)

    def place(self, z: Tensor) -> Items:
        """Items [m, D] in the units of the context."""
        shifted = z - self.mean
        return Items(shifted, scaled(shifted, self.deviation), squared_distances(shifted, self.items.z))


class Answer(Protocol):
    """A plain classifier, or several of one kind (A of them)."""

    count: int

    def fit(self, rows: Rows) -> tuple[Tensor, Any]:
        """[A, n, N] logits of the context's own rows, of a labelled one without its label; and the state."""
        ...

    def ask(self, state: Any, items: Items) -> Tensor:
        """[A, m, N] logits."""
        ...


def rows_of(z: Tensor, q: Tensor, w: Tensor) -> Rows:
    """The context of features z [n, D], labels q [n, N] (rows of 0: none) and weights w [n]."""
    q, w = q.to(z.dtype), w.to(z.dtype)
    labelled = q.sum(-1)
    y, a = q / labelled.clamp(min=TINY).unsqueeze(-1), w * labelled
    mass = (y * a.unsqueeze(-1)).sum(0)
    mean = centre(z, w)
    shifted = (z - mean) * (w > 0).unsqueeze(-1)
    variance = centre(shifted.square(), w)
    deviation = torch.where(variance > CONSTANT**2, variance.clamp(min=CONSTANT**2).sqrt(), 0.0)
    spread = 2 * variance.sum()
    return Rows(
        items=Items(shifted, scaled(shifted, deviation), squared_distances(shifted, shifted)),
        y=y,
        a=a,
        w=w,
        prior=mass / mass.sum().clamp(min=TINY),
        live=(mass > 0).to(z.dtype),
        mean=mean,
        deviation=deviation,
        spread=spread.clamp(min=TINY),
    )


def scaled(shifted: Tensor, deviation: Tensor) -> Tensor:
    """Each column over its deviation; one of a single value is 0."""
    return torch.where(deviation > 0, shifted / deviation.clamp(min=CONSTANT), 0.0)


def without_itself(distances: Tensor, present: Tensor) -> Tensor:
    """Makes the distance [n, n] of a row to itself, and to rows that are not present [n], infinite."""
    itself = torch.eye(len(distances), dtype=torch.bool, device=distances.device)
    return torch.where(itself | ~present.unsqueeze(0), torch.inf, distances)


def only_live(logits: Tensor, live: Tensor) -> Tensor:
    """Logits [..., N] with next to nothing for classes that have no labels."""
    return torch.where(live > 0, logits, -1e4)
