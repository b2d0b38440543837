"""An embedding of each thing that is known of an input, and layers that decide by all of them."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

from metassl.backbones.base import Backbone
from metassl.backbones.mlp import Layer
from metassl.norms.base import ALL_ROWS, Pass
from metassl.norms.kinds import Norm
from metassl.schema.ranges import Count, Counts, Whole
from metassl.tasks.spec import TaskSpec


class Blocks(Backbone):
    """Embeds each block of an input on its own, then decides by layers of linear, norm and ReLU.

    z = layers([E_1 x_1, …, E_B x_B]), x_b the b-th block of the input (the genres of a film, the age of a
    user), E_b a matrix without a bias; D = the last layer's size. Embeddings are called `embeddings.` and the
    rest `layers.`, so that a model can adapt the layers alone.

    Source: Lee et al. 2019 (MeLU), section 3.2 (a vector of each content, then fully connected layers).

    Differs from the paper: what has several values at once, such as genres, is the sum of their vectors, as
    there before the mean.

    Args:
        input_shape: shape of one input, flattened.
        task: says which numbers belong together; None, or a task that says nothing: all of them.
        size: of an embedding.
        sizes: of the layers.
        norm: of the layers: one of running, batch, support, group, none, or per_step and per_step_running.
        norm_steps: inner steps that have scales and shifts of their own in the norms of the last two kinds.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        task: TaskSpec | None = None,
        size: Count = 32,
        sizes: Counts = (64, 64),
        norm: Norm = "none",
        norm_steps: Whole = 0,
    ) -> None:
        super().__init__()
        self.norm = norm
        self.blocks: Sequence[int] = (task.blocks if task is not None else ()) or (prod(input_shape),)
        self.embeddings = nn.ModuleList(nn.Linear(width, size, bias=False) for width in self.blocks)
        widths = [size * len(self.blocks), *sizes]
        self.layers = nn.ModuleList(Layer(a, b, norm, norm_steps) for a, b in pairwise(widths))
        self.out_dim = widths[-1]

    def forward(self, x: Tensor, how: Pass = ALL_ROWS) -> Tensor:
        """[n, ...] -> [n, D]."""
        parts = x.flatten(1).split(list(self.blocks), dim=1)
        z = torch.cat([embed(part) for embed, part in zip(self.embeddings, parts, strict=True)], dim=1)
        for layer in self.layers:
            z = layer(z, how)
        return z
