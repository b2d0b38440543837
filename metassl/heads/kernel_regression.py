"""Values by the labelled rows that are near: what prototypes and attention are where there are no classes.

Legend: n labelled rows, m items, K values of an item, D features.
"""

from collections.abc import Callable
from functools import singledispatch
from typing import NamedTuple

from torch import Tensor

from metassl.heads.base import Head
from metassl.numerics.geometry import squared_distances, unit
from metassl.numerics.precision import full_precision
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import Classification
from metassl.outcomes.values import Values

TINY = 1e-30  # as a weight in the softmax: e^-69, next to nothing
Similarity = Callable[[Tensor, Tensor], Tensor]
"""(z [m, D], rows [n, D]) -> [m, n] how near each item is to each row."""


def minus_squared_distances(z: Tensor, rows: Tensor) -> Tensor:
    """Says that an item is near a row when its features are. [m, n] -‖z_j - z_i‖²."""
    return -squared_distances(z, rows)


def cosines(z: Tensor, rows: Tensor, scale: float) -> Tensor:
    """Says that an item is near a row when their features point the same way: [m, n] s·cos(z_j, z_i)."""
    return scale * (unit(z) @ unit(rows).T)


class ValuedRows(NamedTuple):
    """The labelled rows: features z [n, D], values q [n, K], weights w [n]."""

    z: Tensor
    q: Tensor
    w: Tensor


class KernelRegression(Head):
    """Predicts an input's values as the mean of the labelled values, the nearer the more.

    f(x_j) = Σ_i w_i k(z_j, z_i) y_i / Σ_i w_i k(z_j, z_i), k = exp(similarity).

    Source: Nadaraya 1964; Watson 1964, with the kernel on learned features.

    Args:
        similarity: of items and rows.
    """

    outcomes = (Values,)

    def __init__(self, similarity: Similarity) -> None:
        super().__init__()
        self.similarity = similarity

    def fit(self, z: Tensor, q: Tensor, w: Tensor) -> ValuedRows:
        """The rows themselves."""
        return ValuedRows(z, q.to(z.dtype), w.to(z.dtype))

    @full_precision
    def logits(self, state: ValuedRows, z: Tensor) -> Tensor:
        """[m, K] values."""
        return (self.similarity(z, state.z) + state.w.clamp(min=TINY).log()).softmax(-1) @ state.q


@singledispatch
def role_of(outcome: Outcome, of_classes: Head, of_values: Head) -> Head:
    """Of two heads that do the same for classes and for values, the one for this outcome."""
    raise NotImplementedError(type(outcome).__name__)


@role_of.register
def _(outcome: Classification, of_classes: Head, of_values: Head) -> Head:
    return of_classes


@role_of.register
def _(outcome: Values, of_classes: Head, of_values: Head) -> Head:
    return of_values
