"""How frequent classes are among unlabelled rows: against a plain loop, what it doesn't depend on, what it is worth.

Legend: n context rows, N way.
"""

import math

import pytest
import torch
from torch import Tensor

from metassl.heads.tabular.answers.rows import rows_of
from metassl.heads.tabular.frequencies import ROUNDS, Frequencies
from metassl.heads.tabular.head import TabularInContext
from tests.support.numbers import random

N, S, U = 3, 6, 30
LABELS = torch.tensor([0, 0, 1, 1, 2, 2])


def outcome(sharp: float = 2.0) -> Tensor:
    """[n, N] log-probabilities, of which most are for the first class."""
    return (sharp * (random(S + U, N, seed=1) + torch.tensor([1.5, 0.0, -0.5]))).log_softmax(-1).double()


def shift(answers: Tensor, w: Tensor | None = None, labels: Tensor = LABELS) -> Tensor:
    """[N] of a context whose first rows have labels."""
    q = torch.zeros(len(answers), answers.shape[1], dtype=torch.double)
    q[torch.arange(len(labels)), labels] = 1
    z = random(len(answers), 2, seed=2).double()
    rows = rows_of(z, q, torch.ones(len(answers), dtype=torch.double) if w is None else w)
    return Frequencies().double()(answers, rows).detach()


def by_hand(answers: Tensor) -> list[float]:
    """The same by loops over numbers."""
    sharp = [[math.exp(2 * v) for v in row] for row in answers[S:].tolist()]
    p = [[v / sum(row) for v in row] for row in sharp]
    pi, prior = [1 / N] * N, 1 / N
    for _ in range(ROUNDS):
        total = [50 * prior] * N
        for row in p:
            raised = [v * f / prior for v, f in zip(row, pi, strict=True)]
            total = [t + v / sum(raised) for t, v in zip(total, raised, strict=True)]
        pi = [t / (U + 50) for t in total]
    sure = sum((max(row) - 1 / N) / (1 - 1 / N) for row in p) / U
    return [0.5 * sure * math.log(f / prior) for f in pi]


def test_it_is_what_a_plain_loop_says() -> None:
    answers = outcome()
    found = shift(answers)
    torch.testing.assert_close(
        found, torch.tensor(by_hand(answers), dtype=torch.double), rtol=1e-5, atol=1e-6
    )
    assert found[0] > 0.05 > found[2]


def test_nothing_is_shifted_without_unlabelled_rows_or_by_even_answers() -> None:
    answers = outcome()
    assert shift(answers[:S]).abs().max() < 1e-9
    assert shift(answers, w=torch.cat((torch.ones(S), torch.zeros(U))).double()).abs().max() < 1e-9
    assert shift(torch.zeros_like(answers)).abs().max() < 1e-9


def test_rows_that_are_not_there_and_names_of_classes_are_of_no_influence() -> None:
    answers, order = outcome(), torch.tensor([2, 0, 1])
    there = torch.cat((torch.ones(S + U), torch.zeros(4))).double()
    padded = shift(torch.cat((answers, random(4, N, seed=5).double())), w=there)
    torch.testing.assert_close(padded, shift(answers))
    named = torch.argsort(order)[LABELS]
    torch.testing.assert_close(shift(answers[:, order], labels=named), shift(answers)[order])


def test_a_class_without_labels_stays_where_it_is() -> None:
    answers = torch.cat((outcome(), torch.full((S + U, 1), -1e4)), dim=1).double()
    torch.testing.assert_close(shift(answers), torch.cat((shift(outcome()), torch.zeros(1))).double())


def hits(share: float, shifted: bool, seed: int) -> float:
    """The share of 400 queries that an untrained head is right about: two classes that overlap, five labels each."""
    torch.manual_seed(seed)
    rare = torch.rand(700) > share
    y = torch.cat((torch.arange(10) % 2, rare.long()))
    z = torch.randn(710, 2, dtype=torch.double) + 1.2 * y.unsqueeze(1)
    context, q = z[:310], torch.zeros(310, 2, dtype=torch.double)
    q[torch.arange(10), y[:10]] = 1
    head = TabularInContext(8, 2, 1, 8, 4).double()
    if not shifted:
        torch.nn.init.constant_(head.frequencies.strength, -math.inf)
    state = head.fit(context, q, torch.ones(310, dtype=torch.double))
    return (head.logits(state, z[310:]).argmax(1) == y[310:]).double().mean().item()


@pytest.mark.parametrize(("share", "gain"), [(0.9, 0.03), (0.5, -0.02)])
@torch.no_grad()
def test_mechanism_frequencies_of_unlabelled_rows_are_worth_points_where_classes_are_not_even(
    share: float, gain: float
) -> None:
    """Nine to one, less what the same head has without the shift; even classes as the control."""
    lead = [hits(share, True, seed) - hits(share, False, seed) for seed in range(5)]
    assert sum(lead) / len(lead) > gain
