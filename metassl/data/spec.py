"""What an episode looks like, checked once, with the line that a user needs when it can't be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from metassl.data.drawing.random_numbers import below
from metassl.data.low_quality.quality import CLEAN, Quality, take_quality
from metassl.errors import ConfigError
from metassl.schema.check import check_group
from metassl.schema.groups.episode import EpisodeKeys


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


def to_range(value: int | Sequence[int]) -> Range:
    """A whole number, or a pair [low, high] of such, as a Range."""
    return Range(value, value) if isinstance(value, int) else Range(*value)


def to_count(key: str, value: object, least: int) -> int:
    """A whole number of at least `least`; ConfigError names `key`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigError(f"{key}: found {value!r}, allowed is a whole number of at least {least}.")
    return value


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
        out_of_scope: inputs in U that are of no class at all, where the data have such.
        quality: what is wrong with labels and inputs.
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
    out_of_scope: int = 0
    quality: Quality = CLEAN

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
            "out_of_scope": self.out_of_scope,
            "class_aware": self.class_aware,
            "label_ratio": self.label_ratio,
            **self.quality.described(),
        }

    def sentence(self) -> str:
        """For people."""
        made = self.described()
        foreign = f", {self.out_of_scope} unlabelled out of scope" if self.out_of_scope else ""
        return (
            f"{made['way']}-way {made['shot']}-shot, {made['unlabelled']} unlabelled and {self.queries} "
            f"queries a class, {self.distractors} distractor classes{foreign}{self.quality.sentence()}"
        )

    def unlabelled_counts(self) -> list[int]:
        """Images of U for each of the N classes, by place (labels are given to places at random)."""
        if self.unlabelled == 0 or self.way.high == 1:
            return [self.unlabelled] * self.way.high
        decay = [self.imbalance ** (-j / (self.way.high - 1)) for j in range(self.way.high)]
        return [max(1, round(self.unlabelled * d)) for d in decay]


def episode_spec(prefix: str = "episode", **values: Any) -> EpisodeSpec:
    """An EpisodeSpec from plain config values, its fields, of which those with a default may lack.

    Where U is Q there are no distractors and nothing out of scope, whatever is asked for: every query is of a
    class of the task.

    Raises:
        ConfigError: names the key that is wrong, or says that the episode is one of points.
    """
    made = check_group(EpisodeKeys, prefix, values)
    if "way" not in made:
        raise ConfigError(
            f"{prefix}.way: found none, as in an episode of points (points, arml6, hsml4) or of a table; "
            "allowed with a dataset of classes is an episode of classes, such as episode=standard."
        )
    if "sources" in made:
        raise ConfigError(
            f"{prefix}.sources: found {made['sources']}, as in an episode between domains; allowed with a "
            "dataset of classes without domains is an episode of classes, such as episode=standard."
        )
    refuse_all(prefix, made)
    way, shot = to_range(made.pop("way")), to_range(made.pop("shot"))
    quality = take_quality(made)
    spec = EpisodeSpec(way=way, shot=shot, quality=quality, **made)
    if spec.dirichlet is not None:
        _alone(f"{prefix}.dirichlet", spec)
    return replace(spec, distractors=0, out_of_scope=0) if spec.transductive else spec


def refuse_all(prefix: str, made: Mapping[str, Any]) -> None:
    """Raise ConfigError where all rows of a class are asked for, as tasks between domains alone can have."""
    for key in ("shot", "queries"):
        if made[key] == "all":
            raise ConfigError(
                f"{prefix}.{key}: found 'all', allowed is a number; all rows there are only in tasks between "
                "domains (episode=domains)."
            )


def refuse_out_of_scope(spec: EpisodeSpec) -> None:
    """Raise ConfigError where inputs of no class are asked for, of data that have none."""
    if spec.out_of_scope:
        raise ConfigError(
            f"episode.out_of_scope: found {spec.out_of_scope}, allowed is 0 of this dataset, which has "
            "nothing that is of no class; clinc150 has."
        )


def _alone(key: str, spec: EpisodeSpec) -> None:
    """Raise ConfigError where something else says already how large the classes of U are."""
    for other, there in (
        (f"imbalance={spec.imbalance:g}", spec.imbalance != 1),
        ("class_aware=false", not spec.class_aware),
        ("transductive=true", spec.transductive),
    ):
        if there:
            raise ConfigError(f"{key}: found {spec.dirichlet!r} beside {other}, allowed is one of them.")
