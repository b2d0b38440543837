"""What an episode looks like, checked once, with the line that a user needs when it can't be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from metassl.data.drawing.random_numbers import below
from metassl.errors import ConfigError


@dataclass(frozen=True)
class Range:
    """low to high, both included. A fixed number has low = high."""

    low: int
    high: int

    @property
    def fixed(self) -> bool:
        return self.low == self.high

    @property
    def plain(self) -> int | list[int]:
        """As the config has it."""
        return self.low if self.fixed else [self.low, self.high]

    def within(self, u: np.ndarray) -> np.ndarray:
        """[T] whole numbers of the range, from u [T, 1] in [0, 1), or from nothing where it is one number."""
        if self.fixed:
            return np.full(len(u), self.low)
        return self.low + below(u[:, 0], self.high - self.low + 1)


def to_range(key: str, value: object, least: int) -> Range:
    """A whole number or a pair [low, high] as a Range; ConfigError names `key`."""
    pair = value if isinstance(value, Sequence) and not isinstance(value, str) else (value, value)
    whole = [v for v in pair if isinstance(v, int) and not isinstance(v, bool)]
    if len(pair) != 2 or len(whole) != 2 or not least <= whole[0] <= whole[1]:
        raise ConfigError(
            f"{key}: found {value!r}, allowed is a whole number of at least {least}, "
            "or a range [low, high] of such."
        )
    return Range(whole[0], whole[1])


def to_count(key: str, value: object, least: int) -> int:
    """A whole number of at least `least`; ConfigError names `key`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigError(f"{key}: found {value!r}, allowed is a whole number of at least {least}.")
    return value


def to_number(key: str, value: object, low: float, high: float) -> float:
    """A number in [low, high]; ConfigError names `key`."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
        raise ConfigError(f"{key}: found {value!r}, allowed is a number from {low:g} to {high:g}.")
    return float(value)


@dataclass(frozen=True)
class EpisodeSpec:
    """The make-up of an episode.

    Attributes:
        way: N classes, fixed or a range drawn anew for each episode.
        shot: labelled images a class, fixed or a range.
        queries: query images a class.
        unlabelled: M, unlabelled images a class.
        distractors: H, further classes whose images are mixed into U.
        distractor_unlabelled: images of each distractor class in U.
        imbalance: ρ >= 1. Class j of U gets M·ρ^(-j/(N-1)) images (rounded, at least 1): the
            first class has ρ times the images of the last. 1 is balanced.
        dirichlet: a > 0, in place of an imbalance: the N·M images of U are shared among the classes by
            proportions ~ Dirichlet(a·1_N) of the episode; None: every episode has the same sizes. For U
            alone: Q stays balanced, also where U is to be Q. See metassl.data.drawing.dirichlet.
        class_aware: True draws M of each class for U; False draws the same total from all
            unlabelled images of the split, whatever their class.
        transductive: U is Q without its labels.
        label_ratio: share of each class's images that has labels; the others serve only as U.
        label_seed: seed of that split by image.
    """

    way: Range
    shot: Range
    queries: int
    unlabelled: int
    distractors: int
    distractor_unlabelled: int
    imbalance: float
    class_aware: bool
    transductive: bool
    label_ratio: float
    label_seed: int
    dirichlet: float | None = None

    @property
    def padded(self) -> bool:
        """Whether episodes differ in way or shot, so that some places are padding."""
        return not (self.way.fixed and self.shot.fixed)

    @property
    def most_unlabelled(self) -> int:
        """The most images that U takes of one class, of the task or a distractor; 0 when U is Q."""
        away = self.distractor_unlabelled if self.distractors else 0
        own = self.unlabelled if self.dirichlet is None else self.unlabelled * self.way.high
        return 0 if self.transductive else max(own, away)

    def described(self) -> dict[str, Any]:
        """For results: the make-up by the names of the config."""
        return {
            "way": self.way.plain,
            "shot": self.shot.plain,
            "queries": self.queries,
            "unlabelled": "queries" if self.transductive else self.unlabelled,
            "distractors": self.distractors,
            "distractor_unlabelled": self.distractor_unlabelled,
            "imbalance": self.imbalance,
            "dirichlet": self.dirichlet,
            "class_aware": self.class_aware,
            "label_ratio": self.label_ratio,
        }

    def sentence(self) -> str:
        """For people."""
        made = self.described()
        return (
            f"{made['way']}-way {made['shot']}-shot, {made['unlabelled']} unlabelled and {self.queries} "
            f"queries a class, {self.distractors} distractor classes"
        )

    def unlabelled_counts(self) -> list[int]:
        """Images of U for each of the N classes, by place (labels are given to places at random)."""
        if self.unlabelled == 0 or self.way.high == 1:
            return [self.unlabelled] * self.way.high
        decay = [self.imbalance ** (-j / (self.way.high - 1)) for j in range(self.way.high)]
        return [max(1, round(self.unlabelled * d)) for d in decay]


def episode_spec(
    *,
    way: object,
    shot: object,
    queries: object,
    unlabelled: object,
    distractors: object,
    distractor_unlabelled: object,
    imbalance: object,
    class_aware: bool,
    transductive: bool,
    label_ratio: object,
    label_seed: object,
    dirichlet: object = None,
    prefix: str = "episode",
) -> EpisodeSpec:
    """An EpisodeSpec from plain config values; ConfigError names the key that is wrong."""
    uneven = to_number(f"{prefix}.imbalance", imbalance, 1, 1e6)
    if dirichlet is not None:
        _alone(f"{prefix}.dirichlet", dirichlet, uneven, class_aware, transductive)
    return EpisodeSpec(
        way=to_range(f"{prefix}.way", way, 2),
        shot=to_range(f"{prefix}.shot", shot, 1),
        queries=to_count(f"{prefix}.queries", queries, 1),
        unlabelled=to_count(f"{prefix}.unlabelled", unlabelled, 0),
        distractors=to_count(f"{prefix}.distractors", distractors, 0),
        distractor_unlabelled=to_count(f"{prefix}.distractor_unlabelled", distractor_unlabelled, 0),
        imbalance=uneven,
        class_aware=class_aware,
        transductive=transductive,
        label_ratio=to_number(f"{prefix}.label_ratio", label_ratio, 0, 1),
        label_seed=to_count(f"{prefix}.label_seed", label_seed, 0),
        dirichlet=None if dirichlet is None else to_number(f"{prefix}.dirichlet", dirichlet, 0.01, 1e6),
    )


def _alone(key: str, value: object, imbalance: float, class_aware: bool, transductive: bool) -> None:
    """Raise ConfigError where something else says already how large the classes of U are."""
    for other, there in (
        (f"imbalance={imbalance:g}", imbalance != 1),
        ("class_aware=false", not class_aware),
        ("transductive=true", transductive),
    ):
        if there:
            raise ConfigError(f"{key}: found {value!r} beside {other}, allowed is one of them.")
