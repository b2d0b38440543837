"""Answers by the centres of classes: prototypes, refined by unlabelled rows, and by whitened columns.

Legend: n rows, m items, N way, D columns.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from metassl.heads.tabular.answers.rows import TINY, Items, Rows, only_live
from metassl.numerics.geometry import squared_distances
from metassl.numerics.precision import full_precision


class Centres(NamedTuple):
    """centres [N, D], width: a squared distance, live [N], whiten [D, D] of the rows before."""

    centres: Tensor
    width: Tensor
    live: Tensor
    whiten: Tensor


class Prototypes:
    """Softmax of -d²(x, p_c) / h, h the mean squared distance of the context's rows from the nearest centre.

    Args:
        rounds: of soft k-means on the context, which begins at the labelled rows' means.
        whitened: the context's rows are first made uncorrelated, as far as their number tells correlations.
    """

    count = 1

    def __init__(self, rounds: int = 0, whitened: bool = False) -> None:
        self.rounds, self.whitened = rounds, whitened

    @full_precision
    def fit(self, rows: Rows) -> tuple[Tensor, Centres]:
        """See Answer."""
        whiten = whitening(rows) if self.whitened else torch.eye(rows.items.z.shape[1]).to(rows.items.z)
        z = rows.items.z @ whiten
        mass = rows.mass
        centres, width = middle(z, mass, rows)
        for _ in range(self.rounds):
            share = only_live(-squared_distances(z, centres) / width, rows.live).softmax(-1)
            free = torch.where(rows.a > 0, 0, rows.w).unsqueeze(-1)
            mass = rows.mass + share * free
            centres, width = middle(z, mass, rows)
        own = only_live(-alone(z, mass * rows.y, mass, centres) / width, rows.live)
        return own.unsqueeze(0), Centres(centres, width, rows.live, whiten)

    def ask(self, state: Centres, items: Items) -> Tensor:
        """See Answer."""
        distances = squared_distances(items.z @ state.whiten, state.centres)
        return only_live(-distances / state.width, state.live).unsqueeze(0)


def middle(z: Tensor, mass: Tensor, rows: Rows) -> tuple[Tensor, Tensor]:
    """Centres [N, D] of rows z [n, D] in shares [n, N], and the mean squared distance from the nearest."""
    centres = (mass.T @ z) / mass.sum(0).clamp(min=TINY).unsqueeze(-1)
    d = torch.where(rows.live > 0, squared_distances(z, centres), torch.inf).amin(-1)
    return centres, ((d * rows.w).sum() / rows.w.sum().clamp(min=TINY)).clamp(min=1e-3 * rows.spread)


def alone(z: Tensor, own: Tensor, mass: Tensor, centres: Tensor) -> Tensor:
    """Measures squared distances [n, N] from centres of which each row's own part [n, N] is taken out.

    A class of which nothing else is left has its centre in the middle of all rows, 0.
    """
    total = mass.sum(0)
    rest = total - own  # [n, N]
    moved = total.unsqueeze(-1) * centres - own.unsqueeze(-1) * z.unsqueeze(1)
    left = (rest > 1e-3).unsqueeze(-1)
    others = torch.where(left, moved / rest.clamp(min=1e-3).unsqueeze(-1), 0.0)
    return (z.unsqueeze(1) - others).square().sum(-1)


def whitening(rows: Rows) -> Tensor:
    """Finds a map of the columns after which they are uncorrelated, as far as the rows tell: [D, D].

    Their covariance is drawn towards a multiple of the identity, the more the fewer rows there are.
    """
    z, w = rows.items.z, rows.w
    covariance = z.T @ (w.unsqueeze(-1) * z) / w.sum().clamp(min=TINY)
    used = (rows.deviation > 0).sum().clamp(min=1)
    level = (torch.diagonal(covariance).sum() / used).clamp(min=TINY)
    drawn = (used / (w.sum() + used)).clamp(min=0.05, max=0.9)
    eye = torch.eye(len(covariance), dtype=z.dtype, device=z.device)
    root = torch.linalg.cholesky_ex((1 - drawn) * covariance + (drawn * level + TINY) * eye)[0]
    return torch.linalg.solve_triangular(root, eye, upper=False).T * level.sqrt()
