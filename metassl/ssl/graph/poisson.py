"""Poisson learning: labels are sources and sinks on a graph of S ∪ U, and the potential labels U.

Legend: N way, S support, U unlabelled, n = S + U.
"""

from collections.abc import Callable
from functools import singledispatch
from typing import ClassVar, Literal

import torch
from torch import Tensor

from metassl.numerics.graphs import TINY, affinity, connected
from metassl.numerics.precision import full_precision
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import Classification, mask_classes
from metassl.outcomes.values import Values
from metassl.schema.constructor import checked
from metassl.schema.ranges import Count, Positive
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context
from metassl.ssl.graph.points import task_points


def graph(u: Tensor, labelled: Tensor) -> Tensor:
    """Leaves a potential as the equation's solution has it, 0 in the mean over the whole graph."""
    return u


def support(u: Tensor, labelled: Tensor) -> Tensor:
    """Makes a potential 0 in the mean over the labelled points.

    u [n, N], of which the first S are labelled, with weights labelled [S].
    """
    share = labelled / labelled.sum().clamp(min=TINY)
    return u - share @ u[: len(labelled)]


CENTRES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"graph": graph, "support": support}


class Poisson(SSLObjective):
    """Labels unlabelled images by a Poisson equation on a graph, stable at one label a class.

    q_j = softmax_c(u_jc / (T·rms u)), where L u = Σ_{i in S} (y_i - ȳ) δ_i and Σ_j d_j u_j = 0.

    L = D - W, d the degrees, ȳ the mean label of S. For T -> 0 this is the paper's decision argmax_c u_jc
    (its class sizes b unknown, that is b = ȳ). The paper iterates (Algorithm 1); n is small here, so the
    system is solved. Where the graph falls apart the equation has no solution; so all points are joined by
    weak edges (metassl.numerics.graphs.connected), which bounds u: a part without labels is undecided.

    Assumes that U has equally many images of each class with centre=graph: Σ_j d_j u_j = 0 for each class
    gives a large one little above 0. The equation leaves the constants open; centre=support has
    Σ_{i in S} u_i = 0 in place of it, which does not know the sizes.

    Of values, q_j = ȳ + b (u_j - ū_S), b by least squares on S: u is known but for its scale.
    Images that the distractor policy takes out are no points of the graph.

    Differs from the paper: soft labels, weak edges and values are ours, and so is centre=support.

    Source: Calder et al. 2020, eq. 2.1 and Algorithm 1.

    Args:
        neighbours: k of the graph.
        temperature: T > 0.
        background: the weak edges' share of the mean degree, above 0.
        centre: where u is 0 in the mean, for each class: graph or support.
    """

    views: ClassVar = {"plain": "plain"}
    outcomes = (Outcome,)
    hparams: ClassVar = {"temperature": "positive", "background": "positive"}

    @checked("ssl.objective")
    def __init__(
        self,
        neighbours: Count = 7,
        temperature: Positive = 0.5,
        background: Positive = 0.01,
        centre: Literal["graph", "support"] = "graph",
    ) -> None:
        super().__init__()
        self._centred = CENTRES[centre]
        self.neighbours, self.temperature, self.background = neighbours, temperature, background

    def label(self, context: Context) -> SoftLabels:
        """Soft labels of the plain view."""
        x, _, w = task_points(context, "plain")
        s = context.episode.support_targets().to(x.dtype)
        y = torch.cat((s, torch.zeros_like(s[:1]).expand(len(x) - len(s), -1)))
        edges = connected(affinity(x, w, self.neighbours), w, self.background)
        u = potential(edges, y, w, context.episode.support_weight)
        u = self._centred(u, context.episode.support_weight)
        return SoftLabels(decided(context.outcome, u, context, self.temperature), _ones(context), "plain")


def _ones(context: Context) -> Tensor:
    return torch.ones_like(context.weight)


@singledispatch
def decided(outcome: Outcome, u: Tensor, context: Context, temperature: float | Tensor) -> Tensor:
    """Turns the potential of S, then U, u [n, K], into labels of U, [U, K]."""
    raise NotImplementedError(type(outcome).__name__)


@decided.register
def _(outcome: Classification, u: Tensor, context: Context, temperature: float | Tensor) -> Tensor:
    live, u = context.episode.class_mask, u[len(context.episode.support_y) :]
    counts = (context.weight.unsqueeze(-1) * live).to(u.dtype)
    rms = ((u.square() * counts).sum() / counts.sum().clamp(min=TINY)).clamp(min=TINY).sqrt()
    return mask_classes(u / (temperature * rms), live).softmax(-1)


@decided.register
def _(outcome: Values, u: Tensor, context: Context, temperature: float | Tensor) -> Tensor:
    y = context.episode.support_targets().to(u.dtype)
    share = context.episode.support_weight / context.episode.support_weight.sum().clamp(min=TINY)
    at, mean_y, mean_u = u[: len(y)], share @ y, share @ u[: len(y)]
    slope = (share @ ((y - mean_y) * (at - mean_u))) / (share @ (at - mean_u).square()).clamp(min=TINY)
    return mean_y + slope * (u[len(y) :] - mean_u)


@full_precision
def potential(graph: Tensor, y: Tensor, weight: Tensor, labelled: Tensor) -> Tensor:
    """Solves the Poisson equation on a graph.

    [n, N] the solution u with Σ_j d_j u_j = 0, and 0 at points of weight 0.

    Args:
        graph: W [n, n], connected over the points with weight.
        y: [n, N] labels, those of S first.
        weight: [n], 0 leaves a point out; labelled: [S] weights of S.
    """
    source = (y[: len(labelled)] - _mean_label(y, labelled)) * labelled.unsqueeze(-1)
    source = torch.cat((source, torch.zeros_like(y[len(labelled) :])))
    present = (weight > 0).to(graph.dtype)
    degree = graph.sum(-1)
    # L alone is singular: constants cost nothing. 11ᵀ/n gives them a price and leaves all else as it is;
    # a point that is left out gets a row of its own.
    ones = present.unsqueeze(1) * present.unsqueeze(0) / present.sum().clamp(min=1)
    u = torch.linalg.solve(torch.diag(degree + 1 - present) - graph + ones, source)
    centre = (degree.unsqueeze(-1) * u).sum(0) / degree.sum().clamp(min=TINY)
    return (u - centre) * present.unsqueeze(-1)


def _mean_label(y: Tensor, labelled: Tensor) -> Tensor:
    mass = labelled.unsqueeze(-1)
    return (y[: len(labelled)] * mass).sum(0) / mass.sum().clamp(min=TINY)
