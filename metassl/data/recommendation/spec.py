"""What an episode of a user looks like, checked once."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, cast

from metassl.data.low_quality.quality import CLEAN, Quality
from metassl.data.spec import Range, to_range
from metassl.errors import ConfigError
from metassl.schema.check import check_group
from metassl.schema.groups.episode import EpisodeKeys, TestEpisodeKeys

Items = Literal["known", "new", "both"]
Users = Literal["new", "known"]


@dataclass(frozen=True)
class UserSpec:
    """The make-up of an episode of a user.

    Attributes:
        shot: K, rated items, fixed or a range drawn anew for each episode.
        queries: Q, items whose ratings are asked for.
        unlabelled: U, items that the user has not rated.
        transductive: U is Q without its ratings.
        items: what queries and U are of: items whose ratings training may see (known), others (new), or both.
            Rated items are known ones.
        users: at validation and test those that training has not met (new), or its own, asked for ratings
            that were held out (known). None: of training.
        left_out: split -> how many users have too few ratings, of how many.
    """

    quality: ClassVar[Quality] = CLEAN  # ratings are noisy as they are

    shot: Range
    queries: int
    unlabelled: int
    transductive: bool
    items: Items = "known"
    users: Users | None = None
    left_out: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        """See MakeUp."""
        return {
            "shot": self.shot.plain,
            "queries": self.queries,
            "unlabelled": "queries" if self.transductive else self.unlabelled,
            **({} if self.users is None else {"items": self.items, "users": self.users}),
        }

    def sentence(self) -> str:
        """For people."""
        made = self.described()
        who = "" if self.users is None else f" of {self.users} users and {ITEMS[self.items]} items"
        gone = "".join(
            f"; {few} of {all_} users ({split}) left out, who have fewer ratings"
            for split, (few, all_) in self.left_out.items()
            if few
        )
        return (
            f"{made['shot']} rated and {made['unlabelled']} unrated items, {self.queries} queries{who}{gone}"
        )

    def leaving_out(self, left_out: Mapping[str, tuple[int, int]]) -> "UserSpec":
        """The same, which says so."""
        return replace(self, left_out=dict(left_out))


ITEMS: Mapping[str, str] = {"known": "known", "new": "new", "both": "known and new"}


def user_specs(train: Mapping[str, Any], changes: Mapping[str, Any]) -> tuple[UserSpec, UserSpec]:
    """Of training, and of validation and test; ConfigError names the key that is wrong."""
    cell = {key: value for key, value in changes.items() if key in ("items", "users")}
    check_group(TestEpisodeKeys, "episode.test", cell)
    rest = {key: value for key, value in changes.items() if key not in cell}
    of_training, test = _spec(train, "episode"), _spec({**train, **rest}, "episode.test")
    items, users = cast(Items, cell.get("items", "known")), cast(Users, cell.get("users", "new"))
    return of_training, replace(test, items=items, users=users)


def _spec(values: Mapping[str, Any], prefix: str) -> UserSpec:
    for foreign in ("way", "classes"):
        if foreign in values:
            raise ConfigError(
                f"{prefix}.{foreign}: found {values[foreign]!r}, as in an episode of classes or of a table; "
                "allowed with a dataset of ratings is episode=user."
            )
    made = check_group(EpisodeKeys, prefix, values)
    return UserSpec(to_range(made["shot"]), made["queries"], made["unlabelled"], made["transductive"])
