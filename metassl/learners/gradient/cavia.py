"""CAVIA: adaptation moves a small context vector; the network is shared by all tasks.

Legend: E context parameters, C channels of the modulated layer, D features.
"""

from functools import partial
from operator import attrgetter
from typing import Literal

import torch
from torch import Tensor, nn

from metassl.backbones.base import Backbone
from metassl.backbones.film import film_layers, film_overlay
from metassl.errors import ConfigError
from metassl.inner.base import MakeInner
from metassl.inner.sgd import SGD
from metassl.learners.adapted import Anchor
from metassl.learners.gradient.inner_loop import InnerTask
from metassl.learners.gradient.learner import GradientLearner
from metassl.norms.base import ALL_ROWS, Pass
from metassl.numerics.tensors import Tensors
from metassl.schema.ranges import Count, Whole
from metassl.tasks.spec import TaskSpec

CONTEXT = "context_parameters"
RATE = 10.0  # c reaches the loss through one layer's scales and shifts alone


class CAVIA(GradientLearner):
    """Adapts a small vector that modulates one layer; the network itself is shared by all tasks.

    φ = c ∈ R^E, from c = 0: c ← c - α ∇_c [CE(S) + λ·SSL(U)]; the outer loop learns θ through that.
    c modulates one layer by FiLM, (gain, shift) = W c, γ' = 1 + gain, β' = shift. At c = 0 the network is the
    plain one; W starts at random, or no gradient would reach c.

    Differs from the paper: the linear map from c to the modulation has no bias, since the norm's own scale
    and shift are one.

    Source: Zintgraf et al. 2019, eq. 1 to 4; FiLM in their section 3.2.

    Args:
        backbone, task, inner, steps, test_steps, order: see MAML.
        size: E.
        layer: which norm of the backbone is modulated, from 0.
    """

    def __init__(
        self,
        backbone: Backbone,
        task: TaskSpec,
        inner: MakeInner = partial(SGD, rate=RATE, steps=1, learned=False),
        steps: Whole = 2,
        test_steps: Whole | None = 2,
        order: Literal[1, 2] = 2,
        size: Count = 100,
        layer: Whole = 3,
    ) -> None:
        super().__init__(backbone, steps, test_steps, order, [CONTEXT])
        layers = film_layers(backbone)
        if not 0 <= layer < len(layers):
            raise ConfigError(
                f"model.layer: found {layer}, allowed are the norms of the backbone, 0 to {len(layers) - 1}."
            )
        self.head = nn.Linear(backbone.out_dim, task.way)
        self.layer = layers[layer]
        self.context_parameters = nn.Parameter(torch.zeros(size), requires_grad=False)
        self.film = nn.Linear(size, 2 * self.layer.channels, bias=False)
        self.inner = inner(self.moved())

    def embed(self, x: Tensor, anchor: Anchor, how: Pass = ALL_ROWS) -> Tensor:
        """[n, D] features under the modulation by c."""
        gain, shift = self.film(self.context_parameters).chunk(2)
        here = {name: attrgetter(name)(self) for name in (self.layer.scale, self.layer.shift)}
        with self.placed(film_overlay(here, [self.layer], gain, shift)):
            return super().embed(x, anchor, how)

    def fixed_features(self, phi: Tensors, task: InnerTask) -> dict[str, Tensor]:
        """None: c changes all of them."""
        return {}
