"""MMAML and HSML in a world of two families of curves: what they read of a task is what they live on."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import cache, partial
from statistics import mean
from typing import Any

import pytest
import torch

from metassl.backbones.mlp import MLP
from metassl.inner.sgd import SGD
from metassl.learners.amortised.hsml import HSML
from metassl.learners.amortised.mmaml import MMAML
from tests.support.conflicting_families import train
from tests.support.swapped import embedding_of, told
from tests.support.two_curves import CURVES, squared_error, two_curves

COUNT = 20
LEARNERS = pytest.mark.parametrize(("kind", "steps"), [(MMAML, 150), (HSML, 200)])


@cache
def trained(kind: Callable[..., Any], steps: int, reads: bool = True) -> Any:
    """After a short training with one small inner step; without reading, all tasks are told the same."""
    torch.manual_seed(0)
    inner = partial(SGD, rate=0.01, steps=1, learned=False)
    learner = kind(MLP((1,), (16, 16), norm="none"), CURVES, inner, steps=1, test_steps=1)
    with nullcontext() if reads else told(learner, torch.zeros(learner.encoder.size)):
        train(learner, steps, tasks=16, rate=0.01, drawn=two_curves)
    return learner


def error_told(learner: Any, ahead: int) -> float:
    """Mean squared error on new tasks that are met with the embedding of the task so many places ahead."""
    tasks = [two_curves(COUNT, 7).task(t) for t in range(COUNT)]
    errors = []
    for t, task in enumerate(tasks):
        with told(learner, embedding_of(learner, tasks[(t + ahead) % COUNT]).detach()):
            errors.append(squared_error(learner, task))
    return mean(errors)


@LEARNERS
def test_mechanism_an_embedding_of_the_other_family_ruins_the_fit(kind: Any, steps: int) -> None:
    """The variance of these tasks is about 0.56."""
    learner = trained(kind, steps)
    own = error_told(learner, 0)
    assert own < 0.2
    assert error_told(learner, 1) > own + 0.7
    assert error_told(learner, 2) < own + 0.1


@LEARNERS
def test_mechanism_one_embedding_for_all_tasks_is_worse(kind: Any, steps: int) -> None:
    read, blind = trained(kind, steps), trained(kind, steps, reads=False)
    with told(blind, torch.zeros(blind.encoder.size)):
        tasks = [two_curves(COUNT, 7).task(t) for t in range(COUNT)]
        without = mean(squared_error(blind, task) for task in tasks)
    assert without > error_told(read, 0) + 0.1
