"""What a task asks of a rating: its value, or whether the user likes the item.

Legend: T tasks, n ratings, K outputs.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from metassl.data.recommendation.parsed import Floats, Ints
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import Classification
from metassl.outcomes.values import Values

Labelled = NDArray[np.generic]


class Labels(Protocol):
    """Makes labels of ratings."""

    @property
    def outcomes(self) -> tuple[type[Outcome], ...]:
        """What tasks with such labels can ask for."""
        ...

    @property
    def outputs(self) -> int:
        """K."""
        ...

    def __call__(self, value: Floats) -> Labelled:
        """[T, n] ratings -> labels."""
        ...

    def unknown(self, shape: tuple[int, ...]) -> Labelled:
        """Labels of [T, n] items of which nobody knows any."""
        ...

    def kinds(self, value: Floats) -> Ints:
        """[n] what a support has to have some of each of, where the user has; all 0: nothing."""
        ...


@dataclass(frozen=True)
class Stars:
    """A rating less the mean of all that training sees."""

    outcomes: ClassVar[tuple[type[Outcome], ...]] = (Values,)
    outputs: ClassVar[int] = 1
    mean: float

    def __call__(self, value: Floats) -> Labelled:
        """[T, n, 1] values."""
        return (value - self.mean).astype(np.float32)[..., None]

    def unknown(self, shape: tuple[int, ...]) -> Labelled:
        """[T, n, 1] of no meaning."""
        return np.zeros((*shape, 1), np.float32)

    def kinds(self, value: Floats) -> Ints:
        """All alike."""
        return np.zeros(len(value), np.int64)


@dataclass(frozen=True)
class Likes:
    """Whether a rating is `least` or more: class 1, else 0."""

    outcomes: ClassVar[tuple[type[Outcome], ...]] = (Classification,)
    outputs: ClassVar[int] = 2
    least: float

    def __call__(self, value: Floats) -> Labelled:
        """[T, n] classes."""
        return (value >= self.least).astype(np.int64)

    def unknown(self, shape: tuple[int, ...]) -> Labelled:
        """[T, n] of -1."""
        return np.full(shape, -1)

    def kinds(self, value: Floats) -> Ints:
        """The classes."""
        return (value >= self.least).astype(np.int64)
