"""Telling an objective other values: the copy has them, the objective keeps its own."""

import pytest
import torch

from metassl.ssl.base import SoftLabels, SSLObjective
from tests.support.contexts import D, U, context
from tests.support.numbers import random
from tests.support.objectives import EntropyOfOmega, Sharpened, contrastive, mean_teacher


def equal(labels: SoftLabels, others: SoftLabels) -> bool:
    return torch.equal(labels.q, others.q) and torch.equal(labels.weight, others.weight)


def test_the_copy_labels_by_its_values_and_the_objective_by_its_own() -> None:
    objective, given = Sharpened(0.5, 2.0), context({"plain": random(U, D)})
    before = objective.label(given)
    made = objective.having({"threshold": torch.tensor(0.9).double(), "temperature": 0.5})
    assert type(made) is Sharpened
    assert made is not objective
    expected = Sharpened(torch.tensor(0.9).double(), 0.5).label(given)
    assert equal(made.label(given), expected)
    assert (expected.q - before.q).abs().max() > 0.1
    assert (objective.threshold, objective.temperature) == (0.5, 2.0)
    assert equal(objective.label(given), before)


def test_a_value_that_the_objective_got_later_is_not_the_copys() -> None:
    objective = Sharpened(0.5, 2.0)
    made = objective.having({"threshold": 0.9})
    objective.temperature = 3.0
    assert (made.threshold, made.temperature) == (0.9, 2.0)


@pytest.mark.parametrize("make", [EntropyOfOmega, contrastive, mean_teacher])
def test_parts_are_shared(make: type[SSLObjective]) -> None:
    """The copy is shallow: it has the very parameters, buffers and modules of the objective."""
    objective = make()
    made = objective.having({"views": {}})
    assert [(n, id(p)) for n, p in made.named_parameters()] == [
        (n, id(p)) for n, p in objective.named_parameters()
    ]
    assert [id(b) for b in made.buffers()] == [id(b) for b in objective.buffers()]
    assert list(made.children()) == list(objective.children())
