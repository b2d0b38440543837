"""Families of synthetic tables: how columns and classes hang together.

Legend: n rows, d columns, C classes, k causes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import tau
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from metassl.data.prior.labels import by_largest, by_order, shares
from metassl.schema.ranges import Count, NotNegative, Positive, Several, Span

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Plain:
    """Columns before anything is done to them, and classes: x [n, d], y [n] in 0..C-1."""

    x: Floats
    y: NDArray[np.int64]


class Family:
    """Draws tables of one kind."""

    def __call__(self, rng: Generator, n: int, d: int, classes: int) -> Plain:
        """A table of n rows, d columns and so many classes, each of which has rows."""
        raise NotImplementedError


class Clusters(Family):
    """Draws classes that are a few Gaussian clusters each, seen through a linear map.

    x = (c_g + z A_g) W + noise, z ~ N(0, I_r), g a cluster of the row's class, r up to 8 dimensions.

    Args:
        apart: span of the standard deviation of the centres, in those of a cluster.
        noise: span of the noise's.
        most_each: clusters of a class, drawn from 1.
        imbalance: concentration of the classes' Dirichlet shares; small is unequal.
    """

    def __init__(
        self,
        apart: Span = (1.0, 4.0),
        noise: Span = (0.0, 0.5),
        most_each: Count = 3,
        imbalance: Positive = 3.0,
    ) -> None:
        self.apart, self.noise, self.imbalance = pair(apart), pair(noise), imbalance
        self.most_each = most_each

    def __call__(self, rng: Generator, n: int, d: int, classes: int) -> Plain:
        """See Family."""
        y = by_order(rng.random(n), shares(rng, classes, self.imbalance))
        r = int(rng.integers(min(2, d), min(d, 8) + 1))
        most = self.most_each
        each = rng.integers(1, most + 1, classes)
        cluster = most * y + (rng.random(n) * each[y]).astype(np.int64)
        centres = rng.uniform(*self.apart) * rng.normal(size=(most * classes, r))
        spread = rng.normal(size=(most * classes, r, r)) / np.sqrt(r)
        z = centres[cluster] + np.einsum("nr,nrs->ns", rng.normal(size=(n, r)), spread[cluster])
        return Plain(seen_through(rng, z, d, rng.uniform(*self.noise)), y)


class Shapes(Family):
    """Draws classes that are thin curves, rings, arcs or spirals, which many rows show and few don't.

    A class is (a + b t)·(cos, sin)(θ + s t) around a centre, t ~ U(0, 1), with noise, seen through a linear
    map: dense along the curve and empty beside it, so that unlabelled rows say where a class goes on.

    Args:
        thickness: span of the noise's standard deviation; curves lie about 1 apart.
        imbalance: see Clusters.
    """

    def __init__(self, thickness: Span = (0.03, 0.15), imbalance: Positive = 10.0) -> None:
        self.thickness, self.imbalance = pair(thickness), imbalance

    def __call__(self, rng: Generator, n: int, d: int, classes: int) -> Plain:
        """See Family."""
        y = by_order(rng.random(n), shares(rng, classes, self.imbalance))
        k = np.arange(classes)
        turn = rng.uniform(0, tau)
        none = np.zeros(classes)
        apart = np.ceil(np.sqrt(classes))
        # start, growth, angle, sweep, and the centre, of each class
        rings = 1.0 + k, none, none, np.full(classes, tau), none, none
        arcs = none + 1.2, none, turn + np.pi * k, none + np.pi, 1.7 * (k % apart), 1.2 * (k // apart)
        arms = none + 0.4, none + 0.35 * classes, turn + tau * k / classes, none + 0.8 * tau, none, none
        kind = (rings, arcs, arms)[int(rng.integers(3))]
        start, growth, angle, sweep, across, up = (part[y] for part in kind)
        t = rng.random(n)
        z = (start + growth * t) * np.stack([np.cos(angle + sweep * t), np.sin(angle + sweep * t)])
        z = (z + np.stack([across, up])).T + rng.uniform(*self.thickness) * rng.normal(size=(n, 2))
        return Plain(seen_through(rng, z, d, 0.0), y)


class Networks(Family):
    """Draws a structural causal model: a random network from causes to all columns and to the class.

    h_0 = z, the k causes; h_l = act_l(h_{l-1} W_l + b_l) + noise, W_l sparse; columns are nodes of any layer,
    and the class is told by the order of one node, or by the largest of C mixtures of nodes. Source: Hollmann
    et al. 2023 (TabPFN), section 4.1 and appendix C.1, with one activation a layer as there.

    Args:
        noise: span of the noise's standard deviation.
        most_layers: L, drawn from 1.
        most_causes: k, drawn from 2; up to d.
        imbalance: see Clusters.
    """

    def __init__(
        self,
        noise: Span = (0.01, 0.3),
        most_layers: Count = 3,
        most_causes: Several = 12,
        imbalance: Positive = 3.0,
    ) -> None:
        self.noise, self.imbalance = pair(noise), imbalance
        self.most_layers, self.most_causes = most_layers, most_causes

    def __call__(self, rng: Generator, n: int, d: int, classes: int) -> Plain:
        """See Family."""
        layers = int(rng.integers(1, self.most_layers + 1))
        k = int(rng.integers(2, max(2, min(self.most_causes, d)) + 1))
        noise = rng.uniform(*self.noise)
        nodes = [causes(rng, n, k)]
        for _ in range(layers):
            width = int(rng.integers(4, 9)) + -(-d // layers)
            there = rng.random((nodes[-1].shape[1], width)) < rng.uniform(0.3, 1.0)
            h = nodes[-1] @ (rng.normal(size=there.shape) * there) / np.sqrt(len(there))
            act = ACTIVATIONS[int(rng.integers(len(ACTIVATIONS)))]
            nodes.append(standardised(act(h + rng.normal(size=width)) + noise * rng.normal(size=h.shape)))
        every = np.concatenate(nodes, axis=1)
        columns = rng.permutation(every.shape[1])[:d]
        return Plain(every[:, columns], self._classes(rng, nodes[-1], classes))

    def _classes(self, rng: Generator, h: Floats, classes: int) -> NDArray[np.int64]:
        wanted = shares(rng, classes, self.imbalance)
        if rng.random() < 0.5:
            return by_order(h[:, rng.integers(h.shape[1])], wanted)
        return by_largest(h @ rng.normal(size=(h.shape[1], classes)), wanted)


class Trees(Family):
    """Draws a class that a few trees tell from causes, of which columns are copies and mixtures.

    score_c = Σ_t leaf_tc, each tree of up to `most_depth` cuts, a level of it asking the same of all rows;
    the class is the largest score. Columns are causes, or two of them mixed, with noise.

    Args:
        noise: span of the noise's standard deviation.
        most_trees, most_depth: drawn from 1 and 2.
        imbalance: see Clusters.
    """

    def __init__(
        self,
        noise: Span = (0.0, 0.3),
        most_trees: Count = 4,
        most_depth: Several = 4,
        imbalance: Positive = 3.0,
    ) -> None:
        self.noise, self.imbalance = pair(noise), imbalance
        self.most_trees, self.most_depth = most_trees, most_depth

    def __call__(self, rng: Generator, n: int, d: int, classes: int) -> Plain:
        """See Family."""
        k = int(rng.integers(2, max(2, min(d, 8)) + 1))
        z = causes(rng, n, k)
        trees, depth = int(rng.integers(1, self.most_trees + 1)), int(rng.integers(2, self.most_depth + 1))
        asked = rng.integers(k, size=(trees, depth))
        cuts = z[rng.integers(n, size=(trees, depth)), asked]  # a cut is the value of some row
        leaf = ((z[:, asked] > cuts) << np.arange(depth)).sum(-1)  # [n, trees]
        values = rng.normal(size=(trees, 2**depth, classes))
        scores = values[np.arange(trees), leaf].sum(1) + 0.05 * rng.normal(size=(n, classes))
        y = by_largest(scores, shares(rng, classes, self.imbalance))
        mix = np.zeros((k, d))
        mix[np.arange(d) % k, np.arange(d)] = 1
        second = rng.integers(k, size=d)
        mix[second, np.arange(d)] += rng.normal(size=d) * (np.arange(d) >= k)
        x = z @ mix[:, rng.permutation(d)]
        return Plain(x + rng.uniform(*self.noise) * rng.normal(size=x.shape), y)


def pair(span: Sequence[float]) -> tuple[float, float]:
    """Plain numbers: a config's own list takes as long to read as a table to make."""
    low, high = span
    return float(low), float(high)


def causes(rng: Generator, n: int, k: int) -> Floats:
    """[n, k] independent: normal, uniform, or of two lumps."""
    z = rng.normal(size=(n, k))
    kind = rng.integers(3)
    if kind == 1:
        return (rng.random((n, k)) * 2 - 1) * np.sqrt(3)
    if kind == 2:
        return standardised(z + rng.uniform(1, 4, k) * (rng.random((n, k)) < 0.5))
    return z


def seen_through(rng: Generator, z: Floats, d: int, noise: NotNegative) -> Floats:
    """[n, r] -> [n, d]: by a random linear map that loses nothing where d is at least r."""
    r = z.shape[1]
    directions = rng.normal(size=(r, d))
    if d >= r:
        directions = np.linalg.qr(directions.T)[0].T * np.sqrt(d / r)
    x = z @ directions
    return x + noise * rng.normal(size=x.shape)


def standardised(x: Floats) -> Floats:
    """Each column to mean 0 and deviation 1; one of one value to 0."""
    deviation = x.std(0)
    result: Floats = (x - x.mean(0)) / np.where(deviation > 1e-9, deviation, 1)
    return result


ACTIVATIONS: Sequence[Callable[[Floats], Floats]] = (
    np.tanh, np.sin, np.abs, lambda x: x, lambda x: np.maximum(x, 0), np.square, lambda x: np.sign(x) + x / 4,
)  # fmt: skip
