"""What an episode of points looks like, checked once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from metassl.data.low_quality.quality import CLEAN, Quality
from metassl.data.spec import Range, refuse_all, to_range
from metassl.schema.check import check_group
from metassl.schema.groups.episode import EpisodeKeys


@dataclass(frozen=True)
class PointSpec:
    """The make-up of an episode of points.

    Attributes:
        shot: S, labelled points, fixed or a range drawn anew for each episode.
        queries: Q, query points.
        unlabelled: U, points without a value.
        transductive: U is Q without its values.
    """

    quality: ClassVar[Quality] = CLEAN

    shot: Range
    queries: int
    unlabelled: int
    transductive: bool

    def described(self) -> dict[str, Any]:
        """See MakeUp."""
        return {
            "shot": self.shot.plain,
            "queries": self.queries,
            "unlabelled": "queries" if self.transductive else self.unlabelled,
        }

    def sentence(self) -> str:
        """For people."""
        made = self.described()
        return f"{made['shot']} labelled and {made['unlabelled']} unlabelled points, {self.queries} queries"


def point_spec(values: Mapping[str, Any], prefix: str = "episode") -> PointSpec:
    """A PointSpec from plain config values; ConfigError names the key that is wrong."""
    made = check_group(EpisodeKeys, prefix, values)
    refuse_all(prefix, made)
    return PointSpec(to_range(made["shot"]), made["queries"], made["unlabelled"], made["transductive"])
