"""U whose classes differ in size by chance: proportions drawn anew for each episode.

Legend: T episodes, N way, H distractor classes, U unlabelled images, C classes of the split.
"""

import numpy as np
from scipy.special import gammaincinv

from metassl.data.drawing.unlabelled import Labelled
from metassl.data.spec import EpisodeSpec

TINY = 1e-290  # a small concentration gives proportions that are 0 to all digits


class SharedByDirichlet:
    """Shares U among the task's classes by proportions from a Dirichlet distribution.

    N·M images in all, of proportions ~ Dirichlet(a·1_N): the smaller a, the more unequal. A class may get
    none. What a class gets beyond the images that it has goes to the others, by their proportions. Each
    distractor class has its fixed number.

    Source: Veilleux et al. 2021 (α-TIM), section 3.2, a = 2. Rounding is by the largest remainder.

    Args:
        spec: the make-up of an episode, with a concentration.
        sets: 1, or 2 with the outer loss's own, which has the same sizes.
        free: [C] images of each class that may be in U; M for each set are enough.
    """

    def __init__(self, spec: EpisodeSpec, sets: int, free: np.ndarray) -> None:
        assert spec.dirichlet is not None
        self.spec, self.concentration, self.sets, self.most = spec, spec.dirichlet, sets, free // sets

    def __call__(
        self, free: np.ndarray, chosen: np.ndarray, present: np.ndarray, u: np.ndarray
    ) -> list[Labelled]:
        """U of each set, of free [T, N + H, ...] rows of the classes chosen [T, N + H].

        present [T, N] says which of the first N the task has; u [T, N] are numbers in [0, 1).
        """
        n, m = self.spec.way.high, self.spec.unlabelled
        gamma = np.maximum(gammaincinv(self.concentration, u), TINY) * present
        sizes = shared(gamma, m * present.sum(1), self.most[chosen[:, :n]])
        away = np.full((len(sizes), self.spec.distractors), self.spec.distractor_unlabelled)
        sizes = np.concatenate((sizes, away), axis=1)
        ends = sizes.cumsum(axis=1)
        place = np.arange(n * m + away.shape[1] * self.spec.distractor_unlabelled)
        slot = (place[:, None] >= ends[:, None, :]).sum(-1)  # [T, U]
        weight = slot < sizes.shape[1]  # a narrower task has fewer images
        slot = np.minimum(slot, sizes.shape[1] - 1)
        each = np.arange(len(sizes))[:, None]
        rank = np.where(weight, place - (ends - sizes)[each, slot], 0)
        label = np.where(slot < n, slot, -1)
        return [
            (free[each, slot, rank + k * sizes[each, slot] * weight], label, weight) for k in range(self.sets)
        ]


def shared(parts: np.ndarray, total: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Whole numbers that share out a total by given parts, none above its limit.

    [T, N] sizes that sum to total [T], as parts [T, N] >= 0 (0 takes no part) up to most [T, N], which
    together are at least the total of each row.
    """
    full = np.zeros(parts.shape, bool)
    for _ in range(parts.shape[1]):
        open_parts = np.where(full, 0, parts)
        left = total - np.where(full, most, 0).sum(1)
        scale = np.maximum(open_parts.sum(1), TINY)
        exact = np.where(full, most, open_parts / scale[:, None] * left[:, None])
        if not (exact > most).any():
            break
        full |= exact >= most
    exact = np.minimum(exact, most)
    sizes = np.floor(exact).astype(np.int64)
    remainder = np.where((parts > 0) & (sizes < most), exact - sizes, -1.0)
    rank = (-remainder).argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    return sizes + (rank < (total - sizes.sum(1))[:, None])
