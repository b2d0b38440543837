"""Proto-MAML: MAML whose head starts, in each task, as the prototypes' linear classifier.

Legend: N way, S support, D features.
"""

from typing import Literal

from torch import Tensor

from metassl.backbones.base import Backbone
from metassl.inner.base import MakeInner
from metassl.inner.sgd import SGD
from metassl.learners.adapted import Anchor
from metassl.learners.gradient.learner import BACKBONE, HEAD
from metassl.learners.gradient.maml import MAML
from metassl.learners.traits import LearnerTraits
from metassl.norms.base import Pass
from metassl.numerics.geometry import class_means
from metassl.outcomes.classification import Classification, one_hot
from metassl.schema.ranges import Whole, Words
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage


class ProtoMAML(MAML):
    """Starts the head of each task as prototypes, then adapts backbone and head by gradient steps.

    w_c = 2p_c, b_c = -‖p_c‖², so that wᵀz + b = -‖z - p_c‖² + ‖z‖². p_c is the mean feature of class c's
    support at θ, and the outer gradient flows through it. So the head has no initial weights of its own, and
    the names of the classes make no difference.

    Source: Triantafillou et al. 2020 (Meta-Dataset), section 3.

    Args:
        backbone, task, inner, steps, test_steps, order, adapt: see MAML.
    """

    traits = LearnerTraits(outcomes=(Classification,))

    def __init__(
        self,
        backbone: Backbone,
        task: TaskSpec,
        inner: MakeInner = SGD,
        steps: Whole = 3,
        test_steps: Whole | None = 4,
        order: Literal[1, 2] = 2,
        adapt: Words = (BACKBONE, HEAD),
    ) -> None:
        super().__init__(backbone, task, inner, steps, test_steps, order, adapt)
        self.way = task.way
        self.head.requires_grad_(False)  # never read

    def start(self, episode: Episode, anchor: Anchor, stage: Stage) -> dict[str, Tensor]:
        """φ_0. A class that the task lacks has p_c = 0."""
        weight = episode.support_weight if episode.padded else None
        z = self.embed(episode.support_x, anchor, Pass(weight))
        # all outputs of the head, which a task may have fewer classes than
        labels = one_hot(episode.support_y, self.way).to(z.dtype)
        p = class_means(z, labels, episode.support_weight)
        phi = super().start(episode, anchor, stage)
        return {**phi, "head.weight": 2 * p, "head.bias": -p.square().sum(-1)}
