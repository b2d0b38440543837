"""MAML++: MAML with a loss after every inner step, rates and norms of each step, and a first-order start.

Legend: N way, Q query, K inner steps, C channels.
"""

from collections import defaultdict

import torch
from torch import Tensor

from metassl.backbones.base import Backbone
from metassl.errors import ConfigError
from metassl.inner.base import MakeInner
from metassl.inner.layer_step_rates import LayerStepRates
from metassl.learners.base import Scores, query_scores
from metassl.learners.gradient.inner_loop import InnerTask
from metassl.learners.gradient.learner import BACKBONE, HEAD
from metassl.learners.gradient.maml import MAML
from metassl.learners.traits import LearnerTraits
from metassl.norms.base import Pass, Statistics
from metassl.norms.per_step import PerStep, PerStepAverages
from metassl.numerics.tensors import Tensors
from metassl.schema.ranges import Count, Share, Words
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage

PARTS = ("mean", "var")
LEAST = 0.03  # K times the smallest weight of an earlier step's loss, in the authors' code


class MAMLpp(MAML):
    """MAML with a loss after every inner step, learned rates and norms of each step, and a first-order start.

    Outer loss Σ_k w_k CE(Q; φ_k), k = 1..K; w goes from 1/K each to the last step alone (MSL).
    Until `first_order_share` of training inner gradients are constants (derivative-order annealing). With
    backbone.norm=per_step every inner step k has its own scale and shift (BNWB), which the inner loop leaves
    alone; the pass over the queries after adaptation is step K. With per_step_running it has moving averages
    of its own as well (BNRS), which normalise at validation and test, so that no prediction depends on other
    queries; each meta-batch moves them once, by the mean over its tasks and passes. Other norms work as in
    MAML.

    Differs from the paper: by default validation and test normalise with the batch, as the authors' code
    does; the paper's averages of each step are per_step_running. The first-order start is a share of
    training, a tenth, where theirs is 50 epochs.

    Source: Antoniou et al. 2019, section 4; the weights of the losses as in the authors' code.

    Args:
        backbone, task, inner, steps, test_steps, adapt: see MAML; steps at least 1.
        multi_step_share: share of training until the last step's loss is left alone.
        first_order_share: share of training that is first order.
        momentum: share of a new meta-batch in the moving averages of per_step_running.
    """

    traits = LearnerTraits(tells_steps=True)

    def __init__(
        self,
        backbone: Backbone,
        task: TaskSpec,
        inner: MakeInner = LayerStepRates,
        steps: Count = 3,
        test_steps: Count | None = None,
        adapt: Words = (BACKBONE, HEAD),
        multi_step_share: Share = 0.1,
        first_order_share: Share = 0.1,
        momentum: Share = 0.2,
    ) -> None:
        if steps < 1:
            raise ConfigError(f"model.steps: found {steps}, allowed with this model are 1 and more.")
        super().__init__(backbone, task, inner, steps, test_steps, 2, adapt)
        self.multi_step_share, self.first_order_share = multi_step_share, first_order_share
        self.momentum = momentum

    @property
    def transductive(self) -> bool:
        """Whether a norm takes its statistics from the queries at test."""
        own = any(norm not in self._averaging() for norm in self._norms())
        return own or super().transductive

    def moves(self, name: str) -> bool:
        """Whether the inner loop moves it: the norms of the steps stay."""
        kept = {f"backbone.{norm}.{part}" for norm in self._norms() for part in ("weight", "bias")}
        return super().moves(name) and name not in kept

    def order_at(self, stage: Stage) -> int:
        """1, later 2."""
        return 1 if stage.training and stage.progress < self.first_order_share else 2

    def importance(self, stage: Stage, steps: int) -> list[float]:
        """w_1, …, w_K for K = steps."""
        share = stage.progress / self.multi_step_share if self.multi_step_share else 1.0
        if not stage.training or share >= 1:
            return [0.0] * (steps - 1) + [1.0]
        early = max(1 - share, LEAST) / steps
        return [early] * (steps - 1) + [1 - early * (steps - 1)]

    def outer_loss(self, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """The weighted losses after each step; what is logged is that of the last."""
        weights = self.importance(stage, self.steps_at(stage))
        weight = episode.query_weight if episode.padded else None
        found: dict[int, list[Tensors]] = defaultdict(list)
        losses = []
        for k, step in enumerate(self.path(episode, stage)):
            found[k - 1].append(step.statistics)
            if k and weights[k - 1]:
                met: Statistics = {}
                adapted = self.adapted(episode, stage, step)
                logits = self.logits(adapted, episode.query_x, Pass(weight, k, met=met))
                loss, scores = query_scores(logits, episode)
                found[k].append(self.statistics(met))
                losses.append(weights[k - 1] * loss)
        total = torch.stack(losses).sum() + self.outer_ssl(adapted, episode, stage)
        return total, scores | _of_each_step(found, self.steps + 1) | self.reports(adapted.memory)

    def fixed_features(self, phi: Tensors, task: InnerTask) -> dict[str, Tensor]:
        """None where each step has norms of its own."""
        return {} if self._norms() else super().fixed_features(phi, task)

    def statistics(self, met: Statistics) -> dict[str, Tensor]:
        """{norm/part: [C]} the statistics that passes met, averaged over them."""
        found = {}
        for name, norm in self._averaging().items():
            for part, values in zip(PARTS, zip(*met.get(norm, []), strict=True), strict=False):
                found[f"{name}/{part}"] = torch.stack(values).mean(0)
        return found

    @torch.no_grad()
    def after_outer_step(self, tasks: Episode, scores: Scores) -> None:
        """Moves the averages towards the statistics of this meta-batch."""
        super().after_outer_step(tasks, scores)
        for name, norm in self._averaging().items():
            for part in PARTS:
                norm.get_buffer(part).lerp_(scores[f"{name}/{part}"], self.momentum)

    def _norms(self) -> dict[str, PerStep]:
        return {n: m for n, m in self.backbone.named_modules() if isinstance(m, PerStep)}

    def _averaging(self) -> dict[str, PerStepAverages]:
        return {n: m for n, m in self._norms().items() if isinstance(m, PerStepAverages)}


def _of_each_step(found: dict[int, list[Tensors]], steps: int) -> Scores:
    """{norm/part: [steps, C]}: what was met at each step, averaged."""
    names = found[0][0] if found[0] else {}
    return {
        name: torch.stack([torch.stack([f[name] for f in found[k]]).mean(0) for k in range(steps)])
        for name in names
    }
