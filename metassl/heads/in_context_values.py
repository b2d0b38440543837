"""A learner in context of values: the transformer of InContext reads values in place of class labels.

Legend: K values of an item, n context items, U unlabelled, m items, D features, W width.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from metassl.heads.base import Head
from metassl.heads.in_context_layers import Read, beside, read
from metassl.outcomes.values import Values, mean_and_scale


class ReadValues(NamedTuple):
    """A task that was read: its items, and mean [K] and scale [K] of its values."""

    items: Read
    mean: Tensor
    scale: Tensor


class InContextValues(Head):
    """Predicts values by a transformer that reads the task's labelled and unlabelled items as tokens.

    t_ik = A z_i + e_label (y_ik - m_k)/s_k for a labelled item, A z_i + e_unknown for one without a value;
    f_k = m_k + s_k r·t_jk. m and s are mean and standard deviation of the labelled values, each by its row's
    weight.

    Label and unknown vectors, layers and readout are those of InContext; no weight belongs to one of the K
    values. Values in another unit are predicted in that unit. Queries enter as unlabelled items and see the
    context, not each other.

    Source: Garg et al. 2022, section 2 (a transformer that is trained to fit functions from examples in its
    context).

    Differs from the paper: an item and its value are one token where they have two, there are no positions,
    the labelled items all see each other and not those before them alone, and values are standardised.

    Args:
        item: A.
        label, unknown: e_label [W], e_unknown [W].
        layers: of the transformer, in order.
        readout: r with its norm.
    """

    outcomes = (Values,)
    reads_unlabelled = True
    refit_weight = 0.0

    def __init__(
        self, item: nn.Module, label: Tensor, unknown: Tensor, layers: Sequence[nn.Module], readout: nn.Module
    ) -> None:
        super().__init__()
        self.item, self.readout = item, readout
        self.label, self.unknown, self.layers = label, unknown, layers

    def fit(self, z: Tensor, q: Tensor, w: Tensor) -> ReadValues:
        """The labelled rows as the context."""
        return self.fit_with_unlabelled(z, q, w, z[:0], w[:0])

    def fit_with_unlabelled(self, z: Tensor, q: Tensor, w: Tensor, u: Tensor, u_weight: Tensor) -> ReadValues:
        """The labelled rows and those without a value as the context."""
        mean, scale = mean_and_scale(q, w)
        labelled = self._items(z, q) + ((q - mean) / scale).unsqueeze(-1) * self.label
        unlabelled = self._items(u, q) + self.unknown
        items = torch.cat((labelled, unlabelled.to(labelled.dtype)))
        live = torch.full_like(mean, 1 / len(mean)).to(z.dtype)
        return ReadValues(read(self.layers, items, torch.cat((w, u_weight)), live), mean, scale)

    def logits(self, state: ReadValues, z: Tensor) -> Tensor:
        """[m, K] values read from the tokens of items that see the context."""
        tokens = self._items(z, state.mean.unsqueeze(0)) + self.unknown
        answers = self.readout(beside(self.layers, tokens, state.items)).squeeze(-1)
        return state.mean + state.scale * answers.to(state.scale.dtype)

    def _items(self, z: Tensor, q: Tensor) -> Tensor:
        """[n, K, W] what each item is, for each of its values."""
        return self.item(z).unsqueeze(1).expand(-1, q.shape[-1], -1)
