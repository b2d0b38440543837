"""Proto-MAML: MAML whose head starts, in each task, as the prototypes' linear classifier.

Legend: N way, S support, D features.
"""

from typing import Any

from torch import Tensor

from metassl.learners.base import Anchor, Theta
from metassl.learners.gradient.learner import GradientLearner
from metassl.numerics.geometry import class_means
from metassl.outcomes.classification import one_hot
from metassl.tasks.episode import Episode
from metassl.tasks.stage import Stage


class ProtoMAML(GradientLearner):
    """The head starts at w_c = 2p_c, b_c = -‖p_c‖², so that wᵀz + b = -‖z - p_c‖² + ‖z‖².

    p_c is the mean feature of class c's support at θ, and the outer gradient flows through it. So the head
    has no initial weights of its own, and the names of the classes make no difference.

    Source: Triantafillou et al. 2020 (Meta-Dataset), section 3.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.head.requires_grad_(False)  # never read

    def start(self, theta: Theta, episode: Episode, anchor: Anchor, stage: Stage) -> dict[str, Tensor]:
        """φ_0. A class that the task lacks has p_c = 0."""
        weight = episode.support_weight if episode.padded else None
        z = self.embed(episode.support_x, weight, anchor)
        # all outputs of the head, which a task may have fewer classes than
        labels = one_hot(episode.support_y, self.way).to(z.dtype)
        p = class_means(z, labels, episode.support_weight)
        phi = super().start(theta, episode, anchor, stage)
        return {**phi, "head.weight": 2 * p, "head.bias": -p.square().sum(-1)}
