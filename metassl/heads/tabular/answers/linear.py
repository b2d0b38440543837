"""Logistic regression, on the labels and on its own labels of the unlabelled rows.

Legend: n rows, m items, N way, D columns, L strengths.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from metassl.heads.tabular.answers.rows import Items, Rows, only_live
from metassl.numerics.precision import full_precision


class Regression(NamedTuple):
    """weights [L, D + 1, N], the intercept last; live [N]."""

    weights: Tensor
    live: Tensor


class Logistic:
    """Multinomial logistic regression, of several strengths at once.

    min Σ_i a_i CE(y_i, p_i) + λ/2 ‖W‖², the intercept is free.

    By the fixed bound ½XᵀAX + λI of the second derivatives (Böhning 1992), with Nesterov's momentum. What a
    row would get without its label is one Newton step without it.

    Args:
        strengths: λ of each; 1 is scikit-learn's default.
        trained_on_own: once more for each λ, on the rows without a label as well, by the square of what the
            first says of them, as far as it is sure.
        steps: of the iteration.
    """

    def __init__(
        self, strengths: Sequence[float] = (0.1, 1.0, 10.0), trained_on_own: bool = False, steps: int = 40
    ) -> None:
        self.strengths, self.trained_on_own, self.steps = tuple(strengths), trained_on_own, steps
        self.count = len(self.strengths)

    def fit(self, rows: Rows) -> tuple[Tensor, Regression]:
        """See Answer."""
        logits, weights = self._solved(rows.items.z, rows.y, rows.a, rows.live)
        if self.trained_on_own:
            y, a = own_labels(only_live(logits, rows.live).softmax(-1), rows)
            logits, weights = self._solved(rows.items.z, y, a, rows.live)
        return only_live(logits, rows.live), Regression(weights, rows.live)

    def ask(self, state: Regression, items: Items) -> Tensor:
        """See Answer."""
        return only_live(with_one(items.z) @ state.weights, state.live)

    @full_precision
    def _solved(self, z: Tensor, y: Tensor, a: Tensor, live: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [L, n, N] and weights, for labels y [n, N] or [L, n, N] that count a [n] or [L, n]."""
        x = with_one(z)
        a = a.expand(self.count, len(z)).unsqueeze(-1)
        penalty = z.new_tensor(self.strengths).view(-1, 1, 1) * z.new_ones(x.shape[1])
        penalty = torch.cat((penalty[..., :-1], torch.full_like(penalty[..., -1:], 1e-3)), dim=-1)
        bound = x.T @ (a * x) / 2 + penalty * torch.eye(x.shape[1], dtype=z.dtype, device=z.device)
        step = torch.linalg.inv(bound)
        penalty = penalty.transpose(-1, -2)
        weights = before = torch.zeros(self.count, x.shape[1], y.shape[-1], dtype=z.dtype, device=z.device)
        for t in range(self.steps):
            ahead = weights + t / (t + 3) * (weights - before)
            wrong = a * (y - only_live(x @ ahead, live).softmax(-1))
            before, weights = weights, ahead + step @ (x.T @ wrong - penalty * ahead)
        logits = x @ weights
        return logits - torch.where(a > 0, self._own_part(x, y, a, logits, live, penalty), 0), weights

    def _own_part(
        self, x: Tensor, y: Tensor, a: Tensor, logits: Tensor, live: Tensor, penalty: Tensor
    ) -> Tensor:
        """[L, n, N] what a row's own label adds to its logits: one Newton step without the row.

        With 1 - Σp² for the second derivative of a row, which for two classes it is.
        """
        p = only_live(logits, live).softmax(-1)
        curve = (1 - p.square().sum(-1, keepdim=True)).clamp(min=1e-3)
        eye = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
        inverse = torch.linalg.inv(x.T @ (a * curve * x) + penalty * eye)
        lever = ((x @ inverse) * x).sum(-1, keepdim=True)
        return a * lever / (1 - (a * curve * lever).clamp(max=0.98)) * (y - p)


def own_labels(p: Tensor, rows: Rows) -> tuple[Tensor, Tensor]:
    """Labels [L, n, N] and their weights [L, n]: the given ones, and sharpened p [L, n, N] elsewhere."""
    sharp = p.square() / p.square().sum(-1, keepdim=True)
    way = rows.live.sum().clamp(min=2)
    sure = ((sharp.amax(-1) - 1 / way) / (1 - 1 / way)).clamp(min=0)
    given = rows.a > 0
    y = torch.where(given.unsqueeze(-1), rows.y, sharp)
    return y, torch.where(given, rows.a, rows.w * sure)


def with_one(z: Tensor) -> Tensor:
    """Puts a column of ones behind: [n, D] -> [n, D + 1]."""
    return torch.cat((z, torch.ones_like(z[:, :1])), dim=1)
