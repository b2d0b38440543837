"""Made-up users with tastes, for trials without a download.

Legend: P users (people), I items, F numbers that are known of an item, L latent factors.
"""

from collections.abc import Callable

import numpy as np

from metassl.data.pool import Contents, Source
from metassl.data.recommendation.division import NewItems
from metassl.data.recommendation.options import RatingOptions
from metassl.data.recommendation.ratings import Ratings
from metassl.data.task_source import TaskSource
from metassl.errors import ConfigError
from metassl.schema.constructor import checked
from metassl.schema.ranges import (
    BelowOne,
    Count,
    NotNegative,
    Positive,
    Ratio,
    Seed,
    Several,
    Share,
    Switch,
    Whole,
)

LOWEST, HIGHEST = 1.0, 5.0
QUALITY, USER = 0.4, 0.4  # standard deviations of what an item and a user add to every rating


class Tastes:
    """Draws tasks from made-up users who rate made-up items by what they like.

    r_ui = clip(round(3.5 + q_i + b_u + s·p_u·v_i/√L + e), 1, 5), v_i = √shown·A x_i + √(1 - shown)·h_i,
    p_u ~ N(0, I_L), q_i and b_u ~ N(0, 0.4²), e ~ N(0, noise²).

    x_i ~ N(0, I_F) is what is known of an item and h_i ~ N(0, I_L) what is not, so that with `shown` below 1
    the ratings of others tell more of an item than its own numbers; A has rows of length 1. Every user has
    rated between `fewest` and `most` items, chosen by chance, so that what is unrated says nothing.

    The whole set is a function of the seed.

    Args:
        users, items: P and I.
        fewest, most: ratings of a user.
        features: F.
        factors: L.
        shown: share of the variance of an item's factors that its numbers tell.
        spread: s, standard deviation of what a taste adds to a rating.
        noise: standard deviation of what nobody can know.
        item_mean, like, new_share, held_out, ratio, fold: see MovieLens; items are new by chance.
        seed: of all of it.

    Raises:
        ConfigError: users are to rate more items than there are, or fewer than none.
    """

    @checked("dataset.source")
    def __init__(
        self,
        users: Several = 1000,
        items: Several = 400,
        fewest: Count = 40,
        most: Count = 80,
        features: Count = 8,
        factors: Count = 4,
        shown: Share = 0.5,
        spread: NotNegative = 0.8,
        noise: NotNegative = 0.5,
        item_mean: Switch = True,
        like: Positive | None = None,
        new_share: BelowOne = 0.2,
        held_out: BelowOne = 0.2,
        ratio: Ratio = (0.8, 0.1, 0.1),
        seed: Seed = 0,
        fold: Whole = 0,
    ) -> None:
        if not fewest <= most <= items:
            raise ConfigError(
                f"dataset.source.most: found {most}, allowed is a whole number from fewest={fewest} to "
                f"items={items}."
            )
        self.users, self.items, self.sizes = users, items, (fewest, most)
        self.features, self.factors, self.shown = features, factors, shown
        self.spread, self.noise, self.seed = spread, noise, seed
        by_chance: NewItems = "share"
        self.options = RatingOptions(ratio, seed, fold, by_chance, new_share, held_out, item_mean, like)

    def prepared(self, load: Callable[[Source], Contents]) -> TaskSource:
        """See metassl.data.task_source.PreparedTasks; nothing has to be loaded."""
        return self.options.tasks(self.ratings(), "made-up tastes")

    def ratings(self) -> Ratings:
        """All of them."""
        rng = np.random.default_rng((self.seed, 3))
        known = rng.normal(size=(self.items, self.features))
        mixing = rng.normal(size=(self.features, self.factors))
        mixing /= np.linalg.norm(mixing, axis=0)
        hidden = rng.normal(size=(self.items, self.factors))
        factors = np.sqrt(self.shown) * known @ mixing + np.sqrt(1 - self.shown) * hidden
        quality, bias = QUALITY * rng.normal(size=self.items), USER * rng.normal(size=self.users)
        taste = rng.normal(size=(self.users, self.factors)) / np.sqrt(self.factors)
        counts = rng.integers(self.sizes[0], self.sizes[1] + 1, self.users)
        user = np.repeat(np.arange(self.users), counts)
        item = np.concatenate([np.sort(rng.permutation(self.items)[:count]) for count in counts])
        liked = 3.5 + quality[item] + bias[user] + self.spread * (taste[user] * factors[item]).sum(1)
        value = np.clip(np.round(liked + self.noise * rng.normal(size=len(user))), LOWEST, HIGHEST)
        years = np.zeros(self.items, np.int64)
        return Ratings(user, item, value, {"features": known.astype(np.float32)}, {}, years)
