"""Balanced labels against POT and against what the marginals ask for."""

import numpy as np
import ot
import pytest
import torch

from metassl.errors import ConfigError
from metassl.ssl.self_labelling.sinkhorn import Sinkhorn
from tests.support.contexts import WAY, D, U, context
from tests.support.numbers import random


@pytest.mark.parametrize("prior", ["uniform", "predicted"])
@pytest.mark.parametrize("reg", [0.5, 1.0])
def test_labels_against_pot(prior: str, reg: float) -> None:
    u = random(U, D, seed=4)
    weight = torch.tensor([1, 1, 0.5, 0.2, 1, 1, 0.1]).double()
    labels = Sinkhorn(prior, reg, 3000).label(context({"plain": u}, weight=weight))
    p = u[:, :WAY].softmax(-1).numpy()
    a = weight.numpy() / weight.numpy().sum()
    b = np.full(WAY, 1 / WAY) if prior == "uniform" else a @ p
    plan = ot.sinkhorn(a, b, -np.log(p), reg, numItermax=20000, stopThr=1e-15)
    torch.testing.assert_close(
        labels.q, torch.from_numpy(plan / plan.sum(1, keepdims=True)), rtol=1e-6, atol=1e-9
    )
    torch.testing.assert_close(weight @ labels.q / weight.sum(), torch.from_numpy(b))
    assert not labels.q.requires_grad


def test_each_class_gets_its_part_even_from_a_biased_predictor() -> None:
    """A predictor that adds a constant to a class's logits says nothing new."""
    u = random(U, D, seed=4)
    fair = Sinkhorn("uniform", 0.5, 500).label(context({"plain": u})).q
    biased = Sinkhorn("uniform", 0.5, 500).label(context({"plain": u + 3 * torch.eye(1, D).double()})).q
    torch.testing.assert_close(biased, fair)
    torch.testing.assert_close(fair.sum(0), torch.full((WAY,), U / WAY).double())


def test_on_unequal_classes_the_uniform_prior_is_wrong() -> None:
    """Six images of class 0 and one of class 1: the balanced labels move images to other classes."""
    y = torch.tensor([0, 0, 0, 0, 0, 0, 1])
    u = 4 * torch.eye(WAY, D).double()[y] + 0.1 * random(U, D)
    given = context({"plain": u})
    assert (Sinkhorn("predicted", 0.5, 500).label(given).q.argmax(-1) == y).all()
    assert (Sinkhorn("uniform", 0.5, 500).label(given).q[:6, 0].mean()) < 0.5


def test_predicted_prior_without_sharpening_changes_nothing() -> None:
    u = random(U, D, seed=4)
    q = Sinkhorn("predicted", 1.0, 10).label(context({"plain": u})).q
    torch.testing.assert_close(q, u[:, :WAY].softmax(-1))


def test_an_unknown_prior_is_one_line() -> None:
    with pytest.raises(ConfigError, match=r"^ssl.objective.prior: found 'uniforn'. Did you mean 'uniform'"):
        Sinkhorn("uniforn", 0.5, 5)
