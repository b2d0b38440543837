"""The sampler of one task whose items are given, so that such a task is built as drawn ones are.

Legend: N way, S support, U unlabelled, Q query.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metassl.data.drawing.draw import Draw
from metassl.data.drawing.random_numbers import RandomNumbers
from metassl.data.pool import Pool
from metassl.data.sampler import EpisodeSampler
from metassl.data.spec import EpisodeSpec, Range


class GivenRows(EpisodeSampler):
    """Says which of the given items are support, unlabelled and queries; nothing of them is drawn.

    Args:
        support, unlabelled, queries: [S, ...], [U, ...] and [Q, ...] items of one form.
        y: [S] labels of the support, 0..N-1, each of them there.
        seed: of the random views and numbers.
    """

    def __init__(
        self,
        support: NDArray[Any],
        y: NDArray[Any],
        unlabelled: NDArray[Any],
        queries: NDArray[Any],
        seed: int,
    ) -> None:
        # without EpisodeSampler's own, which prepares for drawing
        none, way = np.zeros(0, dtype=np.int64), int(y.max()) + 1
        self.pool = Pool(np.concatenate((support, unlabelled, queries)), none, none, (), none)
        self.spec = EpisodeSpec(Range(way, way), Range(1, 1), 1, 0, 0, 0, 1.0, True, False, 1.0, 0)
        edges = np.cumsum((len(support), len(unlabelled)))
        s, u, q = np.split(np.arange(len(self.pool.items))[None], edges, axis=1)
        places, unknown = np.arange(way)[None], np.full_like(u, -1)
        self.draw = Draw(
            s, y[None].astype(np.int64), _all(s), q, np.zeros_like(q), _all(q), u, unknown, _all(u),
            outer=u[:, :0], outer_y=u[:, :0], outer_weight=_all(u[:, :0]),
            class_mask=places >= 0, class_ids=places, classes=places,
            generators=RandomNumbers(seed, "test", range(1)),
        )  # fmt: skip

    def __call__(self, episodes: Sequence[int] | NDArray[np.int64]) -> Draw:
        """The draw of the one task."""
        return self.draw


def _all(rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """No row is padding."""
    return np.ones(rows.shape, dtype=bool)
