"""MMAML: a network that reads the task modulates every layer, and MAML's inner steps go on from there.

Legend: N way, S support, U unlabelled, D features, E task embedding, F channels of all modulated layers.
"""

from dataclasses import replace
from operator import attrgetter
from typing import Literal

import torch
from torch import Tensor, nn

from metassl.backbones.base import Backbone
from metassl.backbones.film import film_layers, film_overlay
from metassl.inner.base import MakeInner
from metassl.inner.held import Held
from metassl.inner.sgd import SGD
from metassl.learners.adapted import Anchor
from metassl.learners.amortised.hypernet import zero
from metassl.learners.amortised.set_encoder import SetEncoder, read_task
from metassl.learners.gradient.inner_loop import InnerLoop, InnerTask
from metassl.learners.gradient.learner import BACKBONE, HEAD
from metassl.learners.gradient.maml import MAML
from metassl.learners.traits import LearnerTraits
from metassl.norms.base import ALL_ROWS, Pass
from metassl.numerics.tensors import Tensors
from metassl.schema.ranges import Whole, Words
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage

GAIN, SHIFT = "gain", "shift"


class MMAML(MAML):
    """Reads the task and scales and shifts every layer for it, then takes gradient steps from there.

    (g, s) = W t + b, t = encoder(S ∪ U); layer l puts out (1 + g_l) ⊙ a_l + s_l before its ReLU; with g and s
    held fixed φ_0 = θ, φ_{k+1} = φ_k - α ∇[L(S; φ_k, g, s) + λ·SSL(U; φ_k, g, s)]; the outer loss is
    L(Q; φ_K, g, s).

    So tasks of different kinds need no initialisation in common: the modulation says which kind it is, the
    steps do the rest. W and b start at 0, and the learner as MAML. Of classes the encoder sees examples and
    no names; of values it sees the labels. U takes part as items without a label.
    Source: Vuorio et al. 2019, Algorithm 1 and section 4; FiLM and the fixed modulation as in their code.

    Differs from the paper: the encoder is a set's, of features of the backbone without modulation, where
    theirs is an LSTM over the pairs (x, y) or, of classes, a convolutional network that pools images as here.

    Args:
        backbone, task, inner, steps, test_steps, order, adapt: see MAML.
        encoder: reads the task; None: with its own defaults.

    Raises:
        ConfigError: the backbone has a norm that can't be modulated.
    """

    traits = LearnerTraits(reads_unlabelled=True)
    gain: Tensor
    shift: Tensor

    def __init__(
        self,
        backbone: Backbone,
        task: TaskSpec,
        inner: MakeInner = SGD,
        steps: Whole = 3,
        test_steps: Whole | None = 4,
        order: Literal[1, 2] = 2,
        adapt: Words = (BACKBONE, HEAD),
        encoder: SetEncoder | None = None,
    ) -> None:
        super().__init__(backbone, task, inner, steps, test_steps, order, adapt)
        self.layers = film_layers(backbone)
        self.encoder = encoder or SetEncoder(backbone.out_dim, task=task)
        channels = sum(layer.channels for layer in self.layers)
        self.film = zero(nn.Linear(self.encoder.size, 2 * channels))
        for name in (GAIN, SHIFT):  # the places that a task's modulation is laid over
            self.register_buffer(name, torch.zeros(channels), persistent=False)

    def start(self, episode: Episode, anchor: Anchor, stage: Stage) -> dict[str, Tensor]:
        """φ_0, and beside it the modulation [F] and [F]."""
        encoding = self.encoder(read_task(self, episode, anchor, stage))
        gain, shift = self.film(encoding.task).chunk(2)
        return {**super().start(episode, anchor, stage), GAIN: gain, SHIFT: shift}

    def loop(self, task: InnerTask) -> InnerLoop:
        """That of MAML, which leaves the modulation as it is."""
        return replace(super().loop(task), optimizer=Held(self.inner, (GAIN, SHIFT)))

    def embed(self, x: Tensor, anchor: Anchor, how: Pass = ALL_ROWS) -> Tensor:
        """[n, D] features under the modulation that is in place; without one as they are."""
        names = [name for layer in self.layers for name in (layer.scale, layer.shift)]
        here = {name: attrgetter(name)(self) for name in names}
        with self.placed(film_overlay(here, self.layers, self.gain, self.shift)):
            return super().embed(x, anchor, how)

    def fixed_features(self, phi: Tensors, task: InnerTask) -> dict[str, Tensor]:
        """See GradientLearner: under the modulation of the task."""
        with self.placed({name: phi[name] for name in (GAIN, SHIFT)}):
            return super().fixed_features(phi, task)
