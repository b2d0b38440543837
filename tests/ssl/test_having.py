"""Telling an objective other values: the copy has them, the objective keeps its own."""

import pytest
import torch
from torch import Tensor, nn

from metassl.ssl.base import SoftLabels, SSLObjective
from tests.support.contexts import D, U, context
from tests.support.numbers import random
from tests.support.objectives import EntropyOfOmega, Sharpened, contrastive, fixmatch, mean_teacher


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


def state(objective: SSLObjective) -> list[tuple[str, object]]:
    """Names and identities of all that a module registers."""
    found = (*objective.named_parameters(), *objective.named_buffers(), *objective.named_modules())
    return [(name, id(part)) for name, part in found if name]


class Buffered(SSLObjective):
    """An objective with one thing of each kind that a module registers."""

    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros(2))
        self.scale, self.part = nn.Parameter(torch.ones(2)), nn.Linear(2, 2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", torch.ones(2)),
        ("scale", nn.Parameter(torch.zeros(2))),
        ("part", nn.Linear(2, 2)),
        ("another", nn.Parameter(torch.zeros(2))),
        ("a_module", nn.Linear(2, 2)),
    ],
)
def test_what_a_module_registers_stays_as_well(name: str, value: object) -> None:
    """torch keeps parameters, buffers and modules in dicts of their own, which a shallow copy would share."""
    objective = Buffered()
    before = state(objective)
    made = objective.having({name: value})
    assert getattr(made, name) is value
    assert state(objective) == before


def test_a_parameter_in_place_of_a_number_is_the_copys_alone() -> None:
    objective = fixmatch("fixed", 0.8)
    made = objective.having({"threshold": nn.Parameter(torch.tensor(0.3))})
    assert float(made.threshold.detach()) == pytest.approx(0.3)
    assert objective.threshold == 0.8
    assert not list(objective.parameters())
