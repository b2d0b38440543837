"""Learners that adapt by gradient steps on the task: MAML and what is built like it.

Legend: N way, S support, U unlabelled, Q query, D features, K inner steps.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from torch import Tensor, nn

from metassl.backbones.base import Backbone
from metassl.errors import ConfigError
from metassl.inner.base import InnerOptimizer
from metassl.learners.base import SSL, Adapted, Anchor, MetaLearner, Scores, Theta, query_scores
from metassl.learners.gradient.inner_loop import InnerLoop
from metassl.learners.predictor import LearnerWindow
from metassl.outcomes.classification import cross_entropy, mask_classes
from metassl.ssl.context import Context
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode, Unlabelled
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage

R = TypeVar("R")
BACKBONE = "backbone."


class GradientLearner(MetaLearner):
    """φ_0 = start(θ), φ_{k+1} = inner step on CE(S; φ_k) + λ·SSL(U; φ_k); the outer loss is CE(Q; φ_K).

    Source: Finn et al. 2017, Algorithm 2 (MAML; order=1 is its first-order form, section 5.2).

    Args:
        backbone: maps inputs to features.
        ssl: the SSL term; its loss is added to the inner loss, and with at=outer or both to the
            outer loss.
        task: its way is the number of outputs of the linear head.
        inner: the inner optimiser.
        steps: K in training.
        test_steps: K at validation and test; None for the same number.
        order: 2 differentiates through the inner gradients, 1 takes them as constants.
        adapt: prefixes of the parameters that the inner loop moves.

    Attributes:
        averages: whether training can follow the moving averages of a `running` norm.
    """

    averages: bool = False

    def __init__(
        self,
        backbone: Backbone,
        ssl: SSLTerm,
        task: TaskSpec,
        inner: InnerOptimizer,
        steps: int,
        test_steps: int | None,
        order: int,
        adapt: Sequence[str],
    ) -> None:
        super().__init__(backbone, ssl)
        if backbone.keeps_averages and not self.averages:
            raise ConfigError(
                "backbone.norm: found 'running', whose moving averages can't follow the gradient steps of "
                "a task. Allowed with this model: batch, group, support."
            )
        if order not in (1, 2):
            raise ConfigError(f"model.order: found {order!r}, allowed are 1 (first order) and 2.")
        self.head: nn.Module = nn.Linear(backbone.out_dim, task.way)
        self.way = task.way
        self.inner, self.order = inner, order
        self.steps, self.test_steps = steps, steps if test_steps is None else test_steps
        self.prefixes = tuple(adapt)
        self.bind_inner()

    def bind_inner(self) -> None:
        """Shows the inner optimiser what it moves; once more where a subclass adds to that."""
        self.inner.bind({name: p for name, p in self.named_parameters() if self.moves(name)})

    def moves(self, name: str) -> bool:
        """Whether the inner loop moves the parameter of this name."""
        return name.startswith(self.prefixes)

    def start(self, theta: Theta, episode: Episode, anchor: Anchor, stage: Stage) -> dict[str, Tensor]:
        """φ_0, the overlay that the first step starts from. Called with θ in place."""
        return {name: p for name, p in theta.items() if self.moves(name)}

    def adapt(self, theta: Theta, episode: Episode, stage: Stage) -> Adapted:
        """K inner steps. U takes part from inner step `ssl.from_step` on."""
        phi: Mapping[str, Tensor] = {}
        for phi in self.path(theta, episode, stage):  # noqa: B007  the last one counts
            pass
        return self.adapted(episode, stage, phi)

    def adapted(self, episode: Episode, stage: Stage, phi: Theta) -> Adapted:
        """φ as `predict` wants it."""
        return Adapted(phi, {}, self.anchor(episode, stage), episode.class_mask)

    def path(self, theta: Theta, episode: Episode, stage: Stage) -> Iterator[dict[str, Tensor]]:
        """φ_0, φ_1, …, φ_K."""
        inner, phi = self.loop(theta, episode, stage)
        return (moment.phi for moment in inner.moments(phi))

    def loop(self, theta: Theta, episode: Episode, stage: Stage) -> tuple[InnerLoop, dict[str, Tensor]]:
        """The inner loop of a task, and φ_0."""
        anchor = self.anchor(episode, stage)
        phi = self.under(theta, self.start, theta, episode, anchor, stage)
        steps = self.steps if stage.training else self.test_steps
        known = self.fixed_features(theta, phi, episode, anchor, stage) if steps else {}
        return InnerLoop(self, theta, episode, stage, anchor, steps, known), phi

    def step_loss(self, theta: Theta, overlay: Theta, context: Context, weight: float) -> Tensor:
        """The loss that an inner step descends, a function of φ = overlay; the place for what needs θ too."""
        return self.under({**theta, **overlay}, self.inner_loss, context, weight)

    def noted(self) -> dict[str, Tensor]:
        """What the last pass of an inner loss found besides its value (tensors, by name)."""
        return {}

    def order_at(self, stage: Stage) -> int:
        """Order of the derivatives at this stage."""
        return self.order

    def predict(self, theta: Theta, adapted: Adapted, x: Tensor) -> Tensor:
        """[n, N] logits under θ with φ laid over it."""
        return self.under({**theta, **adapted.overlay}, self._predict, adapted, x, None)

    def query_logits(self, theta: Theta, episode: Episode, stage: Stage) -> Tensor:
        """[Q, N] logits of the queries after adaptation; padding gives no batch statistics."""
        return self.after(theta, self.adapt(theta, episode, stage), episode)

    def after(self, theta: Theta, adapted: Adapted, episode: Episode) -> Tensor:
        """[Q, N] logits of the queries under θ with φ laid over it."""
        weight = episode.query_weight if episode.padded else None
        return self.under({**theta, **adapted.overlay}, self._predict, adapted, episode.query_x, weight)

    def outer_loss(self, theta: Theta, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """CE on the queries after adaptation, plus the SSL terms of the outer loss."""
        adapted = self.adapt(theta, episode, stage)
        loss, scores = query_scores(self.after(theta, adapted, episode), episode)
        return loss + self.outer_ssl(theta, adapted, episode, stage), scores

    def outer_ssl(self, theta: Theta, adapted: Adapted, episode: Episode, stage: Stage) -> Tensor | float:
        """λ_out·SSL on the outer loss's own images, plus what trains the objective's own networks."""
        total: Tensor | float = 0.0
        weight = self.outer_weight(episode, stage)
        if weight:
            placed = {**self.without_meta_gradient(theta), **adapted.overlay}
            context = self.context(episode, episode.outer_unlabelled, adapted.anchor, adapted.overlay, stage)
            total = total + weight * self.under(placed, self.ssl.loss, context)
        own = {SSL + name for name in self.ssl.own_parameters()}
        if own and stage.training and self.uses_unlabelled(episode, stage):
            # the predictor is a constant here: its outer gradient comes from the queries
            placed = {n: p if n in own else p.detach() for n, p in {**theta, **adapted.overlay}.items()}
            overlay = {name: placed[name] for name in adapted.overlay}
            context = self.context(episode, episode.unlabelled, adapted.anchor, overlay, stage)
            total = total + self.under(placed, self.ssl.penalty, context)
        return total

    def observe(self, theta: Theta, episode: Episode, stage: Stage, function: Callable[[Context], R]) -> R:
        """See MetaLearner."""
        adapted = self.adapt(theta, episode, stage)
        context = self.context(episode, episode.unlabelled, adapted.anchor, adapted.overlay, stage)
        return self.under({**theta, **adapted.overlay}, function, context)

    def inner_loss(self, context: Context, weight: float) -> Tensor:
        """CE(S) + λ·SSL(U). Called with φ in place."""
        episode = context.episode
        loss = cross_entropy(context.support_logits(), episode.support_y, episode.support_weight)
        return loss + weight * self.ssl.loss(context) if weight else loss

    def classify(self, z: Tensor, class_mask: Tensor) -> Tensor:
        """[n, N] logits; a task with fewer classes than the head has outputs takes the first of them."""
        return mask_classes(self.head(z)[..., : class_mask.shape[-1]], class_mask)

    def context(
        self,
        episode: Episode,
        unlabelled: Unlabelled,
        anchor: Anchor,
        overlay: Theta,
        stage: Stage,
        known: Theta | None = None,
        step: int = 0,
        memory: Any = (),
    ) -> Context:
        """The objective's window on the task, through the parameters that will be in place when it looks."""
        classifier = partial(self.classify, class_mask=episode.class_mask)
        window = LearnerWindow(
            self, episode, unlabelled, anchor, overlay, lambda _: classifier, classifier, known or {}
        )
        return Context(
            episode, unlabelled, window, stage, step, memory, self.ssl.policy, self.ssl.stop_gradient
        )

    def fixed_features(
        self, theta: Theta, phi: Theta, episode: Episode, anchor: Anchor, stage: Stage
    ) -> dict[str, Tensor]:
        """Features that no inner step changes, computed once: all of them where the backbone stays."""
        if any(name.startswith(BACKBONE) for name in phi):
            return {}
        unlabelled = episode.unlabelled
        context = self.context(episode, unlabelled, anchor, phi, stage)
        views = unlabelled.views if self.uses_unlabelled(episode, stage) else {}

        def compute() -> dict[str, Tensor]:
            window = context.predictor
            return {"support": window.support()} | {name: window.view(name) for name in views}

        return self.under(theta, compute)

    def _predict(self, adapted: Adapted, x: Tensor, weight: Tensor | None) -> Tensor:
        return self.classify(self.embed(x, weight, adapted.anchor), adapted.class_mask)
