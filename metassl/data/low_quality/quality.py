"""How good the data of an episode are, checked once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SUPPORT, UNLABELLED, QUERY = PARTS = ("support", "unlabelled", "query")
NONE = "none"


@dataclass(frozen=True)
class Interval:
    """Numbers from low to high, one of them for each episode. A fixed number has low = high."""

    low: float
    high: float

    @property
    def plain(self) -> float | list[float]:
        """As the config has it."""
        return self.low if self.low == self.high else [self.low, self.high]

    def within(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Numbers of the interval from u in [0, 1), each as likely."""
        return self.low + (self.high - self.low) * u


def to_interval(value: float | Sequence[float]) -> Interval:
    """A number, or a pair [low, high] of such, as an Interval."""
    return Interval(value, value) if isinstance(value, int | float) else Interval(*value)


@dataclass(frozen=True)
class Quality:
    """What is wrong with the data of an episode.

    Attributes:
        label_noise: r, the share of S that gets a wrong label, 0 to below 1. See WrongLabels.
        corruption: what damages inputs, by its name; see metassl.data.low_quality.kinds.
        severity: of that, 0 to 1.
        parts: which inputs it meets: support, unlabelled, query.
    """

    label_noise: Interval = Interval(0.0, 0.0)
    corruption: str = NONE
    severity: Interval = Interval(0.0, 0.0)
    parts: Collection[str] = PARTS

    @property
    def wrong_labels(self) -> bool:
        """Whether any label of S may be wrong."""
        return self.label_noise.high > 0

    @property
    def damaged(self) -> bool:
        """Whether any input may be damaged."""
        return self.corruption != NONE and self.severity.high > 0 and bool(self.parts)

    def described(self) -> dict[str, Any]:
        """For results: by the names of the config, where anything is wrong."""
        found: dict[str, Any] = {"label_noise": self.label_noise.plain} if self.wrong_labels else {}
        if self.damaged:
            found |= {"corruption": self.corruption, "corruption_severity": self.severity.plain}
            found |= {"corruption_parts": list(self.parts)}
        return found

    def sentence(self) -> str:
        """For people, to be put behind what an episode has; nothing where nothing is wrong."""
        wrong = f", label noise {self.label_noise.plain}" if self.wrong_labels else ""
        if not self.damaged:
            return wrong
        return f"{wrong}, {self.corruption} {self.severity.plain} on {' and '.join(self.parts)}"


CLEAN = Quality()


def take_quality(values: dict[str, Any]) -> Quality:
    """What checked config values say of it, taken out of them; clean where they say nothing."""
    noise, severity = (values.pop(key, 0.0) for key in ("label_noise", "corruption_severity"))
    kind, parts = values.pop("corruption", NONE), values.pop("corruption_parts", PARTS)
    in_order = tuple(part for part in PARTS if part in parts)
    return Quality(to_interval(noise), kind, to_interval(severity), in_order)
