"""Objectives on tasks that ask for values: by hand, and against what their formulas promise."""

import numpy as np
import pytest
import torch
from torch import Tensor

from metassl.numerics.graphs import affinity, connected
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.consistency.consistency import Consistency
from metassl.ssl.consistency.vat import VAT
from metassl.ssl.context import Context
from metassl.ssl.graph.label_propagation import LabelPropagation
from metassl.ssl.graph.points import task_points
from metassl.ssl.graph.poisson import Poisson, potential
from metassl.ssl.graph.random_walk import RandomWalk
from metassl.ssl.meta_learned.learned_critic import statistics
from metassl.ssl.meta_learned.reweight import Reweight
from tests.support.contexts import D, S, U, context
from tests.support.graph_and_cluster import naive_affinity
from tests.support.numbers import random
from tests.support.terms import make_term
from tests.support.valued import VALUES, valued

Y = random(S, 2, seed=7)


def linear(z: Tensor, params: object) -> Tensor:
    """[n, 2] values that are two of the features."""
    return z[:, :2]


def given(objective: SSLObjective, y: Tensor = Y, **changes: object) -> Context:
    views = {name: random(U, D, seed=10 + k) for k, name in enumerate(objective.views)}
    return valued(context(views, support=random(S, D, seed=3), logits=linear, **changes), y)


def test_consistency_is_the_squared_difference_of_the_values() -> None:
    made = given(Consistency())
    first, second = (made.unlabelled.views[name][:, :2] for name in ("first", "second"))
    expected = (first - second).square().sum(-1).mean()
    torch.testing.assert_close(Consistency().penalty(made), expected)


def test_labels_of_a_graph_are_means_of_the_support_in_the_same_proportions() -> None:
    """(I - αA)⁻¹ of the support's columns, rows normalised: against numpy; a constant stays itself."""
    objective = LabelPropagation(0.8, 4)
    made = given(objective)
    x = np.concatenate((random(S, D, seed=3).numpy(), made.unlabelled.views["plain"].numpy()))
    w = naive_affinity(x, 4)
    a = w / np.sqrt(np.outer(w.sum(0), w.sum(0)))
    reach = np.linalg.inv(np.eye(S + U) - 0.8 * a)[S:, :S]
    labels = objective.label(made)
    shares = reach / reach.sum(1, keepdims=True)
    torch.testing.assert_close(labels.q, torch.from_numpy(shares) @ Y)
    assert labels.weight.tolist() == [1] * U
    flat = objective.label(given(objective, torch.full((S, 1), -4.0).double()))
    torch.testing.assert_close(flat.q, torch.full((U, 1), -4.0).double())


def test_poisson_has_the_scale_and_the_place_of_the_values() -> None:
    """q(a·y + b) = a·q(y) + b, and on a line of points it grows with them."""
    objective = Poisson(3)
    q = objective.label(given(objective)).q
    moved = objective.label(given(objective, 3 * Y - 5)).q
    torch.testing.assert_close(moved, 3 * q - 5)
    line = torch.linspace(0, 1, 9).double().unsqueeze(1).expand(9, D)
    made = valued(context({"plain": line[1:8]}, support=line[[0, 8]], support_y=torch.tensor([0, 1])),
                  torch.tensor([[10.0], [20.0]]).double())  # fmt: skip
    found = objective.label(made).q.flatten()
    assert (found.diff() > 0).all()
    assert float(found[3]) == pytest.approx(15)
    assert 10 < float(found[0]) < 12
    assert 18 < float(found[-1]) < 20


def test_poisson_fits_its_potential_to_the_support() -> None:
    """Slope and height by numpy's least squares, from the potential alone."""
    objective, y = Poisson(3), Y[:, :1]
    made = given(objective, y)
    x, masses, w = task_points(made, "plain")
    graph = connected(affinity(x, w, 3), w, objective.background)
    u = potential(graph, torch.cat((y, 0 * masses[S:, :1])), w, made.episode.support_weight).numpy()
    columns = np.stack((u[:S, 0], np.ones(S)), axis=1)
    slope, height = np.linalg.lstsq(columns, y[:, 0].numpy(), rcond=None)[0]
    torch.testing.assert_close(objective.label(made).q, torch.from_numpy(slope * u[S:] + height))


def test_the_critic_sees_values_around_their_mean() -> None:
    outputs, weight = random(U, 2, seed=4), torch.tensor([1, 1, 0.5, 1, 1, 0, 1]).double()
    found = statistics(VALUES, outputs, torch.ones(2, dtype=torch.bool), weight)
    mean = np.average(outputs.numpy(), axis=0, weights=weight.numpy())
    away = outputs.numpy() - mean
    expected = np.stack((outputs.numpy(), away, away**2, np.broadcast_to(mean, away.shape)), axis=-1)
    torch.testing.assert_close(found, torch.from_numpy(expected))


def test_a_walk_that_comes_home_costs_less_than_one_that_does_not() -> None:
    """Two far groups: home when each group has one value, lost when values are mixed within the groups."""
    far = torch.tensor([0.0, 0, 0, 50, 50, 50]).double().unsqueeze(1)
    support = random(6, D, seed=3) * 0.1 + far
    u = torch.cat((random(5, D, seed=4) * 0.1, random(5, D, seed=5) * 0.1 + 50))
    walk = RandomWalk(smoothing=0.0, visit=1e-9)

    def penalty(y: list[float]) -> float:
        made = context({"plain": u}, support=support, support_y=torch.zeros(6).long())
        return float(walk.penalty(valued(made, torch.tensor(y).double().unsqueeze(1))))

    assert penalty([1, 1, 1, -1, -1, -1]) == pytest.approx(0, abs=1e-6)
    assert penalty([1, -1, 1, -1, 1, -1]) > 1


def test_vat_turns_to_where_the_values_change_most() -> None:
    """Of a linear predictor that is its first feature, with no other influence."""
    made = valued(
        context(
            {"plain": random(U, D, seed=1)}, logits=lambda z, _: z[:, :1], draws=torch.rand(U, D).double()
        ),
        Y[:, :1],
    )
    vat = VAT(epsilon=0.5, xi=1e-3)
    clean = made.logits("plain")
    direction = vat.direction(made, clean)
    torch.testing.assert_close(direction[:, 0].abs(), torch.ones(U).double())
    assert float(vat.penalty(made)) == pytest.approx(0.5 * 0.5**2)


def test_the_term_learns_values_as_labels() -> None:
    """λ·Σ_j w_j mean_k (f_k - q_k)² / |U|, as the outcome's loss."""
    term = make_term(LabelPropagation(0.8, 4))
    made = given(term.objective)
    labels = term.label(made)
    expected = (labels.weight * (made.logits("plain") - labels.q).square().mean(-1)).mean()
    torch.testing.assert_close(torch.as_tensor(term.loss(made)), expected)


def test_reweight_counts_a_value_by_whether_it_helps_the_support() -> None:
    """Predictor p·x: labels with the slope of S agree with its gradient; with the opposite slope they don't."""

    class Half(SSLObjective):
        """Labels the first half of U as S has it, the others the other way round."""

        views = {"plain": "plain"}  # noqa: RUF012
        outcomes = LabelPropagation.outcomes

        def label(self, context: Context) -> SoftLabels:
            x = context.unlabelled.views["plain"][:, :1]
            sign = torch.tensor([1.0] * 3 + [-1.0] * 4).double().unsqueeze(1)
            return SoftLabels(2 * sign * x, torch.ones(U).double(), "plain")

    x = random(S, D, seed=3)
    made = context(
        {"plain": 1 + random(U, D, seed=1).abs()}, support=x, params={"p": torch.zeros(()).double()},
        logits=lambda z, params: params["p"] * z[:, :1],
    )  # fmt: skip
    worth = Reweight(Half()).label(valued(made, 2 * x[:, :1])).weight
    assert (worth[:3] > 0).all()
    assert worth[3:].tolist() == [0] * 4
