"""Which images make up episode i: a pure function of (seed, split, i).

Legend: T episodes drawn at once, N way, H distractor classes, S support, U unlabelled, Q queries,
C classes of the split, I images of the largest class.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from metassl.data.labels import labelled_images
from metassl.data.pool import Pool
from metassl.data.sizes import check_sizes
from metassl.data.spec import EpisodeSpec
from metassl.data.streams import Streams, below, pick_distinct


@dataclass(frozen=True)
class Draw:
    """Rows of the pool's items for T episodes, with labels and padding.

    Attributes:
        support, support_y, support_weight: [T, S]; query, ...: [T, Q].
        unlabelled, unlabelled_y, unlabelled_weight: [T, U]; unlabelled_y is -1 for distractors.
        outer, outer_y, outer_weight: [T, U2], a second set of the same make-up (or U2 = 0).
        class_mask: [T, N]; class_ids: [T, N] index of each class in the whole source; classes: [T, N]
            its number among the classes of the split.
        generators: one for each episode, for whatever else is random in it (the views).
    """

    support: np.ndarray
    support_y: np.ndarray
    support_weight: np.ndarray
    query: np.ndarray
    query_y: np.ndarray
    query_weight: np.ndarray
    unlabelled: np.ndarray
    unlabelled_y: np.ndarray
    unlabelled_weight: np.ndarray
    outer: np.ndarray
    outer_y: np.ndarray
    outer_weight: np.ndarray
    class_mask: np.ndarray
    class_ids: np.ndarray
    classes: np.ndarray
    generators: Sequence[Generator]


class EpisodeSampler:
    """Draws episodes of one split, many at a time.

    Args:
        pool: the classes of the split.
        spec: the make-up of an episode.
        seed: of the episodes.
        split: train, val or test.
        outer: whether each episode needs a second set of unlabelled images.

    Raises:
        ConfigError: the split has too few classes or a class too few images; says which.
    """

    def __init__(self, pool: Pool, spec: EpisodeSpec, seed: int, split: str, outer: bool = False) -> None:
        self.pool, self.spec, self.seed, self.split = pool, spec, seed, split
        self.sets = 2 if outer else 1
        self.labelled = labelled_images(pool.counts, spec.label_ratio, spec.label_seed)
        check_sizes(pool, self.labelled, spec, self.sets, split)
        self.classes = spec.way.high + spec.distractors
        self._exists = np.arange(self.labelled.shape[1]) < pool.counts[:, None]
        self._places = _unlabelled_places(spec)

    def __call__(self, episodes: Sequence[int] | np.ndarray) -> Draw:
        """The draw of the episodes with these numbers."""
        spec = self.spec
        generators = Streams(self.seed, self.split, episodes)
        way, shot, chosen, keys, order_q, order_u = self._numbers(generators)

        known, free = self._ranked_images(chosen, keys)  # [T, N, S/N + Q/N], [T, N + H, sets * M]
        s_each, n = spec.shot.high, spec.way.high
        labels = np.arange(n)
        present = labels < way[:, None]  # [T, N]
        support, query = known[:, :, :s_each], known[:, :, s_each:]
        support_weight = present[:, :, None] & (np.arange(s_each) < shot[:, None, None])
        query_weight = np.broadcast_to(present[:, :, None], query.shape)

        rows = np.arange(len(episodes))[:, None]
        query, query_weight = _flat(query)[rows, order_q], _flat(query_weight)[rows, order_q]
        query_y = np.repeat(labels, spec.queries)[order_q]
        unlabelled = self._unlabelled(free, chosen, present, (support, query), order_u, generators)
        if spec.transductive:
            unlabelled = [(query, query_y, query_weight)] * self.sets + unlabelled[self.sets :]
        (u, u_y, u_weight), (o, o_y, o_weight) = unlabelled
        return Draw(
            _flat(support),
            np.broadcast_to(np.repeat(labels, s_each), (len(episodes), n * s_each)),
            _flat(support_weight),
            query, query_y, query_weight, u, u_y, u_weight, o, o_y, o_weight,
            present,
            self.pool.class_ids[chosen[:, :n]],
            chosen[:, :n],
            generators,
        )  # fmt: skip

    def _numbers(self, streams: Streams) -> tuple[np.ndarray, ...]:
        """What is random in each episode: way, shot, classes, keys that rank images, orders of Q and U.

        Each has a lane of its own, so that S and Q stay what they are when U or its distractors change.
        """
        spec, images, u = self.spec, self.labelled.shape[1], len(self._places)
        counts = (2, spec.way.high, spec.distractors, spec.way.high * images, spec.distractors * images)
        sizes, own, strange, own_keys, strange_keys = (streams.uniform(k, n) for k, n in enumerate(counts, 1))
        orders = (streams.uniform(6, spec.way.high * spec.queries), streams.uniform(7, 2 * u))
        keys = np.concatenate((own_keys, strange_keys), axis=1)
        return (
            spec.way.low + below(sizes[:, 0], spec.way.high - spec.way.low + 1),
            spec.shot.low + below(sizes[:, 1], spec.shot.high - spec.shot.low + 1),
            pick_distinct(np.concatenate((own, strange), axis=1), len(self.pool.counts)),
            keys.reshape(len(streams), self.classes, images),
            orders[0].argsort(axis=1),
            orders[1].reshape(len(streams), 2, u).argsort(axis=2),
        )

    def _ranked_images(self, chosen: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows for S and Q of each task class, and rows for U of each class, all distinct."""
        spec, n = self.spec, self.spec.way.high
        known_each = spec.shot.high + spec.queries
        free_each = self.sets * spec.most_unlabelled
        starts = self.pool.starts[chosen][:, :, None]
        keys = np.where(self._exists[chosen], keys, np.inf)
        short = known_each + free_each - keys.shape[2]
        if short > 0:  # only a distractor class may have to give that many; it is checked that it can
            keys = np.pad(keys, ((0, 0), (0, 0), (0, short)), constant_values=np.inf)
        if spec.label_ratio < 1:
            has_label = np.zeros(keys.shape, bool)
            has_label[:, :, : self.labelled.shape[1]] = self.labelled[chosen]
            known = _smallest(np.where(has_label[:, :n], keys[:, :n], np.inf), known_each)
            free = _smallest(np.where(has_label, np.inf, keys), free_each)
        else:
            ranked = _smallest(keys, known_each + free_each)
            # A distractor class has no support or query, so all of its images are free.
            known, free = ranked[:, :n, :known_each], ranked[:, :, known_each:]
            free = np.concatenate((free[:, :n], ranked[:, n:, :free_each]), axis=1)
        return known + starts[:, :n], free + starts

    def _unlabelled(
        self,
        free: np.ndarray,
        chosen: np.ndarray,
        present: np.ndarray,
        taken: tuple[np.ndarray, np.ndarray],
        order: np.ndarray,
        generators: Sequence[Generator],
    ) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """(rows, labels or -1, weight) of U and of the outer set, each [T, U] and shuffled."""
        size, places = len(self._places), self._places
        empty = tuple(np.zeros((len(chosen), 0), dtype=t) for t in (np.int64, np.int64, np.bool_))
        if not self.spec.class_aware:
            sets = self._class_agnostic(chosen, taken, generators, present)
        else:
            slot, rank, count = places.T
            in_task = slot < self.spec.way.high
            label = np.broadcast_to(np.where(in_task, slot, -1), (len(chosen), size))
            weight = np.concatenate((present, np.ones_like(chosen[:, self.spec.way.high :], bool)), 1)[
                :, slot
            ]
            sets = [(free[:, slot, rank + k * count], label, weight) for k in range(self.sets)]
        rows = np.arange(len(chosen))[:, None]
        shuffled = [tuple(a[rows, order[:, k]] for a in s) for k, s in enumerate(sets)]
        return [*shuffled, *([empty] * (2 - len(shuffled)))]

    def _class_agnostic(
        self,
        chosen: np.ndarray,
        taken: tuple[np.ndarray, np.ndarray],
        generators: Sequence[Generator],
        present: np.ndarray,
    ) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """U from all free images of the split; images of the task's classes keep their label."""
        size = len(self._places) * self.sets
        owner, image = np.nonzero(
            self._exists & ~self.labelled if self.spec.label_ratio < 1 else self._exists
        )
        all_rows = self.pool.starts[owner] + image
        spare = sum(a[0].size for a in taken)
        rows, labels = [], []
        for t, g in enumerate(generators):
            pick = g.choice(len(all_rows), min(size + spare, len(all_rows)), replace=False)
            used = np.concatenate([a[t].reshape(-1) for a in taken])
            pick = pick[~np.isin(all_rows[pick], used)][:size]
            n = int(present[t].sum())
            match = owner[pick][:, None] == chosen[t, :n]
            rows.append(all_rows[pick])
            labels.append(np.where(match.any(1), match.argmax(1), -1))
        weight = np.ones((len(rows), size), bool)
        pieces = zip(*(np.split(np.stack(a), self.sets, axis=1) for a in (rows, labels)), strict=True)
        return [(r, y, weight[:, : r.shape[1]]) for r, y in pieces]


def _unlabelled_places(spec: EpisodeSpec) -> np.ndarray:
    """[U, 3]: class place, rank among the free images of the class, images of the class in U."""
    if spec.transductive:
        return np.zeros((0, 3), dtype=np.int64)
    counts = spec.unlabelled_counts() + [spec.distractor_unlabelled] * spec.distractors
    places = [(slot, rank, count) for slot, count in enumerate(counts) for rank in range(count)]
    return np.array(places, dtype=np.int64).reshape(-1, 3)


def _smallest(keys: np.ndarray, k: int) -> np.ndarray:
    """Positions of the k smallest keys along the last axis, in order."""
    if k < keys.shape[-1]:
        part = np.argpartition(keys, k, axis=-1)[..., :k]
        inner = np.argsort(np.take_along_axis(keys, part, axis=-1), axis=-1)
        return np.take_along_axis(part, inner, axis=-1)
    return np.argsort(keys, axis=-1)[..., :k]


def _flat(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1)
