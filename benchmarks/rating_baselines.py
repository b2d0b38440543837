"""Plain methods of the field, fitted on what training sees; they score a user by the support alone.

Legend: P users (people), I items, S rated items of a user, Q items asked for, d numbers of an input.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metassl.data.recommendation.quality import ITEMS, USERS, Quality, fit_quality
from metassl.data.recommendation.tasks import RatingTasks

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FEW = 5  # raters below which EASE, factors and neighbours leave an item alone
SWEEPS = 10  # of the factors
CONSTANT = 1e-6  # deviation of a column that says nothing


@dataclass(frozen=True)
class UserTask:
    """One episode: the items and values of S, the items of Q, and both as inputs."""

    support: Ints
    values: Floats
    query: Ints
    support_x: Floats
    query_x: Floats


Scorer = Callable[[UserTask], Floats]
"""A task -> [Q] what the user is expected to give, or scores that order the items."""


@dataclass(frozen=True)
class Biases:
    """r = m + b_i + b_u (Koren 2010, section 2.1); b_u of a new user from the support, shrunk by `shrink`."""

    mean: float
    items: Floats
    shrink: float

    def of(self, task: UserTask) -> tuple[Floats, Floats]:
        """[S] what is left of the support's values, and [Q] predictions."""
        left = task.values - self.mean - self.items[task.support]
        user = left.sum() / (len(left) + self.shrink)
        return left - user, self.mean + user + self.items[task.query]


class Fitted:
    """Plain methods by their name and strengths; what training's ratings give is computed once."""

    def __init__(self, tasks: RatingTasks) -> None:
        self.tasks = tasks
        counts = np.bincount(tasks.ratings.item[tasks.division.seen], minlength=tasks.ratings.item_count)
        self.frequent = np.flatnonzero(counts >= FEW)
        self.place = np.full(tasks.ratings.item_count, -1)
        self.place[self.frequent] = np.arange(len(self.frequent))
        self.table, self.there = self._residuals()
        self.weights = cache(self._ease_weights)
        self.item_factors = cache(self._item_factors)

    def global_mean(self) -> Scorer:
        """The mean of all."""
        return lambda task: np.full(len(task.query), self.tasks.mean)

    def item_mean(self) -> Scorer:
        """The mean of the item, that of all where nobody has rated it."""
        r, seen = self.tasks.ratings, self.tasks.division.seen
        total = np.bincount(r.item[seen], r.value[seen] - self.tasks.mean, r.item_count)
        means = total / np.maximum(np.bincount(r.item[seen], minlength=r.item_count), 1)
        return lambda task: self.tasks.mean + means[task.query]

    def biases(self, shrink: float = USERS) -> Biases:
        """Fitted with the shrinkage of Surprise's `BaselineOnly`."""
        return Biases(self.quality.mean, self.quality.total / (self.quality.count + ITEMS), shrink)

    def bias(self, shrink: float) -> Scorer:
        """User and item."""
        made = self.biases(shrink)
        return lambda task: made.of(task)[1]

    def ridge(self, strength: float) -> Scorer:
        """A ridge regression of each user on the inputs, standardised over known items, with an intercept."""
        tasks = self.tasks
        user = int(tasks.division.users["test"][0])
        every = tasks.inputs.rows(user, np.flatnonzero(~tasks.division.new)).astype(np.float64)
        mean, scale = every.mean(0), np.where(every.std(0) < CONSTANT, np.inf, every.std(0))

        def score(task: UserTask) -> Floats:
            x, q = ((each - mean) / scale for each in (task.support_x, task.query_x))
            x, q = (np.concatenate([each, np.ones((len(each), 1))], axis=1) for each in (x, q))
            weights = np.linalg.solve(
                x.T @ x + strength * np.eye(x.shape[1]), x.T @ (task.values - tasks.mean)
            )
            return tasks.mean + q @ weights

        return score

    def ridge_on_bias(self, strength: float, shrink: float) -> Scorer:
        """Biases, and a ridge regression on what they leave of the support."""
        made, plain, mean = self.biases(shrink), self.ridge(strength), self.tasks.mean

        def score(task: UserTask) -> Floats:
            left, predicted = made.of(task)
            return predicted + plain(replace(task, values=left + mean)) - mean

        return score

    def item_knn(self, shrink: float, damping: float) -> Scorer:
        """Biases, and the likeness of items to the user's own.

        Σ_j s_ij e_uj / (damping + Σ_j |s_ij|), e what biases leave of the support's ratings. s is the cosine
        of two items' residuals times n_ij / (n_ij + 100), n_ij users that rated both (Koren 2010, section
        2.2). All of the user's few ratings are neighbours.
        """
        made, likeness = self.biases(shrink), self.likeness

        def score(task: UserTask) -> Floats:
            left, predicted = made.of(task)
            of_support, of_query = self.place[task.support], self.place[task.query]
            s = likeness[of_query][:, of_support] * ((of_query[:, None] >= 0) & (of_support[None] >= 0))
            return predicted + (s @ left) / (damping + np.abs(s).sum(1))

        return score

    def ease(self, strength: float, signed: bool) -> Scorer:
        """EASE (Steck 2019, eq. 8), for the order alone.

        x B, B_ij = -P_ij / P_jj off the diagonal and 0 on it, P = (XᵀX + λI)⁻¹; x is 1 for what the user has
        rated, or, `signed`, what biases leave of the rating, with biases added to the score.
        """
        made, weights = self.biases(), self.weights(strength, signed)

        def score(task: UserTask) -> Floats:
            left, predicted = made.of(task)
            of_support, of_query = self.place[task.support], self.place[task.query]
            given = (left if signed else np.ones(len(left)))[of_support >= 0]
            found = given @ weights[of_support[of_support >= 0]]
            return (predicted if signed else 0.0) + np.where(of_query >= 0, found[of_query], 0.0)

        return score

    def factors(self, rank: int, strength: float, shrink: float) -> Scorer:
        """Biases and factors of the items by alternating least squares, those of a user from the support."""
        made, items = self.biases(shrink), self.item_factors(rank, strength)

        def score(task: UserTask) -> Floats:
            left, predicted = made.of(task)
            known = self.place[task.support] >= 0
            v = items[self.place[task.support][known]]
            taste = np.linalg.solve(v.T @ v + strength * np.eye(rank), v.T @ left[known])
            place = self.place[task.query]
            return predicted + np.where(place >= 0, items[place] @ taste, 0.0)

        return score

    @cached_property
    def quality(self) -> Quality:
        """Biases of items, as the inputs have them."""
        r = self.tasks.ratings
        return fit_quality(r.user, r.item, r.value, self.tasks.division.seen, r.item_count)

    @cached_property
    def likeness(self) -> Floats:
        """[items, items] s of `item_knn`."""
        both = self.there.T @ self.there
        norm = np.sqrt(np.maximum((self.table**2).T @ self.there, 1e-9))
        found: Floats = (self.table.T @ self.table) / (norm * norm.T) * both / (both + 100)
        return found

    def _ease_weights(self, strength: float, signed: bool) -> Floats:
        x = self.table if signed else self.there
        inverse = np.linalg.inv(x.T @ x + strength * np.eye(x.shape[1]))
        weights: Floats = -inverse / np.diag(inverse)
        np.fill_diagonal(weights, 0.0)
        return weights

    def _item_factors(self, rank: int, strength: float) -> Floats:
        items: Floats = 0.1 * np.random.default_rng(0).normal(size=(self.table.shape[1], rank))
        for _ in range(SWEEPS):
            users = _solved(self.table, self.there, items, strength)
            items = _solved(self.table.T, self.there.T, users, strength)
        return items

    def _residuals(self) -> tuple[Floats, Floats]:
        """[P, items] what biases leave of each rating that training sees, and 1 where there is one."""
        r, made = self.tasks.ratings, self.biases()
        seen = self.tasks.division.seen & (self.place[r.item] >= 0)
        user, item = r.user[seen], r.item[seen]
        left = r.value[seen] - made.mean - made.items[item]
        count = np.bincount(user, minlength=r.user_count)
        left = left - (np.bincount(user, left, r.user_count) / (count + USERS))[user]
        table, there = (np.zeros((r.user_count, len(self.frequent))) for _ in range(2))
        table[user, self.place[item]], there[user, self.place[item]] = left, 1.0
        keep = self.tasks.division.users["train"]
        return table[keep], there[keep]


def _solved(table: Floats, there: Floats, other: Floats, strength: float) -> Floats:
    """[rows, rank] ridge regressions of what is there in each row on the factors of the columns."""
    made = np.zeros((len(table), other.shape[1]))
    for k, (values, has) in enumerate(zip(table, there > 0, strict=True)):
        v = other[has]
        made[k] = np.linalg.solve(v.T @ v + strength * np.eye(v.shape[1]), v.T @ values[has])
    return made


STRENGTHS: Mapping[str, Sequence[Mapping[str, Any]]] = MappingProxyType({
    "bias": [{"shrink": s} for s in (0.5, 1, 2, 3, 5, 8)],
    "ridge": [{"strength": s} for s in (3, 10, 30, 100, 300)],
    "ridge_on_bias": [{"strength": s, "shrink": k} for s in (30, 100, 300) for k in (3, 5)],
    "item_knn": [{"shrink": s, "damping": k} for s in (3, 5) for k in (0.1, 0.3, 1.0)],
    "factors": [{"rank": 8, "strength": s, "shrink": 3} for s in (3, 10)],
    "ease": [{"strength": s, "signed": k} for s in (100, 1000) for k in (False, True)],
})  # fmt: skip
"""What is tried on validation users."""
