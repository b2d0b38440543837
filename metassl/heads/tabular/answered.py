"""All plain classifiers of a task side by side, and how each does on labelled rows that it has not seen.

Legend: n context rows, m items, N way, A answers.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from metassl.heads.tabular.answers.centres import Prototypes
from metassl.heads.tabular.answers.forest import Forest
from metassl.heads.tabular.answers.linear import Logistic
from metassl.heads.tabular.answers.near import KernelRidge, NearRows
from metassl.heads.tabular.answers.rows import TINY, Answer, Items, Rows, only_live
from metassl.heads.tabular.answers.spreading import Spreading
from metassl.heads.tabular.answers.tree_graph import TreeGraph

FACTS = 4
EQUAL = 1e-4  # logits that differ by rounding alone


def plain_answers() -> Sequence[Answer]:
    """Those that there are, in their order."""
    return (
        Logistic(), Logistic((1.0,), trained_on_own=True), KernelRidge(), NearRows(), Prototypes(),
        Prototypes(rounds=3), Prototypes(whitened=True), Spreading(), Forest(), TreeGraph(),
    )  # fmt: skip


def evenly(answers: Sequence[Answer]) -> Tensor:
    """Logits [A] by which each kind of classifier weighs the same, of whatever number of strengths it is.

    The last, which says what is frequent among the labels, weighs a tenth.
    """
    shares = [torch.full((answer.count,), 1 / answer.count) for answer in answers]
    return torch.cat([*shares, torch.full((1,), 0.1)]).log()


class Found(NamedTuple):
    """own [n, N, A] logits of the context's rows, states of the classifiers, facts [2A + 4] of the task."""

    own: Tensor
    states: tuple[Any, ...]
    facts: Tensor
    live: Tensor
    prior: Tensor


def found(answers: Sequence[Answer], rows: Rows) -> Found:
    """Fits them all; the last answer is the share of each class among the labels."""
    fitted = [answer.fit(rows) for answer in answers]
    frequent = as_frequent(rows.prior, rows.live, len(rows.w))
    own = torch.cat([each for each, _ in fitted] + [frequent]).permute(1, 2, 0)
    return Found(own, tuple(state for _, state in fitted), facts(own, rows), rows.live, rows.prior)


def asked(answers: Sequence[Answer], state: Found, items: Items) -> Tensor:
    """Asks all of them about items: [m, N, A] logits."""
    parts = [answer.ask(s, items) for answer, s in zip(answers, state.states, strict=True)]
    return torch.cat([*parts, as_frequent(state.prior, state.live, len(items.z))]).permute(1, 2, 0)


def as_frequent(prior: Tensor, live: Tensor, count: int) -> Tensor:
    """Answers each item by how frequent the classes are: [1, count, N] logits."""
    return only_live(prior.clamp(min=TINY).log(), live).expand(1, count, -1)


def facts(own: Tensor, rows: Rows) -> Tensor:
    """Says how each answer does on labelled rows without their labels, and how large the task is.

    [2A + 4] mean log-probabilities and accuracies, each class alike; four sizes.
    """
    mass = rows.mass
    counts = mass.sum(0)
    way = rows.live.sum().clamp(min=1)
    weight = (mass / counts.clamp(min=TINY) / way).unsqueeze(-1)  # [n, N, 1]
    sure = (own.log_softmax(1).clamp(min=-6) * weight).sum((0, 1))
    hits = ((own > own.amax(1, keepdim=True) - EQUAL) * weight).sum((0, 1))
    free = torch.where(rows.a > 0, 0, rows.w).sum()
    used = (rows.deviation > 0).sum().to(own.dtype)
    sizes = torch.stack(((counts.sum() / way).log(), free.log1p() / 4, used.log1p() / 4, way.log()))
    return torch.cat((sure, hits, sizes))
