"""MAML++: MAML with a loss after every inner step, rates and norms of each step, and a first-order start.

Legend: N way, Q query, K inner steps, C channels.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from metassl.backbones.base import Backbone
from metassl.errors import ConfigError
from metassl.inner.base import InnerOptimizer
from metassl.learners.base import Adapted, Anchor, Scores, Theta, query_scores
from metassl.learners.gradient.learner import GradientLearner
from metassl.norms.per_step import PerStep, PerStepAverages
from metassl.ssl.context import Context
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage

Notes = dict[int, list[dict[str, Tensor]]]
PARTS = ("mean", "var")
LEAST = 0.03  # K times the smallest weight of an earlier step's loss, in the authors' code


class MAMLpp(GradientLearner):
    """Outer loss Σ_k w_k CE(Q; φ_k), k = 1..K; w goes from 1/K each to the last step alone (MSL).

    Until `first_order_share` of training inner gradients are constants (derivative-order annealing). With
    backbone.norm=per_step every inner step k has its own scale and shift (BNWB), which the inner loop leaves
    alone; the pass over the queries after adaptation is step K. With per_step_running it has moving averages
    of its own as well (BNRS), which normalise at validation and test, so that no prediction depends on other
    queries; each meta-batch moves them once, by the mean over its tasks and passes. (The authors' code
    gathers averages but normalises with the batch at test as well.) Other norms work as in MAML.

    Source: Antoniou et al. 2019, section 4; the weights of the losses as in the authors' code.

    Args:
        backbone, ssl, task, inner, steps, test_steps, adapt: see GradientLearner; steps at least 1.
        multi_step_share: share of training until the last step's loss is left alone.
        first_order_share: share of training that is first order.
        momentum: share of a new meta-batch in the moving averages of per_step_running.
    """

    places_steps = True

    def __init__(
        self,
        backbone: Backbone,
        ssl: SSLTerm,
        task: TaskSpec,
        inner: InnerOptimizer,
        steps: int,
        test_steps: int | None,
        adapt: Sequence[str],
        multi_step_share: float,
        first_order_share: float,
        momentum: float,
    ) -> None:
        if steps < 1:
            raise ConfigError(f"model.steps: found {steps}, allowed with this model are 1 and more.")
        super().__init__(backbone, ssl, task, inner, steps, test_steps, 2, adapt)
        self.multi_step_share, self.first_order_share = multi_step_share, first_order_share
        self.momentum = momentum
        for norm in self._norms().values():
            norm.bind(steps + 1)
        self.bind_inner()

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

    def outer_loss(self, theta: Theta, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """The weighted losses after each step; what is logged is that of the last."""
        with self._noting():
            return self._outer_loss(theta, episode, stage)

    def _outer_loss(self, theta: Theta, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        inner, phi = self.loop(theta, episode, stage)
        weights = self.importance(stage, inner.steps)
        notes: Notes = defaultdict(list)
        losses = []
        for k, moment in enumerate(inner.moments(phi)):
            notes[k - 1].append(moment.noted)
            if k and weights[k - 1]:
                adapted = self.adapted(episode, stage, moment.phi)
                loss, scores = query_scores(self._queries(theta, adapted, episode, k), episode)
                notes[k].append(self.noted())
                losses.append(weights[k - 1] * loss)
        self._place(self.steps)
        total = torch.stack(losses).sum() + self.outer_ssl(theta, adapted, episode, stage)
        return total, scores | _per_step(notes, self.steps + 1)

    def step_loss(self, theta: Theta, overlay: Theta, context: Context, weight: float) -> Tensor:
        """CE(S) + λ·SSL(U), through the norms of the step."""
        self._place(context.step)
        return super().step_loss(theta, overlay, context, weight)

    def adapt(self, theta: Theta, episode: Episode, stage: Stage) -> Adapted:
        """K inner steps; whoever looks through φ then is at step K."""
        adapted = super().adapt(theta, episode, stage)
        self._place(self.steps)
        return adapted

    def after(self, theta: Theta, adapted: Adapted, episode: Episode) -> Tensor:
        """[Q, N] logits of the queries at step K."""
        return self._queries(theta, adapted, episode, self.steps)

    def predict(self, theta: Theta, adapted: Adapted, x: Tensor) -> Tensor:
        """[n, N] logits at step K."""
        self._place(self.steps)
        return super().predict(theta, adapted, x)

    def fixed_features(
        self, theta: Theta, phi: Theta, episode: Episode, anchor: Anchor, stage: Stage
    ) -> dict[str, Tensor]:
        """None where each step has norms of its own."""
        return {} if self._norms() else super().fixed_features(theta, phi, episode, anchor, stage)

    def noted(self) -> dict[str, Tensor]:
        """{norm/part: [C]} the statistics that the passes since the last call met, averaged over them."""
        found = {}
        for name, norm in self._averaging().items():
            for part, values in zip(PARTS, zip(*(norm.notes or []), strict=True), strict=False):
                found[f"{name}/{part}"] = torch.stack(values).mean(0)
            if norm.notes:
                norm.notes = []
        return found

    @torch.no_grad()
    def after_outer_step(self, tasks: Episode, scores: Scores) -> None:
        """Moves the averages towards the statistics of this meta-batch."""
        super().after_outer_step(tasks, scores)
        for name, norm in self._averaging().items():
            for part in PARTS:
                norm.get_buffer(part).lerp_(scores[f"{name}/{part}"], self.momentum)

    def _queries(self, theta: Theta, adapted: Adapted, episode: Episode, step: int) -> Tensor:
        self._place(step)
        return super().after(theta, adapted, episode)

    def _place(self, step: int) -> None:
        """The next passes are those of this step."""
        for norm in self._norms().values():
            norm.step = step

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Within it the norms gather the statistics that they meet."""
        for norm in self._averaging().values():
            norm.notes = []
        try:
            yield
        finally:
            for norm in self._averaging().values():
                norm.notes = None

    def _norms(self) -> dict[str, PerStep]:
        return {n: m for n, m in self.backbone.named_modules() if isinstance(m, PerStep)}

    def _averaging(self) -> dict[str, PerStepAverages]:
        return {n: m for n, m in self._norms().items() if isinstance(m, PerStepAverages)}


def _per_step(notes: Notes, steps: int) -> Scores:
    """{norm/part: [steps, C]}: the notes of each step, averaged."""
    names = notes[0][0] if notes[0] else {}
    return {
        name: torch.stack([torch.stack([n[name] for n in notes[k]]).mean(0) for k in range(steps)])
        for name in names
    }
