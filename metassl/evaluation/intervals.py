"""95% intervals of a mean: over test episodes, over seeds, and of a paired difference."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import isnan, nan, sqrt

import numpy as np
from numpy.typing import NDArray

from metassl.outcomes.scores import Score

NORMAL_95 = 1.96  # the field's rounding of the normal distribution's 97.5% quantile

Values = Sequence[float] | NDArray[np.floating]


@dataclass(frozen=True)
class Interval:
    """mean ± half_width from n values, in the unit of the values; half_width is nan where n = 1."""

    mean: float
    half_width: float
    n: int

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 lies outside [mean − half_width, mean + half_width]; False for an unknown width."""
        return abs(self.mean) > self.half_width

    def percent(self, digits: int = 1, signed: bool = False) -> str:
        """'87.3 ± 0.8' for the fractions 0.873 ± 0.008; '87.3 ± n/a' where the width is unknown."""
        mean = f"{100 * self.mean:{'+' if signed else ''}.{digits}f}"
        width = "n/a" if isnan(self.half_width) else f"{100 * self.half_width:.{digits}f}"
        return f"{mean} ± {width}"

    def plain(self, digits: int = 3, signed: bool = False) -> str:
        """'0.214 ± 0.012' in the unit of the values, to so many digits behind the point."""
        mean = f"{self.mean:{'+' if signed else ''}.{digits}f}"
        width = "n/a" if isnan(self.half_width) else f"{self.half_width:.{digits}f}"
        return f"{mean} ± {width}"


def shown(score: Score, interval: Interval, signed: bool = False, digits: int = 1) -> str:
    """An interval of a score as people read it: in per cent, or in its own unit with two digits more."""
    return interval.percent(digits, signed) if score.percent else interval.plain(digits + 2, signed)


def over_episodes(values: Values) -> Interval:
    """mean ± 1.96·s/√n over the episodes of one run, with s² = Σ(x − mean)²/(n − 1).

    Raises ValueError for no values.
    """
    return _around_mean(values, lambda n: NORMAL_95)


def over_seeds(values: Values) -> Interval:
    """mean ± t(0.975, n − 1)·s/√n over seeds: Student's t, because the seeds are few.

    Raises ValueError for no values.
    """
    return _around_mean(values, _student_95)


def paired(a: Values, b: Values) -> Interval:
    """d̄ ± 1.96·s(d)/√n of d = a − b, where a[i] and b[i] come from the same episode i.

    What makes an episode easy or hard is shared by a and b and cancels in d, so this is narrower than
    what two separate intervals suggest. Raises ValueError where the lengths differ or are 0.
    """
    if len(a) != len(b):
        raise ValueError(f"paired: the same episodes are needed, found {len(a)} and {len(b)} values")
    return over_episodes(np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64))


def gained(score: Score, using: Values, control: Values) -> Interval:
    """What was gained in a score against a control, paired by episode; above 0 is better, of errors too."""
    change = paired(using, control)
    return replace(change, mean=score.improvement(change.mean))


def _student_95(n: int) -> float:
    # Student's distribution without scipy.stats, which takes about a second to import
    from scipy.special import stdtrit

    return float(stdtrit(n - 1, 0.975))


def _around_mean(values: Values, quantile: Callable[[int], float]) -> Interval:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or x.size == 0:
        raise ValueError(f"an interval needs a non-empty list of values, found shape {x.shape}")
    if x.size == 1:
        return Interval(float(x[0]), nan, 1)
    return Interval(float(x.mean()), quantile(x.size) * float(x.std(ddof=1)) / sqrt(x.size), x.size)
