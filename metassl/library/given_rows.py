"""The sampler of one task whose items are given, so that such a task is built as drawn ones are.

Legend: S support, U unlabelled, Q query, K outputs (N classes, or the values of an item).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metassl.data.drawing.draw import Draw
from metassl.data.drawing.random_numbers import RandomNumbers


@dataclass(frozen=True)
class GivenRows:
    """Says which of the given items are support, unlabelled and queries; nothing of them is drawn.

    Attributes:
        support, unlabelled, queries: [S, ...], [U, ...] and [Q, ...] items of one form.
        y: labels of the support: [S] places of classes, or [S, K] values.
        outputs: K.
        seed: of the random views and numbers.
    """

    support: NDArray[Any]
    y: NDArray[Any]
    unlabelled: NDArray[Any]
    queries: NDArray[Any]
    outputs: int
    seed: int

    padded = False

    @property
    def count(self) -> int:
        """0: the draw brings its own items."""
        return 0

    def __call__(self, episodes: Sequence[int] | range) -> Draw:
        """The draw of the one task."""
        parts = (self.support, self.unlabelled, self.queries)
        items = np.concatenate(parts)
        edges = np.cumsum([len(part) for part in parts])[:-1]
        s, u, q = np.split(np.arange(len(items))[None], edges, axis=1)
        places = np.arange(self.outputs)[None]
        return Draw(
            s, self.y[None], _all(s), q, self._unknown(q), _all(q), u, self._unknown(u), _all(u),
            outer=u[:, :0], outer_y=self._unknown(u[:, :0]), outer_weight=_all(u[:, :0]),
            distractor=np.zeros(u.shape, dtype=bool),
            class_mask=places >= 0, class_ids=places, classes=places,
            generators=RandomNumbers(self.seed, "test", range(1)),
            items=items,
        )  # fmt: skip

    def _unknown(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Labels in the form of the support's, which say nothing."""
        return np.zeros((*rows.shape, *self.y.shape[1:]), dtype=self.y.dtype)


def _all(rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """No row is padding."""
    return np.ones(rows.shape, dtype=bool)
