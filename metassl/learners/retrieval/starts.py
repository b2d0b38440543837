"""A few trained networks to start from, of which each task takes the one that is most like it.

Legend: N way, S support, U unlabelled, Q query, D features, G starts, P parameters of the backbone.
"""

from dataclasses import replace

import torch
from torch import Tensor

from metassl.backbones.base import Backbone
from metassl.heads.base import Head
from metassl.learners.base import Scores
from metassl.learners.gradient.learner import BACKBONE
from metassl.learners.metric.learner import HeadLearner
from metassl.norms.base import Pass
from metassl.numerics.tensors import Tensors
from metassl.outcomes.classification import Classification
from metassl.schema.ranges import Several, Share, Whole
from metassl.tasks.episode import Episode
from metassl.tasks.stage import Stage

RECENT = 0.95  # of a start's usual distance between prototypes, kept at each outer step
TINY = 1e-12


class Starts(HeadLearner):
    """Keeps G networks, and starts each task from the one whose view of the task is clearest, by S and U.

    θ_g = θ + δ_g, g = 1..G. With p_c the prototypes of S and u_j the unlabelled examples under θ_g,

        d(D, g) = mean_j min_c |u_j - p_c|² / mean_{c≠c'} |p_c - p_c'|²:

    small where U falls into clusters around the labelled examples, so that the classes are what this network
    tells apart. Without U, from S alone: the usual mean_{c≠c'} |p_c - p_c'|² of the tasks that trained θ_g,
    divided by this task's. The head has no names of classes, so that a start means the same whatever the
    classes are called. The task's closed form is then fitted under φ_0 = θ_g of the smallest d.
    In training no family of a task is known: the network with the smallest query loss is trained, and all of
    them by a small share of the mean, or one that is never best would never learn.

    Source: ours; the choice of a start by the task as in Zhou et al. 2021 (TSA-MAML), which has S alone and
    clusters of adapted parameters.

    Args:
        backbone, head, rounds: see HeadLearner. The norm must not follow moving averages: G networks have G.
        count: G.
        share: of the mean loss of all G in each outer loss.
    """

    typical: Tensor

    def __init__(
        self,
        backbone: Backbone,
        head: Head | None = None,
        rounds: Whole = 1,
        count: Several = 2,
        share: Share = 0.05,
    ) -> None:
        super().__init__(backbone, head, rounds)
        self.traits = replace(
            self.traits,
            follows_averages=False,
            reads_unlabelled=True,
            embeds_apart=False,
            outcomes=(Classification,),
        )
        self.count, self.share = count, share
        own = dict(backbone.named_parameters())
        self.names, self.shapes = [BACKBONE + name for name in own], [p.shape for p in own.values()]
        # as far apart as networks that were drawn anew; the scales of norms, which are all alike, are shared
        apart = [torch.randn(count, p.numel()) * p.detach().std(correction=0) for p in own.values()]
        self.delta = torch.nn.Parameter(torch.cat(apart, 1))
        self.register_buffer("typical", torch.zeros(count))

    def under(self, weights: Tensor) -> dict[str, Tensor]:
        """θ + Σ_g w_g δ_g for weights [G], as an overlay."""
        moved = (weights.unsqueeze(-1) * self.delta).sum(0)  # no matrix product, which autocast would round
        parts = moved.split([shape.numel() for shape in self.shapes])
        theta = self.theta()
        named = zip(self.names, self.shapes, parts, strict=True)
        return {name: theta[name] + part.view(shape) for name, shape, part in named}

    def each(self) -> list[dict[str, Tensor]]:
        """The G networks as overlays."""
        return [self.under(row) for row in torch.eye(self.count).to(self.delta)]

    def modulate(self, episode: Episode, stage: Stage) -> dict[str, Tensor]:
        """The nearest start."""
        return self.under(self.weights(episode, stage))

    @torch.no_grad()
    def weights(self, episode: Episode, stage: Stage) -> Tensor:
        """[G] what each start counts for a task: 1 for the nearest."""
        return _smallest(self.distances(episode, stage)).to(self.delta.dtype)

    def distances(self, episode: Episode, stage: Stage) -> Tensor:
        """[G] d(D, g), of S and, as the stage and the objective say, of U."""
        return torch.stack(
            [self._distance(g, overlay, episode, stage) for g, overlay in enumerate(self.each())]
        )

    def _distance(self, g: int, overlay: Tensors, episode: Episode, stage: Stage) -> Tensor:
        reads = self.uses_unlabelled(episode, stage)
        u = next(iter(episode.unlabelled.views.values())) if reads else episode.support_x[:0]
        weight = episode.unlabelled.weight if reads else episode.support_weight[:0]
        rows = torch.cat((episode.support_weight, weight))
        with self.placed(overlay):
            how = Pass(rows if episode.padded else None)
            z = self.embed(torch.cat((episode.support_x, u)), self.anchor(episode, stage), how)
        s, u = z.split([len(episode.support_x), len(u)])
        prototypes, between = _prototypes(s, episode)
        if not reads:  # a start that was never the best of a task has no tasks of its own
            return torch.where(self.typical[g] > 0, self.typical[g] / between.clamp_min(TINY), torch.inf)
        near = torch.cdist(u, prototypes).square().masked_fill(~episode.class_mask, torch.inf).amin(1)
        return (weight * near).sum() / weight.sum().clamp_min(1.0) / between.clamp_min(TINY)

    def outer_loss(self, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """In training that of the best start, plus a share of the mean; else that of the nearest."""
        if not stage.training:
            return super().outer_loss(episode, stage)
        overlays = self.each()
        found = [self.loss_under(overlay, episode, stage) for overlay in overlays]
        losses = torch.stack([scores["loss"] for _, scores in found])
        best = _smallest(losses.detach())
        outer = torch.stack([loss for loss, _ in found])
        scores = {
            name: torch.einsum("g,g...->...", best, torch.stack([one[name] for _, one in found]))
            for name in found[0][1]
        }
        with torch.no_grad():
            between = torch.stack([self._between(overlay, episode, stage) for overlay in overlays])
        scores |= {"starts.best": best, "starts.between": best * between}
        return best @ outer + self.share * outer.mean(), scores

    def _between(self, overlay: Tensors, episode: Episode, stage: Stage) -> Tensor:
        with self.placed(overlay):
            how = Pass(episode.support_weight if episode.padded else None)
            s = self.embed(episode.support_x, self.anchor(episode, stage), how)
            return _prototypes(s, episode)[1]

    @torch.no_grad()
    def after_outer_step(self, tasks: Episode, scores: Scores) -> None:
        """Follows how far apart a start's prototypes are in the tasks that train it."""
        super().after_outer_step(tasks, scores)
        best, between = scores["starts.best"], scores["starts.between"]
        now = torch.where(best > 0, between / best.clamp_min(TINY), self.typical)
        seen = torch.where(self.typical > 0, self.typical, now)
        self.typical.copy_(RECENT * seen + (1 - RECENT) * now)


def _smallest(values: Tensor) -> Tensor:
    """[G] 1 at the first of the smallest of values [G], else 0."""
    return (torch.arange(len(values), device=values.device) == values.argmin()).to(values.dtype)


def _prototypes(s: Tensor, episode: Episode) -> tuple[Tensor, Tensor]:
    """[N, D] prototypes of S, and the mean squared distance of two different ones."""
    rows = episode.support_targets() * episode.support_weight.unsqueeze(-1)
    prototypes = rows.T @ s / rows.sum(0).clamp_min(1.0).unsqueeze(-1)
    pairs = (episode.class_mask.unsqueeze(0) & episode.class_mask.unsqueeze(1)).to(s.dtype)
    pairs = pairs - torch.diag(torch.diagonal(pairs))
    squared = torch.cdist(prototypes, prototypes).square()
    return prototypes, (pairs * squared).sum() / pairs.sum().clamp_min(1.0)
