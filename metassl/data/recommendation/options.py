"""From a data set of ratings to its tasks, by the options that all sources of ratings share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metassl.data.class_splits import by_ratio
from metassl.data.recommendation.content import frequent_tags
from metassl.data.recommendation.division import NewItems, divide
from metassl.data.recommendation.inputs import make_inputs
from metassl.data.recommendation.labels import Likes, Stars
from metassl.data.recommendation.quality import fit_quality
from metassl.data.recommendation.ratings import Ratings
from metassl.data.recommendation.tasks import RatingTasks


@dataclass(frozen=True)
class RatingOptions:
    """What is kept from training, and what an input consists of.

    Attributes:
        ratio, seed, fold, new_items, new_share, held_out: see metassl.data.recommendation.division.divide.
        like: the rating from which on an item is liked, which tasks ask for then; None: they ask for ratings.
        item_mean: whether an input has what training's ratings say of the item.
        tags: marks of so many of the most frequent tags that training users have given.
    """

    ratio: Sequence[float]
    seed: int
    fold: int
    new_items: NewItems
    new_share: float
    held_out: float
    item_mean: bool
    like: float | None
    tags: int = 0

    def __post_init__(self) -> None:
        by_ratio(0, self.ratio, self.seed)  # refuses shares that can't be

    def tasks(self, ratings: Ratings, name: str) -> RatingTasks:
        """The tasks of these ratings."""
        division = divide(
            ratings, self.ratio, self.seed, self.fold, self.new_items, self.new_share, self.held_out
        )
        quality = fit_quality(ratings.user, ratings.item, ratings.value, division.seen, ratings.item_count)
        tags = np.zeros((ratings.item_count, 0), np.float32)
        if self.tags:
            tags = frequent_tags(ratings, self.tags, division.users["train"])
        inputs = make_inputs(ratings, tags, quality if self.item_mean else None)
        labels = Stars(quality.mean) if self.like is None else Likes(self.like)
        return RatingTasks(ratings, division, inputs, labels, quality.mean, name)
