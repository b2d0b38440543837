"""The plain methods of recommendation that the benchmark compares with, each against a second way to compute it."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from benchmarks.rating_baselines import Fitted, UserTask
from metassl.data.recommendation.quality import ITEMS, USERS
from metassl.data.recommendation.tasks import RatingTasks
from metassl.data.recommendation.tastes import Tastes


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    small = {"users": 60, "items": 40, "fewest": 25, "most": 35, "features": 5, "ratio": (0.6, 0.2, 0.2)}
    tasks = Tastes(**small).prepared(lambda source: source.read())
    assert isinstance(tasks, RatingTasks)
    return Fitted(tasks)


@pytest.fixture(scope="module")
def task(fitted: Fitted) -> UserTask:
    """Five rated items of a user whom training has not seen, and seven others; one was rated by too few."""
    rng, rows = np.random.default_rng(0), fitted.tasks.inputs
    user = int(fitted.tasks.division.users["test"][0])
    items = rng.permutation(np.flatnonzero(~fitted.tasks.division.new))[:12]
    x = rows.rows(user, items).astype(np.float64)
    return UserTask(items[:5], rng.uniform(1, 5, 5), items[5:], x[:5], x[5:])


def residuals(fitted: Fitted) -> dict[int, dict[int, float]]:
    """Training user -> item -> what biases leave, rating by rating."""
    r, seen = fitted.tasks.ratings, fitted.tasks.division.seen
    rated = {
        (int(u), int(i)): float(v) for u, i, v in zip(r.user[seen], r.item[seen], r.value[seen], strict=True)
    }
    mean = np.mean(list(rated.values()))
    user, item = dict.fromkeys(range(r.user_count), 0.0), dict.fromkeys(range(r.item_count), 0.0)
    for _ in range(10):  # by turns, as Surprise
        for u in user:
            own = [v - mean - item[i] for (w, i), v in rated.items() if w == u]
            user[u] = sum(own) / (len(own) + USERS)
        for i in item:
            own = [v - mean - user[u] for (u, j), v in rated.items() if j == i]
            item[i] = sum(own) / (len(own) + ITEMS)
    left: dict[int, dict[int, float]] = {}
    for u in map(int, fitted.tasks.division.users["train"]):
        of_user = {i: v - mean - item[i] for (w, i), v in rated.items() if w == u and i in fitted.frequent}
        bias = sum(of_user.values()) / (len(of_user) + USERS)
        left[u] = {i: v - bias for i, v in of_user.items()}
    return left


def test_what_biases_leave_rating_by_rating(fitted: Fitted) -> None:
    for row, own in enumerate(residuals(fitted).values()):
        assert set(fitted.frequent[fitted.there[row] > 0]) == set(own)
        for item, value in own.items():
            assert fitted.table[row, fitted.place[item]] == pytest.approx(value, abs=1e-9)


def test_a_new_user_s_bias_is_shrunk_towards_none(fitted: Fitted, task: UserTask) -> None:
    made = fitted.biases(0)
    left, predicted = made.of(task)
    assert left.sum() == pytest.approx(0)
    user = (task.values - made.mean - made.items[task.support]).mean()
    np.testing.assert_allclose(predicted, made.mean + user + made.items[task.query])
    np.testing.assert_allclose(fitted.bias(1e12)(task), made.mean + made.items[task.query], atol=1e-6)


def test_ridge_is_scikit_learn_s_with_the_intercept_as_a_column(fitted: Fitted, task: UserTask) -> None:
    user = int(fitted.tasks.division.users["test"][0])
    every = fitted.tasks.inputs.rows(user, np.flatnonzero(~fitted.tasks.division.new)).astype(np.float64)
    says = every.std(0) > 1e-6

    def scaled(x: np.ndarray) -> np.ndarray:
        return np.c_[(x[:, says] - every[:, says].mean(0)) / every[:, says].std(0), np.ones(len(x))]

    plain = Ridge(10.0, fit_intercept=False).fit(scaled(task.support_x), task.values - fitted.tasks.mean)
    expected = fitted.tasks.mean + plain.predict(scaled(task.query_x))
    np.testing.assert_allclose(fitted.ridge(10.0)(task), expected, atol=1e-8)
    np.testing.assert_allclose(fitted.ridge_on_bias(1e12, 3)(task), fitted.bias(3)(task), atol=1e-6)


def test_neighbours_item_by_item(fitted: Fitted, task: UserTask) -> None:
    made, place = fitted.biases(3), fitted.place
    left, expected = made.of(task)
    for q, item in enumerate(task.query):
        above = below = 0.0
        for s, own in enumerate(task.support):
            if min(place[item], place[own]) >= 0:
                both = (fitted.there[:, place[item]] * fitted.there[:, place[own]]) > 0
                a, b = fitted.table[both][:, place[item]], fitted.table[both][:, place[own]]
                alike = a @ b / np.sqrt((a @ a) * (b @ b)) * both.sum() / (both.sum() + 100)
                above, below = above + alike * left[s], below + abs(alike)
        expected[q] += above / (0.3 + below)
    np.testing.assert_allclose(fitted.item_knn(3, 0.3)(task), expected, atol=1e-8)


@pytest.mark.parametrize("signed", [False, True])
def test_ease_is_a_ridge_regression_of_each_item_on_the_others(
    fitted: Fitted, task: UserTask, signed: bool
) -> None:
    x = fitted.table if signed else fitted.there
    count = x.shape[1]
    weights = np.zeros((count, count))
    for j in range(count):
        others = np.arange(count) != j
        weights[others, j] = Ridge(50.0, fit_intercept=False).fit(x[:, others], x[:, j]).coef_
    left, predicted = fitted.biases().of(task)
    of_support, of_query = fitted.place[task.support], fitted.place[task.query]
    given = np.zeros(count)
    given[of_support[of_support >= 0]] = (left if signed else np.ones(5))[of_support >= 0]
    expected = np.where(of_query >= 0, (given @ weights)[of_query], 0) + (predicted if signed else 0)
    np.testing.assert_allclose(fitted.ease(50.0, signed)(task), expected, atol=1e-6)


def test_factors_of_a_user_and_of_items_are_ridge_regressions(fitted: Fitted, task: UserTask) -> None:
    items = fitted.item_factors(3, 10.0)
    left, expected = fitted.biases(3).of(task)
    place = fitted.place[task.support]
    taste = Ridge(10.0, fit_intercept=False).fit(items[place[place >= 0]], left[place >= 0]).coef_
    of_query = fitted.place[task.query]
    expected = expected + np.where(of_query >= 0, items[of_query] @ taste, 0)
    np.testing.assert_allclose(fitted.factors(3, 10.0, 3)(task), expected, atol=1e-8)
    nothing = ((fitted.there * fitted.table) ** 2).sum()
    users = np.stack([
        Ridge(10.0, fit_intercept=False).fit(items[has], values[has]).coef_
        for values, has in zip(fitted.table, fitted.there > 0, strict=True)
    ])  # fmt: skip
    assert ((fitted.there * (fitted.table - users @ items.T)) ** 2).sum() < 0.9 * nothing
