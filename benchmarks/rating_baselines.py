"""Plain methods of the field, fitted on what training sees; they score a user by the support alone.

Legend: P users (people), I items, S rated items of a user, Q items asked for, d numbers of an input.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metassl.data.recommendation.quality import ITEMS, USERS, fit_quality
from metassl.data.recommendation.tasks import RatingTasks

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FEW = 5  # raters below which EASE and the neighbours leave an item alone


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


def global_mean(tasks: RatingTasks) -> Scorer:
    """The mean of all."""
    return lambda task: np.full(len(task.query), tasks.mean)


def item_mean(tasks: RatingTasks) -> Scorer:
    """The mean of the item, that of all where nobody has rated it."""
    seen, count = tasks.division.seen, tasks.ratings.item_count
    total = np.bincount(tasks.ratings.item[seen], tasks.ratings.value[seen] - tasks.mean, count)
    means = total / np.maximum(np.bincount(tasks.ratings.item[seen], minlength=count), 1)
    return lambda task: tasks.mean + means[task.query]


def biases(tasks: RatingTasks, shrink: float = USERS) -> Biases:
    """Fitted with the shrinkage of Surprise's `BaselineOnly`."""
    r = tasks.ratings
    q = fit_quality(r.user, r.item, r.value, tasks.division.seen, r.item_count)
    return Biases(q.mean, q.total / (q.count + ITEMS), shrink)


def bias(tasks: RatingTasks, shrink: float) -> Scorer:
    """User and item."""
    made = biases(tasks, shrink)
    return lambda task: made.of(task)[1]


def ridge(tasks: RatingTasks, strength: float) -> Scorer:
    """A ridge regression of each user on the inputs, standardised over known items, with its intercept."""
    user = int(tasks.division.users["test"][0])
    every = tasks.inputs.rows(user, np.flatnonzero(~tasks.division.new)).astype(np.float64)
    mean, scale = every.mean(0), np.maximum(every.std(0), 1e-6)
    scale[every.std(0) < 1e-6] = np.inf

    def score(task: UserTask) -> Floats:
        x, q = ((each - mean) / scale for each in (task.support_x, task.query_x))
        x, q = (np.concatenate([each, np.ones((len(each), 1))], axis=1) for each in (x, q))
        weights = np.linalg.solve(x.T @ x + strength * np.eye(x.shape[1]), x.T @ (task.values - tasks.mean))
        return tasks.mean + q @ weights

    return score


def ridge_on_bias(tasks: RatingTasks, strength: float, shrink: float) -> Scorer:
    """Biases, and a ridge regression on what they leave of the support."""
    made, plain = biases(tasks, shrink), ridge(tasks, strength)

    def score(task: UserTask) -> Floats:
        left, predicted = made.of(task)
        rest = plain(UserTask(task.support, left + tasks.mean, task.query, task.support_x, task.query_x))
        return predicted + rest - tasks.mean

    return score


def item_knn(tasks: RatingTasks, shrink: float, damping: float) -> Scorer:
    """Biases, and the likeness of items to the user's own.

    Σ_j s_ij e_uj / (damping + Σ_j |s_ij|), e what biases leave of the support's ratings.

    s is the cosine of two items' residuals times n_ij / (n_ij + 100), n_ij users that rated both (Koren 2010,
    section 2.2). All of the user's few ratings are neighbours.
    """
    made = biases(tasks, shrink)
    rows, place = _frequent(tasks)
    table, there = _residuals(tasks, place, len(rows))
    both = there.T @ there
    norm = np.sqrt(np.maximum((table**2).T @ there, 1e-9))
    likeness = (table.T @ table) / (norm * norm.T) * both / (both + 100)

    def score(task: UserTask) -> Floats:
        left, predicted = made.of(task)
        of_support, of_query = place[task.support], place[task.query]
        s = likeness[of_query][:, of_support] * ((of_query[:, None] >= 0) & (of_support[None] >= 0))
        return predicted + (s @ left) / (damping + np.abs(s).sum(1))

    return score


def ease(tasks: RatingTasks, strength: float, signed: bool) -> Scorer:
    """EASE (Steck 2019, eq. 8), for the order alone.

    x B, B_ij = -P_ij / P_jj off the diagonal and 0 on it, P = (XᵀX + λI)⁻¹; x is 1 for what the user has
    rated, or, `signed`, what biases leave of the rating, with biases added to the score.
    """
    made = biases(tasks)
    rows, place = _frequent(tasks)
    table, there = _residuals(tasks, place, len(rows))
    x = table if signed else there
    inverse = np.linalg.inv(x.T @ x + strength * np.eye(len(rows)))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)

    def score(task: UserTask) -> Floats:
        left, predicted = made.of(task)
        of_support, of_query = place[task.support], place[task.query]
        given = (left if signed else np.ones(len(left)))[of_support >= 0]
        found = given @ weights[of_support[of_support >= 0]]
        return (predicted if signed else 0.0) + np.where(of_query >= 0, found[of_query], 0.0)

    return score


def factors(tasks: RatingTasks, rank: int, strength: float, shrink: float) -> Scorer:
    """Biases and factors of the items by alternating least squares, those of a user from the support."""
    made = biases(tasks, shrink)
    rows, place = _frequent(tasks)
    table, there = _residuals(tasks, place, len(rows))
    rng = np.random.default_rng(0)
    items = 0.1 * rng.normal(size=(len(rows), rank))
    for _ in range(10):
        users = _solved(table, there, items, strength)
        items = _solved(table.T, there.T, users, strength)

    def score(task: UserTask) -> Floats:
        left, predicted = made.of(task)
        known = place[task.support] >= 0
        v = items[place[task.support][known]]
        taste = np.linalg.solve(v.T @ v + strength * np.eye(rank), v.T @ left[known])
        return predicted + np.where(place[task.query] >= 0, items[place[task.query]] @ taste, 0.0)

    return score


def _solved(table: Floats, there: Floats, other: Floats, strength: float) -> Floats:
    made = np.zeros((len(table), other.shape[1]))
    for k, (values, has) in enumerate(zip(table, there > 0, strict=True)):
        v = other[has]
        made[k] = np.linalg.solve(v.T @ v + strength * np.eye(v.shape[1]), v.T @ values[has])
    return made


def _frequent(tasks: RatingTasks) -> tuple[Ints, Ints]:
    """Items that FEW training users have rated, and [I] the place of each among them, -1 for the others."""
    counts = np.bincount(tasks.ratings.item[tasks.division.seen], minlength=tasks.ratings.item_count)
    rows = np.flatnonzero(counts >= FEW)
    place = np.full(tasks.ratings.item_count, -1)
    place[rows] = np.arange(len(rows))
    return rows, place


def _residuals(tasks: RatingTasks, place: Ints, width: int) -> tuple[Floats, Floats]:
    """[P, width] what biases leave of each rating that training sees, and 1 where there is one."""
    r, made = tasks.ratings, biases(tasks)
    seen = tasks.division.seen & (place[r.item] >= 0)
    user, item = r.user[seen], r.item[seen]
    left = r.value[seen] - made.mean - made.items[item]
    count = np.bincount(user, minlength=r.user_count)
    left = left - (np.bincount(user, left, r.user_count) / (count + USERS))[user]
    table, there = np.zeros((r.user_count, width)), np.zeros((r.user_count, width))
    table[user, place[item]], there[user, place[item]] = left, 1.0
    keep = np.isin(np.arange(r.user_count), tasks.division.users["train"])
    return table[keep], there[keep]


STRENGTHS: Mapping[str, Sequence[Mapping[str, Any]]] = MappingProxyType({
    "bias": [{"shrink": s} for s in (0.5, 1, 2, 3, 5, 8)],
    "ridge": [{"strength": s} for s in (3, 10, 30, 100, 300)],
    "ridge_on_bias": [{"strength": s, "shrink": k} for s in (30, 100, 300) for k in (3, 5)],
    "item_knn": [{"shrink": s, "damping": k} for s in (3, 5) for k in (0.1, 0.3, 1.0)],
    "factors": [{"rank": 8, "strength": s, "shrink": 3} for s in (3, 10)],
    "ease": [{"strength": s, "signed": k} for s in (100, 1000) for k in (False, True)],
})  # fmt: skip
"""What is tried on validation users."""
