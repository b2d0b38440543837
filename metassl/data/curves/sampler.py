"""Which points of which curve make up episode i: a pure function of (seed, split, i).

Legend: T episodes drawn at once, S support, Q query, U unlabelled, n points, d inputs of a point, F families.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from metassl.data.curves.families import Family
from metassl.data.curves.spec import PointSpec
from metassl.data.drawing.draw import Draw
from metassl.data.drawing.random_numbers import RandomNumbers, below

# Each thing that is random has a lane of its own, so that S and Q stay when U changes.
FAMILY, PARAMETERS, SIZES, SUPPORT, QUERY, UNLABELLED, OUTER = range(1, 8)
NOISE = 10  # lanes of the noise of SUPPORT and so on, after theirs
MOST = 8  # parameters of a family


@dataclass(frozen=True)
class Points:
    """Points of T curves: inputs [T, n, d], values [T, n, 1], and [T, n] which are there."""

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray


class CurveSampler:
    """Draws a curve for each episode, and points on it.

    Args:
        families: to draw from, each as likely.
        numbers: [F] index of each family in the whole source.
        span: [low, high] of the inputs, uniform.
        inputs: d.
        noise: standard deviation of what is added to each value.
        unread: what the inputs are that a family doesn't read; None: uniform as the others.
        spec: the make-up of an episode.
        seed: of the episodes.
        split: train, val or test.
        outer: whether each episode needs a second set of unlabelled points.
    """

    def __init__(
        self,
        families: Sequence[Family],
        numbers: Sequence[int],
        span: tuple[float, float],
        inputs: int,
        noise: float,
        unread: float | None,
        spec: PointSpec,
        seed: int,
        split: str,
        outer: bool,
    ) -> None:
        self.families, self.numbers = families, np.asarray(numbers)
        self.span, self.inputs, self.noise, self.unread = span, inputs, noise, unread
        self.spec = spec
        self.seed, self.split, self.outer = seed, split, outer

    @property
    def padded(self) -> bool:
        """Whether the number of labelled points varies."""
        return not self.spec.shot.fixed

    @property
    def count(self) -> int:
        """0: each draw brings its own points."""
        return 0

    def __call__(self, episodes: Sequence[int] | range) -> Draw:
        """The draw of the episodes with these numbers; rows are of its own items, episode after episode."""
        spec, numbers = self.spec, RandomNumbers(self.seed, self.split, episodes)
        family = below(numbers.uniform(FAMILY, 1)[:, 0], len(self.families))
        parameters = numbers.uniform(PARAMETERS, MOST)
        shot = spec.shot.within(numbers.uniform(SIZES, 0 if spec.shot.fixed else 1))

        def points(lane: int, count: int) -> Points:
            return self._points(numbers, lane, count, family, parameters)

        support, query = points(SUPPORT, spec.shot.high), points(QUERY, spec.queries)
        support = Points(support.x, support.y, np.arange(spec.shot.high) < shot[:, None])
        free = query if spec.transductive else points(UNLABELLED, spec.unlabelled)
        outer = points(OUTER, spec.unlabelled if self.outer else 0)
        parts = support, query, free, outer
        each = sum(part.x.shape[1] for part in parts)
        rows = np.arange(len(episodes) * each).reshape(len(episodes), each)
        places = np.split(rows, np.cumsum([part.x.shape[1] for part in parts])[:-1], axis=1)
        columns = [(row, part.y, part.weight) for row, part in zip(places, parts, strict=True)]
        return Draw(
            *columns[0], *columns[1], *columns[2], *columns[3],
            distractor=np.zeros(places[2].shape, bool),
            class_mask=np.ones((len(episodes), 1), bool),
            class_ids=self.numbers[family][:, None],
            classes=np.zeros((len(episodes), 1), np.int64),  # the family is for the oracle alone
            generators=numbers,
            items=np.concatenate([part.x for part in parts], axis=1).reshape(-1, self.inputs),
            family=self.numbers[family],
        )  # fmt: skip

    def _points(
        self, numbers: RandomNumbers, lane: int, count: int, family: np.ndarray, parameters: np.ndarray
    ) -> Points:
        low, high = self.span
        u = numbers.uniform(lane, count * self.inputs).reshape(len(family), count, self.inputs)
        x = low + (high - low) * u
        y = np.zeros(x.shape[:2])
        for k, kind in enumerate(self.families):
            own = family == k
            if self.unread is not None:
                x[own, :, kind.reads(self.inputs) :] = self.unread
            y[own] = kind.value(kind.parameters(parameters[own]), x[own])
        if self.noise:
            y += self.noise * ndtri(numbers.uniform(NOISE + lane, count).clip(1e-9, 1 - 1e-9))
        weight = np.ones(y.shape, bool)
        return Points(x.astype(np.float32), y.astype(np.float32)[..., None], weight)
