"""A start that is mixed of several, trained end to end.

Legend: G starts.
"""

from torch import Tensor

from metassl.backbones.base import Backbone
from metassl.learners.base import MetaLearner, Scores
from metassl.learners.gradient.learner import BACKBONE
from metassl.learners.starts.distance import StartDistance
from metassl.learners.starts.learner import StartsLearner, start_weights
from metassl.schema.ranges import Positive, Several, Words
from metassl.tasks.episode import Episode
from metassl.tasks.stage import Stage


class MixedStarts(StartsLearner):
    """Starts each task from a mixture of G starts, the nearer the more, all trained end to end.

    φ_0 = θ + Σ_g softmax_g(-d(D, g) / (τ·d̄)) δ_g, d̄ the mean of d over the starts, a constant. The outer
    gradient reaches θ, every δ_g and, through the weights, what the distance is made of.

    Source: ours; parameters mixed by a kernel between tasks as in Venkitaraman et al. 2020 (TANML).

    Args:
        backbone, behind, distance, count, moves: see StartsLearner.
        temperature: τ.
    """

    def __init__(
        self,
        backbone: Backbone,
        behind: MetaLearner,
        distance: StartDistance,
        count: Several = 2,
        moves: Words = (BACKBONE,),
        temperature: Positive = 1.0,
    ) -> None:
        super().__init__(backbone, behind, distance, count, moves)
        self.temperature = temperature

    def weights(self, episode: Episode, stage: Stage) -> Tensor:
        """[G] in 0..1, sum 1."""
        return start_weights(self.distances(episode, stage), None, self.temperature)

    def outer_loss(self, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """That of the learner behind, from the mixture; in training also what trains the distance."""
        weights = self.weights(episode, stage)
        loss, scores = self.loss_from(self.under(weights), episode, stage)
        if not stage.training:
            return loss, scores
        metric = self.metric_loss(None, episode, stage)
        return loss + metric, scores | self.followed(weights.detach(), episode, stage)
