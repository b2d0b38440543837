"""Learners that adapt by gradient steps on the task: MAML and what is built like it.

Legend: N way, S support, U unlabelled, Q query, D features.
"""

from collections.abc import Sequence
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.func import grad

from metassl.backbones.base import Backbone
from metassl.episode import Episode, TaskSpec, Unlabelled
from metassl.errors import ConfigError
from metassl.learners.base import Adapted, Anchor, MetaLearner, Theta, query_scores
from metassl.learners.inner import InnerOptimizer
from metassl.losses import cross_entropy, mask_classes
from metassl.ssl.base import Context
from metassl.ssl.term import SSLTerm
from metassl.stage import Stage


class GradientLearner(MetaLearner):
    """φ_0 = θ, φ_{k+1} = inner step on CE(S; φ_k) + λ·SSL(U; φ_k); the outer loss is CE(Q; φ_K).

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
    """

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
        if backbone.keeps_averages:
            raise ConfigError(
                "backbone.norm: found 'running', whose moving averages can't follow the gradient steps of "
                "a task. Allowed with this model: batch, group, support."
            )
        if order not in (1, 2):
            raise ConfigError(f"model.order: found {order!r}, allowed are 1 (first order) and 2.")
        self.head = nn.Linear(backbone.out_dim, task.way)
        self.inner, self.order = inner, order
        self.steps, self.test_steps = steps, steps if test_steps is None else test_steps
        self.selected = [name for name, _ in self.named_parameters() if name.startswith(tuple(adapt))]

    def adapt(self, theta: Theta, episode: Episode, stage: Stage) -> Adapted:
        """K inner steps. U takes part from inner step `ssl.from_step` on."""
        return self.under(theta, self._adapt, theta, episode, stage)

    def _adapt(self, theta: Theta, episode: Episode, stage: Stage) -> Adapted:
        phi = {name: theta[name] for name in self.selected}
        state = self.inner.init(phi)
        anchor = self.anchor(episode, stage)
        constant = torch.no_grad() if self.order == 1 else nullcontext()
        for step in range(self.steps if stage.training else self.test_steps):
            weight = self.inner_weight(episode, stage) if step >= self.ssl.from_step else 0.0

            def loss(overlay: Theta, weight: float = weight) -> Tensor:
                return self.under(overlay, self._inner_loss, episode, anchor, weight, stage)

            with constant:
                gradients = grad(loss)(phi)
            phi, state = self.inner.update(gradients, state, phi, step)
        return Adapted(phi, {}, anchor, episode.class_mask)

    def predict(self, theta: Theta, adapted: Adapted, x: Tensor) -> Tensor:
        """[n, N] logits under θ with φ laid over it."""
        return self.under({**theta, **adapted.overlay}, self._predict, adapted, x, None)

    def query_logits(self, theta: Theta, episode: Episode, stage: Stage) -> Tensor:
        """[Q, N] logits of the queries after adaptation; padding gives no batch statistics."""
        return self._after(theta, self.adapt(theta, episode, stage), episode)

    def meta_loss(self, theta: Theta, episode: Episode, stage: Stage) -> tuple[Tensor, dict[str, Tensor]]:
        """CE on the queries after adaptation, plus λ_out·SSL on the outer loss's own images."""
        adapted = self.adapt(theta, episode, stage)
        loss, scores = query_scores(self._after(theta, adapted, episode), episode)
        weight = self.outer_weight(episode, stage)
        if weight:
            overlaid = {**theta, **adapted.overlay}
            loss = loss + weight * self.under(overlaid, self._outer_penalty, episode, adapted, stage)
        return loss, scores

    def _after(self, theta: Theta, adapted: Adapted, episode: Episode) -> Tensor:
        weight = episode.query_weight if episode.padded else None
        return self.under({**theta, **adapted.overlay}, self._predict, adapted, episode.query_x, weight)

    def _predict(self, adapted: Adapted, x: Tensor, weight: Tensor | None) -> Tensor:
        return self._classify(self.embed(x, weight, adapted.anchor), adapted.class_mask)

    def _classify(self, z: Tensor, class_mask: Tensor) -> Tensor:
        """[n, N] logits; a task with fewer classes than the head has outputs takes the first of them."""
        return mask_classes(self.head(z)[..., : class_mask.shape[-1]], class_mask)

    def _inner_loss(self, episode: Episode, anchor: Anchor, weight: float, stage: Stage) -> Tensor:
        context = self._context(episode, episode.unlabelled, anchor, stage)
        logits = self._classify(context.support_features(), episode.class_mask)
        loss = cross_entropy(logits, episode.support_y, episode.support_weight)
        return loss + weight * self.ssl.loss(context) if weight else loss

    def _outer_penalty(self, episode: Episode, adapted: Adapted, stage: Stage) -> Tensor | float:
        return self.ssl.loss(self._context(episode, episode.outer_unlabelled, adapted.anchor, stage))

    def _context(self, episode: Episode, unlabelled: Unlabelled, anchor: Anchor, stage: Stage) -> Context:
        """The objective's window on the task, through the parameters that are now in place."""
        s_weight = episode.support_weight if episode.padded else None
        u_weight = unlabelled.weight if episode.padded else None
        return Context(
            episode,
            unlabelled,
            embed=lambda view: self.embed(unlabelled.views[view], u_weight, anchor),
            embed_support=lambda: self.embed(episode.support_x, s_weight, anchor),
            classify=lambda z: self._classify(z, episode.class_mask),
            stage=stage,
        )
