"""The source of tasks that are users."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from metassl.data.builder import Sampler
from metassl.data.pool import SPLITS
from metassl.data.recommendation.division import Division
from metassl.data.recommendation.inputs import Inputs
from metassl.data.recommendation.parsed import Floats
from metassl.data.recommendation.pools import UserPool, pools_of
from metassl.data.recommendation.ratings import Ratings
from metassl.data.recommendation.sampler import UserSampler
from metassl.data.recommendation.spec import UserSpec, user_specs
from metassl.errors import ConfigError
from metassl.outcomes.base import Outcome
from metassl.outcomes.values import Values
from metassl.tasks.spec import TaskSpec


@dataclass(frozen=True)
class RatingTasks:
    """Makes tasks of users; see metassl.data.task_source.TaskSource.

    A label is a rating less the mean of all that training sees.

    Attributes:
        ratings: all of them.
        division: what training may see.
        inputs: make rows of items.
        mean: of the ratings that training sees.
        name: of the data set, for people.
    """

    outcomes: ClassVar[tuple[type[Outcome], ...]] = (Values,)
    reduced: ClassVar[bool] = False

    ratings: Ratings
    division: Division
    inputs: Inputs
    mean: float
    name: str

    def make_ups(self, train: Mapping[str, Any], changes: Mapping[str, Any]) -> tuple[UserSpec, UserSpec]:
        """See TaskSource. Which users have too few ratings is counted here."""
        of_training, of_test = user_specs(train, changes)
        return (
            of_training.leaving_out({"train": self._left_out(of_training, "train")}),
            of_test.leaving_out({split: self._left_out(of_test, split) for split in SPLITS[1:]}),
        )

    def task_spec(self, train: UserSpec, test: UserSpec, outcome: Outcome) -> TaskSpec:
        """One value of a row."""
        return TaskSpec(1, (self.inputs.width,), outcome=outcome, blocks=tuple(self.inputs.blocks))

    def sampler(self, make_up: UserSpec, seed: int, split: str, outer: bool) -> Sampler:
        """See TaskSource. Raises ConfigError where no user of the split has enough ratings."""
        every = pools_of(self.ratings, self.division, make_up, split)
        pools = [pool for pool in every if pool.enough(make_up.shot.high, make_up.queries)]
        if not pools:
            most = max((_most(pool) for pool in every), default=0)
            raise ConfigError(
                f"episode.shot: found {make_up.shot.high} beside queries={make_up.queries}, and of the "
                f"{len(every)} users ({split}) none has so many ratings; the most that one has are {most}."
            )
        new = self.division.new
        catalogue = {"known": ~new, "new": new, "both": np.ones_like(new)}[make_up.items]
        return UserSampler(
            pools, self.inputs, self.ratings.value, self._labels, catalogue, make_up, 1, seed, split, outer
        )

    def items(self) -> None:
        """None: each draw brings its own."""

    def description(self) -> str:
        """How many users, items and ratings there are, and what of them is kept from training."""
        users = "/".join(str(len(self.division.users[split])) for split in SPLITS)
        new, each = int(self.division.new.sum()), np.bincount(self.ratings.user)
        return (
            f"{self.name}: {self.ratings.user_count:,} users ({users}) of {each.min():,} to {each.max():,} "
            f"ratings each, {self.ratings.item_count:,} items ({new:,} new), {len(self.ratings.value):,} "
            f"ratings ({self.division.seen.sum():,} for training), {self.inputs.width} numbers of an input"
        )

    def _labels(self, value: Floats) -> NDArray[np.generic]:
        return (value - self.mean).astype(np.float32)[..., None]

    def _left_out(self, spec: UserSpec, split: str) -> tuple[int, int]:
        pools = pools_of(self.ratings, self.division, spec, split)
        return sum(not pool.enough(spec.shot.high, spec.queries) for pool in pools), len(pools)


def _most(pool: UserPool) -> int:
    return len(np.union1d(pool.support, pool.query))
