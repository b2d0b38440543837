"""Which images make up episode i: a pure function of (seed, split, i).

Legend: T episodes drawn at once, N way, H distractor classes, S support, U unlabelled, Q queries,
C classes of the split, I images of the largest class.
"""

from collections.abc import Sequence

import numpy as np

from metassl.data.drawing.dirichlet import SharedByDirichlet
from metassl.data.drawing.draw import Draw
from metassl.data.drawing.labels import labelled_images
from metassl.data.drawing.random_numbers import RandomNumbers, pick_distinct
from metassl.data.drawing.sizes import check_sizes
from metassl.data.drawing.unlabelled import ClassAgnostic, ClassAware, Labelled, unlabelled_places
from metassl.data.pool import Pool
from metassl.data.spec import EpisodeSpec

# Each thing that is random has a lane of its own, so that S and Q stay when U or its distractors change.
SIZES, CLASSES, DISTRACTORS, IMAGES, DISTRACTOR_IMAGES, QUERY_ORDER, UNLABELLED_ORDER = range(1, 8)
PROPORTIONS = 8
FEW = 64  # images of which all are sorted sooner than the first of them are found


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
        self._exists = np.arange(self.labelled.shape[1]) < pool.counts[:, None]
        self._uneven = not self._exists.all()
        self._size = len(unlabelled_places(spec))
        self._aware = ClassAware(spec, self.sets)
        free = self._exists & ~self.labelled if spec.label_ratio < 1 else self._exists
        self._agnostic = None if spec.class_aware else ClassAgnostic(pool, free, spec, self.sets)
        taken = 0 if spec.label_ratio < 1 else spec.shot.high + spec.queries
        by_chance = spec.dirichlet is not None
        self._by_chance = SharedByDirichlet(spec, self.sets, free.sum(1) - taken) if by_chance else None

    @property
    def padded(self) -> bool:
        """Whether episodes differ in way or shot, so that some places are padding."""
        return self.spec.padded

    @property
    def count(self) -> int:
        """Images of the split."""
        return int(self.pool.counts.sum())

    def __call__(self, episodes: Sequence[int] | np.ndarray) -> Draw:
        """The draw of the episodes with these numbers."""
        spec, n, s_each = self.spec, self.spec.way.high, self.spec.shot.high
        numbers = RandomNumbers(self.seed, self.split, episodes)
        chosen, way, shot = self._classes(numbers)
        known, free = self._ranked_images(chosen, self._keys(numbers))
        labels = np.arange(n)
        present = labels < way[:, None]  # [T, N]
        support, query = known[:, :, :s_each], known[:, :, s_each:]
        support_weight = present[:, :, None] & (np.arange(s_each) < shot[:, None, None])
        query_weight = np.broadcast_to(present[:, :, None], query.shape)

        order = numbers.uniform(QUERY_ORDER, n * spec.queries).argsort(axis=1)
        query, query_weight = (_shuffled(_flat(x), order) for x in (query, query_weight))
        queries = query, order // spec.queries, query_weight
        sets = self._unlabelled(free, chosen, present, _flat(known), numbers)
        if spec.transductive:
            sets = [queries] * self.sets + sets[self.sets :]
        return Draw(
            _flat(support),
            np.broadcast_to(np.repeat(labels, s_each), (len(episodes), n * s_each)),
            _flat(support_weight),
            *queries, *sets[0], *sets[1],
            distractor=(sets[0][1] < 0) & sets[0][2],
            class_mask=present,
            class_ids=self.pool.class_ids[chosen[:, :n]],
            classes=chosen[:, :n],
            generators=numbers,
        )  # fmt: skip

    def _classes(self, numbers: RandomNumbers) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """[T, N + H] different classes of the split, the H distractors last; [T] ways; [T] shots."""
        spec = self.spec
        sizes = numbers.uniform(SIZES, 2 if spec.padded else 0)  # of fixed sizes nothing is drawn
        u = numbers.uniform(CLASSES, spec.way.high), numbers.uniform(DISTRACTORS, spec.distractors)
        chosen = pick_distinct(np.concatenate(u, axis=1), len(self.pool.counts))
        return chosen, spec.way.within(sizes[:, :1]), spec.shot.within(sizes[:, 1:])

    def _keys(self, numbers: RandomNumbers) -> np.ndarray:
        """[T, N + H, I] random numbers, whose order is that of the images of each class."""
        spec, images = self.spec, self.labelled.shape[1]
        own = numbers.uniform(IMAGES, spec.way.high * images)
        other = numbers.uniform(DISTRACTOR_IMAGES, spec.distractors * images)
        return np.concatenate((own, other), axis=1).reshape(len(own), -1, images)

    def _ranked_images(self, chosen: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows for S and Q of each task class, and rows for U of each class, all distinct."""
        spec, n = self.spec, self.spec.way.high
        known_each = spec.shot.high + spec.queries
        free_each = min(self.sets * spec.most_unlabelled, keys.shape[2])
        starts = self.pool.starts[chosen][:, :, None]
        if self._uneven:
            keys = np.where(self._exists[chosen], keys, np.inf)
        short = known_each + free_each - keys.shape[2]
        if short > 0:  # no class of the task has to give that many; of a distractor it is checked that it can
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
            if spec.distractors:
                free = np.concatenate((free[:, :n], ranked[:, n:, :free_each]), axis=1)
        return known + starts[:, :n], free + starts

    def _unlabelled(
        self,
        free: np.ndarray,
        chosen: np.ndarray,
        present: np.ndarray,
        taken: np.ndarray,
        numbers: RandomNumbers,
    ) -> list[Labelled]:
        """U and the outer set, shuffled; none is [T, 0]."""
        none = np.zeros((len(chosen), 0), dtype=np.int64)
        empty = none, none, none.astype(bool)
        if self._agnostic is None and not self._size:
            return [empty, empty]
        if self._agnostic is not None:
            sets = self._agnostic(chosen, present, taken, numbers)
        elif self._by_chance is not None:
            u = numbers.uniform(PROPORTIONS, present.shape[1])
            sets = self._by_chance(free, chosen, present, u)
        else:
            away = np.ones((len(chosen), self.spec.distractors), bool)
            sets = self._aware(free, np.concatenate((present, away), axis=1))
        u = numbers.uniform(UNLABELLED_ORDER, 2 * self._size).reshape(len(chosen), 2, self._size)
        order = u[:, : self.sets].argsort(axis=2)
        shuffled = [tuple(_shuffled(a, order[:, k]) for a in s) for k, s in enumerate(sets)]
        return [*shuffled, *([empty] * (2 - len(shuffled)))]  # type: ignore[list-item]


def _smallest(keys: np.ndarray, k: int) -> np.ndarray:
    """Positions of the k smallest keys along the last axis, in order."""
    if max(k, FEW) < keys.shape[-1]:
        part = np.argpartition(keys, k, axis=-1)[..., :k]
        inner = np.argsort(np.take_along_axis(keys, part, axis=-1), axis=-1)
        return np.take_along_axis(part, inner, axis=-1)
    return np.argsort(keys, axis=-1)[..., :k]


def _shuffled(x: np.ndarray, order: np.ndarray) -> np.ndarray:
    """x [T, n], each row in its order [T, n]."""
    return x[np.arange(len(x))[:, None], order]


def _flat(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1)
