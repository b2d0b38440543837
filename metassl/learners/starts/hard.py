"""Starts that split the training tasks among themselves; a new task takes the nearest.

Legend: G starts, Q query, F followed numbers.
"""

import torch
from torch import Tensor

from metassl.backbones.base import Backbone
from metassl.learners.base import MetaLearner, Scores
from metassl.learners.gradient.learner import BACKBONE
from metassl.learners.starts.distance import StartDistance
from metassl.learners.starts.learner import StartsLearner, start_weights
from metassl.schema.ranges import Positive, Several, Share, Words
from metassl.tasks.episode import Episode
from metassl.tasks.stage import Stage

NEAREST = "starts.nearest"
RECENT = 0.95  # of the usual distance, kept at each outer step


class Starts(StartsLearner):
    """Keeps G starts that split the training tasks among themselves; a new task takes the nearest one.

    θ_g = θ + δ_g, g = 1..G, and φ_0 = θ_g of the smallest d(D, g). In training no family of a task is known:
    the start with the smallest query loss is trained, and all of them by a small share of the mean, or one
    that is never best would never learn.
    With a `reach`, a task that is further from all starts than reach times the usual distance of training
    tasks to their nearest falls back to θ, which then is trained on every task as well: one more pass.

    Source: ours; the choice of a start by the task as in Zhou et al. 2021 (TSA-MAML), who have S alone and
    clusters of adapted parameters.

    Args:
        backbone, behind, distance, count, moves: see StartsLearner.
        share: of the mean loss of all G in each outer loss.
        reach: see above; None: every task takes its nearest start.
    """

    usual: Tensor

    def __init__(
        self,
        backbone: Backbone,
        behind: MetaLearner,
        distance: StartDistance,
        count: Several = 2,
        moves: Words = (BACKBONE,),
        share: Share = 0.05,
        reach: Positive | None = None,
    ) -> None:
        super().__init__(backbone, behind, distance, count, moves)
        self.share, self.reach = share, reach
        self.register_buffer("usual", torch.zeros(()))

    @torch.no_grad()
    def weights(self, episode: Episode, stage: Stage) -> Tensor:
        """[G] 1 for the nearest; all 0 for a task that is out of reach of all."""
        distances = self.distances(episode, stage)
        chosen = start_weights(distances, 1)
        return torch.where(self._far(distances), torch.zeros_like(chosen), chosen)

    def _far(self, distances: Tensor) -> Tensor:
        """Whether a task at these distances [G] is out of reach of all starts: scalar bool."""
        if self.reach is None:
            return torch.zeros_like(self.usual, dtype=torch.bool)
        return (self.usual > 0) & (distances.min() > self.reach * self.usual)

    def findings(self, episode: Episode, stage: Stage) -> Scores:
        """How far the task is from its nearest start, and 1 where that is out of reach."""
        distances = self.distances(episode, stage)
        found = {"start_distance": distances.min()}
        return (
            found if self.reach is None else found | {"start_far": self._far(distances).to(distances.dtype)}
        )

    def outer_loss(self, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """In training that of the best start, plus a share of the mean; else that of the nearest."""
        if not stage.training:
            return super().outer_loss(episode, stage)
        found = [self.loss_from(start, episode, stage) for start in self.each()]
        outer = torch.stack([loss for loss, _ in found])
        losses = torch.stack([scores["loss"] for _, scores in found]).detach()
        best = start_weights(losses, 1)
        scores = {
            name: torch.einsum("g,g...->...", best, torch.stack([one[name] for _, one in found]))
            for name in found[0][1]
        }
        loss = best @ outer + self.share * outer.mean()
        if self.reach is not None:
            general, _ = self.loss_from({}, episode, stage)
            loss, scores = loss + general, scores | self._reached(episode, stage)
        metric = self.metric_loss(losses, episode, stage)
        return loss + metric, scores | self.followed(best, episode, stage)

    @torch.no_grad()
    def _reached(self, episode: Episode, stage: Stage) -> Scores:
        """The distance to the nearest start, and 1 where there is one."""
        smallest = self.distances(episode, stage).min()
        known = torch.isfinite(smallest)
        return {NEAREST: torch.stack((torch.where(known, smallest, 0), known.to(smallest.dtype)))}

    @torch.no_grad()
    def after_outer_step(self, tasks: Episode, scores: Scores) -> None:
        """Follows what is usual of the starts, and how far from them training tasks usually are."""
        super().after_outer_step(tasks, scores)
        if self.reach is not None and scores[NEAREST][1] > 0:
            now = scores[NEAREST][0] / scores[NEAREST][1]
            self.usual.copy_(RECENT * self.usual + (1 - RECENT) * now if self.usual > 0 else now)
