"""Tasks that ask for an order.

Legend: n items, one score each.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from metassl.outcomes.base import Units
from metassl.outcomes.scores import HIT_RATE, NDCG, NDCG_1, NDCG_3, NDCG_5, Score
from metassl.outcomes.values import Values
from metassl.schema.constructor import check_values
from metassl.schema.ranges import Count


def listwise(scores: Tensor, grades: Tensor, weight: Tensor) -> Tensor:
    """Asks for a distribution over the list that is the one of the grades.

    [n] -n P_i log softmax(s)_i with P = softmax(grades), both over the items with weight; n their number.

    Source: Cao et al. 2007 (ListNet), the loss by top-one probabilities.
    """
    away = torch.finfo(scores.dtype).min / 8
    present = weight > 0
    log_p = scores.masked_fill(~present, away).log_softmax(-1)
    target = grades.masked_fill(~present, away).softmax(-1)
    return -weight.sum() * target * torch.where(present, log_p, 0.0)


def pairwise(scores: Tensor, grades: Tensor, weight: Tensor) -> Tensor:
    """Asks that of two items the one with the higher grade have the higher score.

    [n] mean over the items j of another grade of log(1 + exp(±(s_i - s_j))), - where i has the higher grade.

    Source: Burges et al. 2005 (RankNet), the cost of a pair whose order is known.
    """
    sign = torch.sign(grades.unsqueeze(1) - grades.unsqueeze(0))
    counts = sign.abs() * weight.unsqueeze(0)
    wrong = F.softplus(-sign * (scores.unsqueeze(1) - scores.unsqueeze(0)))
    return (wrong * counts).sum(-1) / counts.sum(-1).clamp(min=1e-12)


LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {"listwise": listwise, "pairwise": pairwise}


@dataclass(frozen=True)
class Ranking(Values):
    """Asks for the order of a task's inputs by their grades, the best first.

    Outputs [n, 1] are scores, of which only the order counts; grades are numbers, the more the better.

    nDCG@k = DCG@k / the best DCG@k, DCG@k = Σ_{r ≤ k} g_r / log₂(r + 1), g_r the gain of the item at place r:
    its grade less the lowest of the list. The hit rate is 1 where the best item (or one as good) is among the
    first k, else 0. Items of equal score share their places: each counts what it would on average over all
    orders of them.

    Source: Järvelin & Kekäläinen 2002 (nDCG), with the discount log₂(r + 1) of Burges et al. 2005; ties as in
    McSherry & Najork 2008.

    Args:
        method: the loss: listwise or pairwise.
        top: k, 1 or more.
    """

    name: ClassVar[str] = "ranking"
    asks: ClassVar[str] = "an order"
    scores: ClassVar[tuple[Score, ...]] = (NDCG, HIT_RATE, NDCG_1, NDCG_3, NDCG_5)

    method: Literal["listwise", "pairwise"] = "listwise"
    top: Count = 5

    def __post_init__(self) -> None:
        check_values(type(self), "outcome", vars(self))

    def loss(self, outputs: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        """The loss of the list."""
        each = self.label_loss(outputs, y, weight)
        return (each * weight).sum() / weight.sum().clamp(min=1e-12)

    def label_loss(self, outputs: Tensor, q: Tensor, weight: Tensor) -> Tensor:
        """[n] each item's part of the loss of the list that it stands in."""
        return LOSSES[self.method](outputs.squeeze(-1), q.squeeze(-1), weight)

    def measure(self, outputs: Tensor, y: Tensor, weight: Tensor, units: Units) -> dict[str, Tensor]:
        """nDCG@k, hit rate@k, and nDCG@1, @3 and @5, 0..1; a list whose grades are all equal has nDCG 1."""
        scores, grades, present = outputs.squeeze(-1), y.squeeze(-1), weight > 0
        gains = (grades - grades.masked_fill(~present, torch.inf).min()) * present
        places, best = _place(scores, present), _place(grades, present)
        fixed = {score.name: k for score, k in ((NDCG_1, 1), (NDCG_3, 3), (NDCG_5, 5))}
        ndcg = {name: _ndcg(gains, places, best, k) for name, k in {NDCG.name: self.top, **fixed}.items()}
        return {**ndcg, HIT_RATE.name: self._hit(scores, grades, present)}

    def constant(
        self, support_y: Tensor, support_weight: Tensor, query_y: Tensor, query_weight: Tensor,
        present: Tensor, units: Units,
    ) -> Tensor:  # fmt: skip
        """The nDCG@k of an order by chance."""
        return self.measure(torch.zeros_like(query_y), query_y, query_weight, units)[NDCG.name]

    def label_quality(
        self, q: Tensor, weight: Tensor, truth: Tensor, own: Tensor, units: Units
    ) -> dict[str, Tensor]:
        """The nDCG@k of the order that the labels put U in."""
        counts = ((weight * own) > 0).to(q.dtype)
        return {NDCG.name: self.measure(q, truth, counts, units)[NDCG.name]} if counts.any() else {}

    def _hit(self, scores: Tensor, grades: Tensor, present: Tensor) -> Tensor:
        """Chance that one of the best items is among the first k: 1 - C(s - b, c) / C(s, c), where the best
        item with the highest score shares its places with s - 1 others, b of the s being best, and c of these
        places are among the first k."""
        best = present & (grades == grades.masked_fill(~present, -torch.inf).max())
        first, size = _place(scores, present)
        equal = (scores.unsqueeze(0) == scores.unsqueeze(1)) & best.unsqueeze(0)
        ahead = torch.where(best, first, len(scores))
        # by comparison: an index that is a tensor fails under vmap
        leader = torch.arange(len(scores), device=scores.device) == ahead.argmin()
        s, b = ((part * leader).sum().to(scores.dtype) for part in (size, equal.sum(-1)))
        c = (self.top - ahead.min()).to(scores.dtype).clamp(min=0).minimum(s)
        missed = torch.exp(_log_choose(s - b, c) - _log_choose(s, c))
        return torch.where(c > s - b, 1.0, 1 - missed).to(scores.dtype)


Places = tuple[Tensor, Tensor]
"""[n] the first of the places that an item shares with those of equal score, and how many they are."""


def _ndcg(gains: Tensor, found: Places, best: Places, top: int) -> Tensor:
    """nDCG@top of gains [n] at the places that were found, against the best ones."""
    ideal = (gains * _discount(best, top, gains)).sum()
    dcg = (gains * _discount(found, top, gains)).sum()
    return torch.where(ideal > 0, dcg / ideal.clamp(min=1e-12), torch.ones_like(ideal))


def _discount(places: Places, top: int, like: Tensor) -> Tensor:
    """[n] the mean discount of the places that each item may have, 0 beyond place `top`."""
    every = torch.arange(len(like), device=like.device)
    worth = torch.where(every < top, 1 / torch.log2(every.to(like.dtype) + 2), 0.0)
    before = torch.cat((torch.zeros_like(worth[:1]), worth.cumsum(0)))
    first, size = places
    return (before[first + size] - before[first]) / size.clamp(min=1)


def _place(scores: Tensor, present: Tensor) -> Places:
    """The places of scores [n] among those that are present [n]."""
    others = present.unsqueeze(0)
    first = ((scores.unsqueeze(0) > scores.unsqueeze(1)) & others).sum(-1)
    size = ((scores.unsqueeze(0) == scores.unsqueeze(1)) & others).sum(-1)
    return first, size


def _log_choose(n: Tensor, k: Tensor) -> Tensor:
    """log C(n, k); of no meaning where k > n."""
    return torch.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma((n - k).clamp(min=0) + 1)
