"""iMAML: the outer gradient from the inner loop's end alone, by the implicit function theorem.

Legend: H the Hessian of the inner loss at φ, ω whatever else the inner loss depends on.
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor
from torch.func import grad

from metassl.backbones.base import Backbone
from metassl.inner.base import InnerOptimizer
from metassl.learners.base import SSL, Scores, Theta, query_scores, surrogate
from metassl.learners.gradient.inner_loop import InnerLoop, Moment
from metassl.learners.gradient.learner import GradientLearner
from metassl.numerics.implicit import conjugate_gradient, hessian, mixed
from metassl.ssl.context import Context
from metassl.ssl.term import SSLTerm
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage

Overlay = dict[str, Tensor]


class ImplicitMAML(GradientLearner):
    """φ = argmin L_in(φ, ω) + ρ/2 ‖φ - θ‖², L_in = CE(S) + λ·SSL(U); the path to it leaves no graph.

    With g = ∇_φ CE(Q; φ) and v = (I + H/ρ)⁻¹ g, by conjugate gradients, the outer gradient is v in θ and
    -1/ρ ∂_ω⟨∇_φ L_in(φ, ω), v⟩ in ω: the SSL objective's meta-parameters and the parameters that the inner
    loop leaves alone. The inner optimiser's rates get no gradient: φ does not depend on them.

    Source: Rajeswaran et al. 2019, eq. 3 to 8, Algorithms 1 and 2.

    Args:
        backbone, ssl, task, inner, steps, test_steps, adapt: see GradientLearner.
        proximity: ρ (λ in the paper).
        cg_steps: conjugate-gradient steps.
    """

    def __init__(
        self,
        backbone: Backbone,
        ssl: SSLTerm,
        task: TaskSpec,
        inner: InnerOptimizer,
        steps: int,
        test_steps: int | None,
        adapt: Sequence[str],
        proximity: float,
        cg_steps: int,
    ) -> None:
        super().__init__(backbone, ssl, task, inner, steps, test_steps, 1, adapt)
        self.proximity, self.cg_steps = proximity, cg_steps

    def step_loss(self, theta: Theta, overlay: Theta, context: Context, weight: float) -> Tensor:
        """L_in(φ) + ρ/2 ‖φ - θ‖²."""
        loss = super().step_loss(theta, overlay, context, weight)
        away = torch.stack([(p - theta[name]).square().sum() for name, p in overlay.items()]).sum()
        return loss + self.proximity / 2 * away

    def outer_loss(self, theta: Theta, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """A surrogate with the value of the outer loss and its implicit gradient."""
        with torch.no_grad():
            inner, end = self._end({name: p.detach() for name, p in theta.items()}, episode, stage)
        outer = grad(partial(self._outer, theta, episode, stage), has_aux=True)
        g, (loss, scores) = outer(end.phi)
        with torch.no_grad():
            v = self._solve(inner, end, g)
        total = surrogate(loss, theta, v)
        # what the outer loss itself says of the parameters that φ does not replace
        total = total + loss - loss.detach()
        if self._others(end.phi, inner):
            carrier = -self._mixed(inner, end, theta, v) / self.proximity
            total = total + carrier - carrier.detach()
        return total, scores

    def _end(self, theta: Theta, episode: Episode, stage: Stage) -> tuple[InnerLoop, Moment]:
        inner, phi = self.loop(theta, episode, stage)
        *_, end = inner.moments(phi)
        return inner, end

    def _outer(
        self, theta: Theta, episode: Episode, stage: Stage, phi: Overlay
    ) -> tuple[Tensor, tuple[Tensor, Scores]]:
        adapted = self.adapted(episode, stage, phi)
        loss, scores = query_scores(self.after(theta, adapted, episode), episode)
        loss = loss + self.outer_ssl(theta, adapted, episode, stage)
        return loss, (loss, scores)

    def _solve(self, inner: InnerLoop, end: Moment, g: Overlay) -> Overlay:
        """v = (I + H/ρ)⁻¹ g, H of the last step's loss without ρ/2 ‖φ - θ‖²."""
        curve = hessian(partial(self._inner, inner, end, inner.theta, inner.known), end.phi)

        def product(v: Overlay) -> Overlay:
            bent = curve(v)
            return {name: v[name] + bent[name] / self.proximity for name in v}

        return conjugate_gradient(product, {name: x.detach() for name, x in g.items()}, self.cg_steps)

    def _mixed(self, inner: InnerLoop, end: Moment, theta: Theta, v: Overlay) -> Tensor:
        # known features are constants of `inner`; here they have to be functions of θ
        known = self.fixed_features(theta, end.phi, inner.episode, inner.anchor, inner.stage)
        return mixed(grad(partial(self._inner, inner, end, theta, known))(end.phi), v)

    def _inner(self, inner: InnerLoop, end: Moment, theta: Theta, known: Theta, phi: Overlay) -> Tensor:
        step = max(inner.steps - 1, 0)
        episode = inner.episode
        context = self.context(
            episode, episode.unlabelled, inner.anchor, phi, inner.stage, known, step, end.memory
        )
        return super().step_loss(theta, phi, context, inner.weight(step))

    def _others(self, phi: Overlay, inner: InnerLoop) -> bool:
        """Whether L_in depends on anything that is learned and that φ does not replace."""
        learned = [n for n, p in self.named_parameters() if p.requires_grad and not n.startswith("inner.")]
        weighs = inner.weight(max(inner.steps - 1, 0)) > 0
        rest = [n for n in learned if n not in phi and not n.startswith(SSL)]
        return bool(rest) or (weighs and bool(self.ssl.meta_parameters()))
