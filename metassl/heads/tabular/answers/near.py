"""Answers by what is near: kernel ridge regression, and a mean over the near labelled rows.

Legend: n rows, m items, N way, D columns, B bandwidths.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from metassl.heads.tabular.answers.rows import TINY, Items, Rows, only_live, without_itself
from metassl.numerics.precision import full_precision

SHARP = 4.0  # logits for a regression onto 0 and 1


class Kernels(NamedTuple):
    """widths [B, 1, 1] of the kernels, weights [B, n, N] of the context's rows, prior and live [N]."""

    widths: Tensor
    weights: Tensor
    prior: Tensor
    live: Tensor


class KernelRidge:
    """Ridge regression onto the labels with a Gaussian kernel; without a row's label but for the prior.

    f = prior + K A^½ c, c = G A^½ (y - prior), G = (A^½ K A^½ + λI)⁻¹; row i without its
    label: y_i - c_i / (√a_i G_ii).

    Args:
        bandwidths: of the kernel exp(-d²/b), in mean squared distances of two rows.
        ridge: λ.
    """

    def __init__(self, bandwidths: Sequence[float] = (1.0, 0.2), ridge: float = 0.3) -> None:
        self.bandwidths, self.ridge = tuple(bandwidths), ridge
        self.count = len(self.bandwidths)

    @full_precision
    def fit(self, rows: Rows) -> tuple[Tensor, Kernels]:
        """See Answer."""
        apart = rows.items.apart
        widths = apart.new_tensor(self.bandwidths).view(-1, 1, 1) * rows.spread
        kernel = torch.exp(-apart / widths)
        root = torch.where(rows.a > 0, rows.a.clamp(min=TINY).sqrt(), 0).unsqueeze(-1)
        eye = torch.eye(len(apart), dtype=apart.dtype, device=apart.device)
        inverse = torch.linalg.inv(root * kernel * root.T + self.ridge * eye)
        c = inverse @ (root * (rows.y - rows.prior))
        own = rows.prior + kernel @ (root * c)
        diagonal = torch.diagonal(inverse, dim1=-2, dim2=-1).unsqueeze(-1)
        alone = rows.y - c / (root.clamp(min=1e-6) * diagonal)
        own = torch.where(root > 0, alone, own)
        state = Kernels(widths, root * c, rows.prior, rows.live)
        return only_live(SHARP * own, rows.live), state

    @full_precision
    def ask(self, state: Kernels, items: Items) -> Tensor:
        """See Answer."""
        kernel = torch.exp(-items.apart / state.widths)
        return only_live(SHARP * (state.prior + kernel @ state.weights), state.live)


class Labelled(NamedTuple):
    """The labels y [n, N] and their weights a [n], widths [B, 1, 1], live [N]."""

    y: Tensor
    a: Tensor
    widths: Tensor
    live: Tensor


class NearRows:
    """The labels of the labelled rows, by their nearness exp(-d²/h).

    Args:
        bandwidths: h, in the mean squared distance of a row from the one nearest to it, labelled or not.
    """

    def __init__(self, bandwidths: Sequence[float] = (0.5, 3.0)) -> None:
        self.bandwidths = tuple(bandwidths)
        self.count = len(self.bandwidths)

    def fit(self, rows: Rows) -> tuple[Tensor, Labelled]:
        """See Answer."""
        d = rows.items.apart
        present = rows.w > 0
        nearest = without_itself(d, present).amin(-1)
        nearest = torch.where(present & nearest.isfinite(), nearest, 0)
        h = (nearest.sum() / present.sum()).clamp(min=1e-3 * rows.spread)
        widths = d.new_tensor(self.bandwidths).view(-1, 1, 1) * h
        state = Labelled(rows.y, rows.a, widths, rows.live)
        itself = torch.eye(len(d), dtype=torch.bool, device=d.device)
        return self._answer(torch.where(itself, 1e9, d / widths), state), state

    def ask(self, state: Labelled, items: Items) -> Tensor:
        """See Answer."""
        return self._answer(items.apart / state.widths, state)

    def _answer(self, far: Tensor, state: Labelled) -> Tensor:
        share = (torch.where(state.a > 0, -far, -1e9) + state.a.clamp(min=TINY).log()).softmax(-1)
        return only_live((share @ state.y + 1e-3).log(), state.live)
