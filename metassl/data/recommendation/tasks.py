"""The source of tasks that are users."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from metassl.data.builder import Sampler
from metassl.data.pool import SPLITS
from metassl.data.recommendation.division import Division
from metassl.data.recommendation.inputs import Inputs
from metassl.data.recommendation.labels import Labels
from metassl.data.recommendation.pools import UserPool, pools_of
from metassl.data.recommendation.ratings import Ratings
from metassl.data.recommendation.sampler import UserSampler
from metassl.data.recommendation.spec import UserSpec, user_specs
from metassl.errors import ConfigError
from metassl.outcomes.base import Outcome
from metassl.tasks.spec import TaskSpec


@dataclass(frozen=True)
class RatingTasks:
    """Makes tasks of users; see metassl.data.task_source.TaskSource.

    Attributes:
        ratings: all of them.
        division: what training may see.
        inputs: make rows of items.
        labels: make labels of ratings.
        mean: of the ratings that training sees.
        name: of the data set, for people.
    """

    reduced: ClassVar[bool] = False

    ratings: Ratings
    division: Division
    inputs: Inputs
    labels: Labels
    mean: float
    name: str

    @property
    def outcomes(self) -> tuple[type[Outcome], ...]:
        """See TaskSource."""
        return self.labels.outcomes

    def make_ups(self, train: Mapping[str, Any], changes: Mapping[str, Any]) -> tuple[UserSpec, UserSpec]:
        """See TaskSource. Which users have too few ratings is counted here."""
        of_training, of_test = user_specs(train, changes)
        return (
            of_training.leaving_out({"train": self._left_out(of_training, "train")}),
            of_test.leaving_out({split: self._left_out(of_test, split) for split in SPLITS[1:]}),
        )

    def task_spec(self, train: UserSpec, test: UserSpec, outcome: Outcome) -> TaskSpec:
        """One value of a row, or whether it is liked."""
        outputs = self.labels.outputs
        blocks = tuple(self.inputs.blocks)
        return TaskSpec(outputs, (self.inputs.width,), outputs * (outputs > 1), outcome, blocks)

    def sampler(self, make_up: UserSpec, seed: int, split: str, outer: bool) -> Sampler:
        """See TaskSource. Raises ConfigError where no user of the split has enough ratings."""
        every = pools_of(self.ratings, self.division, make_up, split)
        pools = [pool for pool in every if self._enough(pool, make_up)]
        if not pools:
            most = max((_most(pool) for pool in every), default=0)
            raise ConfigError(
                f"episode.shot: found {make_up.shot.high} beside queries={make_up.queries}, and of the "
                f"{len(every)} users ({split}) none has so many ratings; the most that one has are {most}."
            )
        new = self.division.new
        catalogue = {"known": ~new, "new": new, "both": np.ones_like(new)}[make_up.items]
        return UserSampler(
            pools, self.inputs, self.ratings.value, self.labels, catalogue, make_up, seed, split, outer
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

    def _enough(self, pool: UserPool, spec: UserSpec) -> bool:
        return pool.enough(spec.shot.high, spec.queries, self.labels.kinds(self.ratings.value))

    def _left_out(self, spec: UserSpec, split: str) -> tuple[int, int]:
        pools = pools_of(self.ratings, self.division, spec, split)
        return sum(not self._enough(pool, spec) for pool in pools), len(pools)


def _most(pool: UserPool) -> int:
    return len(np.union1d(pool.support, pool.query))
