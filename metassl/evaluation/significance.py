"""Whether chance could be the reason, where many differences are looked at."""

from collections.abc import Sequence
from math import nan, sqrt

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.05


def p_over_seeds(values: Sequence[float] | NDArray[np.floating]) -> float:
    """Two-sided p of the hypothesis that the mean over seeds is 0, 0..1 (Student's t); nan for one seed.

    Seeds that all agree to the last digit give 0, or 1 where that digit is 0.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.size < 2:
        return nan
    if np.ptp(x) == 0:
        return float(x[0] == 0)
    from scipy.special import stdtr  # Student's distribution, without scipy.stats and its second of imports

    t = float(x.mean() / (x.std(ddof=1) / sqrt(x.size)))
    return float(2 * stdtr(x.size - 1, -abs(t)))


def holm(p: Sequence[float], level: float = LEVEL) -> list[bool]:
    """Which of several hypotheses are rejected so that none is by chance, with probability 1 - level.

    The k-th smallest of n is compared with level / (n - k + 1), up to the first that is larger; those without
    a p (nan) count as none. Source: Holm 1979, section 3.
    """
    order = sorted((i for i in range(len(p)) if not np.isnan(p[i])), key=lambda i: p[i])
    rejected = [False] * len(p)
    for rank, i in enumerate(order):
        if p[i] > level / (len(order) - rank):
            break
        rejected[i] = True
    return rejected
