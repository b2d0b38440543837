"""What learners that adapt by gradient steps have in common: MAML and what is built like it.

Legend: N way, S support, U unlabelled, Q query, D features, K inner steps.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from torch import Tensor, nn

from metassl.backbones.base import Backbone
from metassl.errors import ConfigError
from metassl.inner.base import InnerOptimizer
from metassl.learners.adapted import Adapted, Anchor
from metassl.learners.base import SSL, MetaLearner, Scores, query_scores
from metassl.learners.gradient.inner_loop import (
    Found,
    InnerLoop,
    InnerStep,
    InnerTask,
    Loss,
    in_meta_parameters,
)
from metassl.learners.predictor import LOOK, LearnerPredictor
from metassl.norms.base import Pass, Statistics
from metassl.numerics.tensors import Tensors
from metassl.outcomes.base import mask_outputs
from metassl.ssl.context import Context, Memory
from metassl.tasks.episode import Episode, Unlabelled
from metassl.tasks.stage import Stage

R = TypeVar("R")
BACKBONE = "backbone."
HEAD = "head."


class GradientLearner(MetaLearner):
    """Adapts by gradient steps on the labelled and unlabelled examples of a task.

    φ_0 = start(θ), φ_{k+1} = inner step on L(S; φ_k) + λ·SSL(U; φ_k); the outer loss is L(Q; φ_K), where L is
    the outcome's loss: the cross-entropy of classes, an error of values.
    A subclass builds its head and, last, `inner` from what `moved` gives.

    Args:
        backbone: maps inputs to features.
        steps: K in training.
        test_steps: K at validation and test; None for the same number.
        order: 2 differentiates through the inner gradients, 1 takes them as constants.
        adapt: prefixes of the parameters that the inner loop moves.

    Attributes:
        head: from features to logits.
        inner: the inner optimiser.
    """

    head: nn.Module
    inner: InnerOptimizer

    def __init__(
        self,
        backbone: Backbone,
        steps: int,
        test_steps: int | None,
        order: int,
        adapt: Sequence[str],
    ) -> None:
        super().__init__(backbone)
        if order not in (1, 2):
            raise ConfigError(f"model.order: found {order!r}, allowed are 1 (first order) and 2.")
        self.order = order
        self.steps, self.test_steps = steps, steps if test_steps is None else test_steps
        self.prefixes = tuple(adapt)

    def moves(self, name: str) -> bool:
        """Whether the inner loop moves the parameter of this name."""
        return name.startswith(self.prefixes)

    def moved(self) -> dict[str, Tensor]:
        """What the inner loop moves: what an inner optimiser is made of.

        Raises ConfigError where that is nothing, as with the prefix of a backbone that is not trained.
        """
        found: dict[str, Tensor] = {name: p for name, p in self.named_parameters() if self.moves(name)}
        if not found:
            parts = sorted({f"'{name.split('.')[0]}.'" for name, _ in self.named_parameters()})
            raise ConfigError(
                f"model.adapt: found {list(self.prefixes)}, which names no parameter; allowed are prefixes "
                f"of the parameters' names, here {', '.join(parts) or 'none'}."
            )
        return found

    def start(self, episode: Episode, anchor: Anchor, stage: Stage) -> dict[str, Tensor]:
        """φ_0, the overlay that the first step starts from."""
        return {name: p for name, p in self.theta().items() if self.moves(name)}

    def adapt(self, episode: Episode, stage: Stage) -> Adapted:
        """K inner steps. U takes part from inner step `ssl.from_step` on."""
        for step in self.path(episode, stage):  # noqa: B007  the last one counts
            pass
        return self.adapted(episode, stage, step)

    def adapted(self, episode: Episode, stage: Stage, step: InnerStep) -> Adapted:
        """The end of an inner loop as `predict` wants it."""
        anchor = self.anchor(episode, stage)
        mask = episode.class_mask
        return Adapted(step.phi, {}, anchor, mask, step.memory, self.steps, episode.outcome)

    def path(self, episode: Episode, stage: Stage) -> Iterator[InnerStep]:
        """φ_0, φ_1, …, φ_K."""
        anchor = self.anchor(episode, stage)
        return self.path_from(self.start(episode, anchor, stage), episode, stage)

    def path_from(self, phi: Tensors, episode: Episode, stage: Stage) -> Iterator[InnerStep]:
        """φ_0, φ_1, …, φ_K from a given φ_0."""
        return self.loop(self.inner_task(phi, episode, stage)).run(phi)

    def loop(self, task: InnerTask) -> InnerLoop:
        """The inner loop of a task."""
        loss, order = partial(self.step_loss, task), self.order_at(task.stage)
        return InnerLoop(loss, self.inner, task.steps, order, self.last_loss(task))

    def inner_task(self, phi: Tensors, episode: Episode, stage: Stage) -> InnerTask:
        """The task with what no inner step from φ changes."""
        steps = self.steps_at(stage)
        task = InnerTask(episode, stage, self.anchor(episode, stage), steps)
        return self.knowing(phi, task) if steps else task

    def knowing(self, phi: Tensors, task: InnerTask) -> InnerTask:
        """The task with the features that no inner step from φ changes, of every draw of U's views."""
        draws = [task.episode.unlabelled.at(k) for k in range(1 + len(task.episode.unlabelled.later))]
        each = (replace(task, episode=replace(task.episode, unlabelled=u)) for u in draws)
        return replace(task, known=tuple(self.fixed_features(phi, one) for one in each))

    def redraws(self, training: bool) -> int:
        """See MetaLearner."""
        return self.ssl.redraws(self.steps_at(Stage(training=training)))

    def steps_at(self, stage: Stage) -> int:
        """K at this stage."""
        return self.steps if stage.training else self.test_steps

    def order_at(self, stage: Stage) -> int:
        """Order of the derivatives at this stage."""
        return self.order

    def step_loss(self, task: InnerTask, phi: Tensors, k: int, memory: Memory) -> tuple[Tensor, Found]:
        """The loss that inner step k descends, at φ."""
        met: Statistics = {}
        with self.placed(phi):
            context = self.inner_context(task, phi, k, memory, met)
            weight = self.weight_at(task, k)
            if weight:
                context = self.ssl.advanced(context)
            value = self.inner_loss(context, weight)
        return value, Found(value.detach(), context.memory, self.statistics(met))

    def last_loss(self, task: InnerTask) -> Loss | None:
        """That of the last step, where the others are first order and the objective has meta-parameters."""
        learns = task.stage.training and bool(self.ssl.meta_parameters())
        if not learns or self.order_at(task.stage) == 2 or not self.weight_at(task, task.steps - 1):
            return None
        return in_meta_parameters(self.step_loss, task, lambda: self.placed(self.only_objective()))

    def weight_at(self, task: InnerTask, k: int) -> float:
        """λ at inner step k."""
        if task.steps == 0:
            return 0.0
        return self.inner_weight(task.episode, task.stage) * self.ssl.over_steps(k, task.steps)

    def inner_loss(self, context: Context, weight: float) -> Tensor:
        """L(S) + λ·SSL(U), S as the objective weighs it. Called with φ in place."""
        episode, outputs = context.episode, context.support_logits()
        if not weight:
            return episode.support_loss(outputs)
        loss = episode.support_loss(outputs, self.ssl.support_weights(context))
        return loss + weight * self.ssl.loss(context)

    def statistics(self, met: Statistics) -> dict[str, Tensor]:
        """By name, what the norms of a pass met, for learners that keep averages of each step."""
        return {}

    def predict(self, adapted: Adapted, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """[n, K] outputs under θ with φ laid over it; weight [n] 0 for padding, which gives no statistics."""
        return self.logits(adapted, x, Pass(weight, adapted.step))

    def logits(self, adapted: Adapted, x: Tensor, how: Pass) -> Tensor:
        """[n, K] outputs under θ with φ laid over it, by a given pass."""
        with self.placed(adapted.overlay):
            return self.classify(self.embed(x, adapted.anchor, how), adapted.class_mask)

    def classify(self, z: Tensor, class_mask: Tensor) -> Tensor:
        """[n, K] outputs; a task with fewer classes than the head has outputs takes the first of them."""
        return mask_outputs(self.head(z)[..., : class_mask.shape[-1]], class_mask)

    def outer_loss(self, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """L on the queries after adaptation, plus the SSL terms of the outer loss."""
        adapted = self.adapt(episode, stage)
        loss, scores = self.query_loss(adapted, episode)
        return loss + self.outer_ssl(adapted, episode, stage), scores | self.reports(adapted.memory)

    def query_loss(self, adapted: Adapted, episode: Episode) -> tuple[Tensor, Scores]:
        """L of the adapted predictor on the queries, and its scores."""
        weight = episode.query_weight if episode.padded else None
        return query_scores(self.predict(adapted, episode.query_x, weight), episode)

    def outer_ssl(self, adapted: Adapted, episode: Episode, stage: Stage) -> Tensor | float:
        """λ_out·SSL on the outer loss's own images, plus what trains the objective's own networks."""
        total: Tensor | float = 0.0
        weight = self.outer_weight(episode, stage)
        if weight:
            with self.placed({**self.meta_constants(), **adapted.overlay}):
                context = self.context(episode, episode.outer_unlabelled, adapted, stage)
                total = total + weight * self.ssl.loss(self.ssl.advanced(context))
        own = {SSL + name for name in self.ssl.own_parameters()}
        if own and stage.training and self.uses_unlabelled(episode, stage):
            # the predictor is a constant here: its outer gradient comes from the queries
            at = {**self.theta(), **adapted.overlay}
            at = {name: p if name in own else p.detach() for name, p in at.items()}
            with self.placed(at):
                here = replace(adapted, overlay={name: at[name] for name in adapted.overlay})
                context = self.context(episode, episode.unlabelled, here, stage)
                total = total + self.ssl.penalty(self.ssl.advanced(context))
        return total

    def observe(self, episode: Episode, stage: Stage, function: Callable[[Context], R]) -> R:
        """See MetaLearner. The objective goes on from what it remembered at the last inner step."""
        adapted = self.adapt(episode, stage)
        with self.placed(adapted.overlay):
            context = self.context(episode, episode.unlabelled, adapted, stage)
            context = replace(context, step=self.steps_at(stage), memory=adapted.memory)
            return function(self.ssl.advanced(context))

    def inner_context(
        self, task: InnerTask, phi: Tensors, k: int, memory: Memory, met: Statistics
    ) -> Context:
        """The objective's view of the task at inner step k, with φ in place."""
        at = Adapted(phi, {}, task.anchor, task.episode.class_mask, step=k)
        unlabelled = task.episode.unlabelled.at(k)
        context = self.context(task.episode, unlabelled, at, task.stage, task.known_at(k), met)
        return replace(context, step=k, memory=memory)

    def context(
        self,
        episode: Episode,
        unlabelled: Unlabelled,
        adapted: Adapted,
        stage: Stage,
        known: Mapping[str, Tensor] | None = None,
        met: Statistics | None = None,
    ) -> Context:
        """The objective's view of a task through the parameters that are in place now."""
        classifier = partial(self.classify, class_mask=episode.class_mask)
        predictor = LearnerPredictor(
            learner=self,
            episode=episode,
            unlabelled=unlabelled,
            anchor=adapted.anchor,
            params=adapted.overlay,
            fit=lambda _: classifier,
            classifier=classifier,
            known=known or {},
            how=replace(LOOK, step=adapted.step, met=met),
        )
        return self.ssl.context(episode, unlabelled, predictor, stage)

    def fixed_features(self, phi: Tensors, task: InnerTask) -> dict[str, Tensor]:
        """Features that no inner step changes, computed once: all of them where the backbone stays."""
        if any(name.startswith(BACKBONE) for name in phi):
            return {}
        predictor = self.inner_context(replace(task, known=()), phi, 0, {}, {}).predictor
        views = task.episode.unlabelled.views if self.uses_unlabelled(task.episode, task.stage) else {}
        return {"support": predictor.support()} | {name: predictor.view(name) for name in views}
