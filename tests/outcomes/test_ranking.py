"""Ranking against all orders of a small list, and against scikit-learn."""

from itertools import permutations

import numpy as np
import pytest
import torch
from sklearn.metrics import ndcg_score
from torch.nn import functional as F

from metassl.errors import ConfigError
from metassl.outcomes.ranking import Ranking, listwise, pairwise
from tests.support.numbers import random


def column(values) -> torch.Tensor:
    return torch.as_tensor(values).double().unsqueeze(-1)


def measured(scores, grades, top: int = 3, weight=None) -> dict[str, float]:
    w = torch.ones(len(scores)).double() if weight is None else torch.as_tensor(weight).double()
    found = Ranking(top=top).measure(column(scores), column(grades), w, {})
    return {name: float(value) for name, value in found.items()}


def first(found: dict[str, float]) -> dict[str, float]:
    """The scores at k alone."""
    return {name: found[name] for name in ("ndcg", "hit_rate")}


def by_all_orders(scores, grades, top: int) -> dict[str, float]:
    """Mean over all orders that agree with the scores."""
    gains = np.asarray(grades, float) - min(grades)
    discount = 1 / np.log2(np.arange(len(scores)) + 2) * (np.arange(len(scores)) < top)
    orders = [o for o in permutations(range(len(scores))) if all(np.diff([scores[i] for i in o]) <= 0)]
    ideal = (np.sort(gains)[::-1] * discount).sum()
    best = {i for i, g in enumerate(grades) if g == max(grades)}
    return {
        "ndcg": float(np.mean([(gains[list(o)] * discount).sum() / ideal for o in orders])),
        "hit_rate": float(np.mean([bool(best & set(o[:top])) for o in orders])),
    }


@pytest.mark.parametrize(("scores", "grades"), [
    ([3, 1, 2, 0, 5], [0, 1, 2, 3, 4]), ([1, 1, 1, 0, 2], [4, 0, 4, 4, 1]), ([0, 0, 0, 0, 0], [1, 2, 3, 3, 0]),
    ([5, 4, 3, 2, 1], [-2, -1, 0, 7, 3.5]), ([1, 2, 2, 2, 0], [3, 3, 0, 1, 1]),
])  # fmt: skip
@pytest.mark.parametrize("top", [1, 2, 3, 9])
def test_against_all_orders(scores, grades, top: int) -> None:
    found = measured(scores, grades, top)
    assert first(found) == pytest.approx(by_all_orders(scores, grades, top))


def test_ndcg_at_1_3_and_5_stand_beside_whatever_k() -> None:
    scores, grades = [3, 1, 2, 0, 5, 2], [0, 1, 2, 3, 4, 4]
    found = measured(scores, grades, 2)
    for k in (1, 3, 5):
        assert found[f"ndcg_{k}"] == pytest.approx(measured(scores, grades, k)["ndcg"])
    assert len({round(found[name], 6) for name in ("ndcg", "ndcg_1", "ndcg_3", "ndcg_5")}) == 4


def test_ndcg_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    scores, grades = rng.integers(0, 4, 12), rng.integers(0, 5, 12)
    grades[0] = 0
    assert measured(scores, grades, 4)["ndcg"] == pytest.approx(ndcg_score([grades], [scores], k=4))


def test_padding_has_no_part() -> None:
    scores, grades = [3.0, 1, 2, 9], [1.0, 2, 0, 8]
    assert measured(scores, grades, 2, [1, 1, 1, 0]) == measured(scores[:3], grades[:3], 2)
    w = torch.tensor([1, 1, 1, 0]).double()
    for method in ("listwise", "pairwise"):
        outcome = Ranking(method)
        whole = outcome.loss(column(scores), column(grades), w)
        torch.testing.assert_close(whole, outcome.loss(column(scores[:3]), column(grades[:3]), w[:3]))


def test_listwise_is_a_cross_entropy() -> None:
    s, g = random(5, seed=0), random(5, seed=1)
    expected = F.cross_entropy(s.unsqueeze(0), g.softmax(0).unsqueeze(0))
    torch.testing.assert_close(listwise(s, g, torch.ones(5).double()).mean(), expected)


def test_pairwise_against_loops() -> None:
    s, g, w = random(4, seed=0), torch.tensor([1, 0, 1, 2]).double(), torch.tensor([1, 1, 1, 0]).double()
    losses = [
        [F.softplus(-(s[i] - s[j]) * (g[i] - g[j]).sign()) for j in range(3) if g[j] != g[i]]
        for i in range(3)
    ]
    expected = torch.stack([torch.stack(each).mean() for each in losses])
    torch.testing.assert_close(pairwise(s, g, w)[:3], expected)


def test_chance_is_below_a_good_order() -> None:
    outcome, y = Ranking(top=2), column([0, 1, 2, 3, 4, 5])
    ones, present = torch.ones(6).double(), torch.ones(1, dtype=torch.bool)
    chance = float(outcome.constant(y, ones, y, ones, present, {}))
    assert 0 < chance < float(outcome.measure(y, y, ones, {})["ndcg"]) == 1


@pytest.mark.parametrize(("values", "line"), [
    ({"method": "listwize"}, "outcome.method: found 'listwize'.*listwise"), ({"top": 0}, "outcome.top: found 0"),
])  # fmt: skip
def test_a_slip_is_one_line(values, line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        Ranking(**values)
