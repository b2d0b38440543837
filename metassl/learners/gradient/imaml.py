"""iMAML: the outer gradient from the inner loop's end alone, by the implicit function theorem.

Legend: H the Hessian of the inner loss at φ, ω whatever else the inner loss depends on.
"""

from functools import partial

import torch
from torch import Tensor
from torch.func import grad

from metassl.backbones.base import Backbone
from metassl.inner.base import MakeInner
from metassl.inner.sgd import SGD
from metassl.learners.base import SSL, Scores
from metassl.learners.gradient.inner_loop import Found, InnerStep, InnerTask
from metassl.learners.gradient.learner import BACKBONE, HEAD
from metassl.learners.gradient.maml import MAML
from metassl.numerics.implicit import conjugate_gradient, dot, hessian, mixed
from metassl.numerics.surrogate import surrogate
from metassl.numerics.tensors import Tensors, constants
from metassl.schema.ranges import Count, NotNegative, Positive, Whole, Words
from metassl.ssl.context import Memory
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import Stage


class ImplicitMAML(MAML):
    """Learns an initialisation from the end of adaptation alone; the path to it leaves no graph.

    φ = argmin L_in(φ, ω) + ρ/2 ‖φ - θ‖², L_in = CE(S) + λ·SSL(U).
    With g = ∇_φ CE(Q; φ) and v = ((1 + c) I + H/(ρ + δ))⁻¹ g, by conjugate gradients, the outer gradient is v
    in θ and -1/ρ ∂_ω⟨∇_φ L_in(φ, ω), v⟩ in ω: the SSL objective's meta-parameters and the parameters that the
    inner loop leaves alone. c = δ = 0 is the implicit gradient itself; the system is positive definite only
    while H > -(1 + c)(ρ + δ), and the damping c, δ makes it so for a network. The inner optimiser's rates get
    no gradient: φ does not depend on them.
    The formula holds at the inner minimum, so `inner_gradient`, the length of the inner problem's gradient at
    its last step's end, is logged with the loss.

    Differs from the paper: every inner step descends the proximal term too, also at test. The authors' code
    takes one step on it after those on CE(S), and none at test.

    Source: Rajeswaran et al. 2019, eq. 3 to 8, Algorithms 1 and 2; the damping is in the authors' code alone.

    Args:
        backbone, task, inner, steps, test_steps, adapt: see MAML.
        proximity: ρ (λ in the paper).
        cg_steps: conjugate-gradient steps.
        cg_shift: c, 0 or more; cg_damping: δ, 0 or more.
    """

    def __init__(
        self,
        backbone: Backbone,
        task: TaskSpec,
        inner: MakeInner = partial(SGD, steps=1, learned=False),
        steps: Whole = 16,
        test_steps: Whole | None = 16,
        adapt: Words = (BACKBONE, HEAD),
        proximity: Positive = 0.5,
        cg_steps: Count = 5,
        cg_shift: NotNegative = 1.0,
        cg_damping: NotNegative = 10.0,
    ) -> None:
        super().__init__(backbone, task, inner, steps, test_steps, 1, adapt)
        self.proximity, self.cg_steps = proximity, cg_steps
        self.cg_shift, self.cg_damping = cg_shift, cg_damping

    def redraws(self, training: bool) -> int:
        """Once: φ is the minimum of one loss."""
        return 1

    def step_loss(self, task: InnerTask, phi: Tensors, k: int, memory: Memory) -> tuple[Tensor, Found]:
        """L_in(φ) + ρ/2 ‖φ - θ‖²."""
        loss, found = super().step_loss(task, phi, k, memory)
        theta = self.theta()
        away = torch.stack([(p - theta[name]).square().sum() for name, p in phi.items()]).sum()
        loss = loss + self.proximity / 2 * away
        return loss, found._replace(value=loss.detach())

    def outer_loss(self, episode: Episode, stage: Stage) -> tuple[Tensor, Scores]:
        """A surrogate with the value of the outer loss and its implicit gradient."""
        theta = self.theta()
        with torch.no_grad(), self.placed(constants(theta)):
            start = self.start(episode, self.anchor(episode, stage), stage)
            task = self.inner_task(start, episode, stage)
            *_, end = self.loop(task).run(start)
        outer = grad(partial(self._outer, episode, stage, end), has_aux=True)
        g, (loss, scores) = outer(end.phi)
        with torch.no_grad(), self.placed(constants(theta)):
            v = self._solve(task, end, g)
            scores["inner_gradient"] = self._left(task, end)
        # the last difference is what the outer loss itself says of the parameters that φ does not replace
        total = surrogate(loss, theta, v) + loss - loss.detach()
        if self._depends_on_others(end.phi, task):
            carrier = -self._mixed(task, end, v) / self.proximity
            total = total + carrier - carrier.detach()
        return total, scores

    def _outer(
        self, episode: Episode, stage: Stage, end: InnerStep, phi: Tensors
    ) -> tuple[Tensor, tuple[Tensor, Scores]]:
        adapted = self.adapted(episode, stage, end._replace(phi=phi))
        loss, scores = self.query_loss(adapted, episode)
        loss = loss + self.outer_ssl(adapted, episode, stage)
        return loss, (loss, scores | self.reports(end.memory))

    def _left(self, task: InnerTask, end: InnerStep) -> Tensor:
        """‖∇(L_in + ρ/2 ‖φ - θ‖²)‖ at φ_K: 0 where the inner problem is solved."""
        slope, theta = grad(partial(self._inner, task, end))(end.phi), self.theta()
        left = {n: g + self.proximity * (end.phi[n] - theta[n]) for n, g in slope.items()}
        return dot(left, left).sqrt()

    def _solve(self, task: InnerTask, end: InnerStep, g: Tensors) -> dict[str, Tensor]:
        """v = ((1 + c) I + H/(ρ + δ))⁻¹ g, H of the last step's loss without ρ/2 ‖φ - θ‖²."""
        curvature = hessian(partial(self._inner, task, end), end.phi)
        own, below = 1 + self.cg_shift, self.proximity + self.cg_damping

        def product(v: Tensors) -> dict[str, Tensor]:
            curved = curvature(v)
            return {name: own * v[name] + curved[name] / below for name in v}

        return conjugate_gradient(product, constants(g), self.cg_steps)

    def _mixed(self, task: InnerTask, end: InnerStep, v: Tensors) -> Tensor:
        # known features are constants of the task; here they have to be functions of θ
        task = self.knowing(end.phi, task)
        return mixed(grad(partial(self._inner, task, end))(end.phi), v)

    def _inner(self, task: InnerTask, end: InnerStep, phi: Tensors) -> Tensor:
        """L_in of the last step at φ."""
        loss, _ = super().step_loss(task, phi, max(task.steps - 1, 0), end.memory)
        return loss

    def _depends_on_others(self, phi: Tensors, task: InnerTask) -> bool:
        """Whether L_in depends on anything that is learned and that φ does not replace."""
        learned = [n for n, p in self.named_parameters() if p.requires_grad and not n.startswith("inner.")]
        weighs = self.weight_at(task, max(task.steps - 1, 0)) > 0
        rest = [n for n in learned if n not in phi and not n.startswith(SSL)]
        return bool(rest) or (weighs and bool(self.ssl.meta_parameters()))
