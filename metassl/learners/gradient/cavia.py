"""CAVIA: adaptation moves a small context vector; the network is shared by all tasks.

Legend: E context parameters, C channels of the modulated layer, D features.
"""

from operator import attrgetter

import torch
from torch import Tensor, nn

from metassl.backbones.base import Backbone
from metassl.backbones.film import film_layers, film_overlay
from metassl.errors import ConfigError
from metassl.inner.base import InnerOptimizer
from metassl.learners.base import Anchor, Theta
from metassl.learners.gradient.learner import GradientLearner
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage

CONTEXT = "context_parameters"


class CAVIA(GradientLearner):
    """φ = c ∈ R^E, from c = 0: c ← c - α ∇_c [CE(S) + λ·SSL(U)]; the outer loop learns θ through that.

    c modulates one layer by FiLM, (gain, shift) = W c, γ' = 1 + gain, β' = shift. At c = 0 the network is the
    plain one; W starts at random, or no gradient would reach c.

    Source: Zintgraf et al. 2019, eq. 1 to 4; FiLM in their section 3.2. There the linear map has a bias;
    here the norm's own scale and shift are that bias.

    Args:
        backbone, ssl, task, inner, steps, test_steps, order: see GradientLearner.
        size: E.
        layer: which norm of the backbone is modulated, from 0.
    """

    def __init__(
        self,
        backbone: Backbone,
        ssl: SSLTerm,
        task: TaskSpec,
        inner: InnerOptimizer,
        steps: int,
        test_steps: int | None,
        order: int,
        size: int,
        layer: int,
    ) -> None:
        super().__init__(backbone, ssl, task, inner, steps, test_steps, order, [CONTEXT])
        layers = film_layers(backbone)
        if not 0 <= layer < len(layers):
            raise ConfigError(
                f"model.layer: found {layer}, allowed are the norms of the backbone, 0 to {len(layers) - 1}."
            )
        self.layer = layers[layer]
        self.context_parameters = nn.Parameter(torch.zeros(size), requires_grad=False)
        self.film = nn.Linear(size, 2 * self.layer.channels, bias=False)
        self.bind_inner()

    def embed(self, x: Tensor, weight: Tensor | None, anchor: Anchor) -> Tensor:
        """[n, D] features under the modulation by c."""
        gain, shift = self.film(self.context_parameters).chunk(2)
        here = {name: attrgetter(name)(self) for name in (self.layer.scale, self.layer.shift)}
        overlay = film_overlay(here, [self.layer], gain, shift)
        return self.under(overlay, super().embed, x, weight, anchor)

    def fixed_features(
        self, theta: Theta, phi: Theta, episode: Episode, anchor: Anchor, stage: Stage
    ) -> dict[str, Tensor]:
        """None: c changes all of them."""
        return {}
