"""The inner loop of a gradient learner: its losses, their gradients, and φ after each step.

Legend: K inner steps, ω the SSL objective's meta-parameters.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import Tensor

from metassl.learners.base import SSL, Anchor, MetaLearner, Theta
from metassl.numerics.derivative import gradient
from metassl.tasks.episode import Episode
from metassl.tasks.stage import Stage

if TYPE_CHECKING:
    from metassl.learners.gradient.learner import GradientLearner


class Moment(NamedTuple):
    """Where the inner loop is: φ_k, what the objective remembers, what the last pass noted."""

    phi: dict[str, Tensor]
    memory: Any
    noted: dict[str, Tensor]


class Told(NamedTuple):
    """What a loss tells besides its gradient: its value, the new memory, and what its pass noted."""

    value: Tensor
    memory: Any
    noted: dict[str, Tensor]


@dataclass(frozen=True)
class InnerLoop:
    """The inner loop of one task.

    Attributes:
        learner: whose hooks it calls.
        theta: θ; episode, anchor: the task; stage: where in training.
        steps: K.
        known: features that no inner step changes.
    """

    learner: "GradientLearner"
    theta: Theta
    episode: Episode
    stage: Stage
    anchor: Anchor
    steps: int
    known: Mapping[str, Tensor]

    def moments(self, phi: dict[str, Tensor]) -> Iterator[Moment]:
        """The moments of φ_0, …, φ_K."""
        learner = self.learner
        moment = Moment(phi, (), {})
        yield moment
        state = learner.under(self.theta, learner.inner.init, phi)
        for step in range(self.steps):
            gradients, told = self._gradient(moment, step)
            phi, state = learner.under(
                self.theta, learner.inner.update, gradients, state, moment.phi, step, told.value
            )
            moment = Moment(phi, told.memory, told.noted)
            yield moment

    def weight(self, step: int) -> float:
        """λ at an inner step."""
        if self.steps == 0:
            return 0.0
        share = self.learner.ssl.over_steps(step, self.steps)
        return self.learner.inner_weight(self.episode, self.stage) * share

    def loss(self, overlay: Theta, theta: Theta, known: Theta, step: int, memory: Any) -> tuple[Tensor, Told]:
        """The loss that inner step `step` descends, at φ = overlay."""
        learner, episode = self.learner, self.episode
        context = learner.context(
            episode, episode.unlabelled, self.anchor, overlay, self.stage, known, step, memory
        )
        value = learner.step_loss(theta, overlay, context, self.weight(step))
        return value, Told(value.detach(), context.memory, learner.noted())

    def _gradient(self, moment: Moment, step: int) -> tuple[dict[str, Tensor], Told]:
        theta, known, order = self.theta, self.known, self.learner.order_at(self.stage)
        phi = moment.phi
        if order == 1 and step == self.steps - 1 and self.weight(step) and self._objective_learns():
            theta, known, phi = only_objective(self.learner, theta), _constants(known), _constants(phi)
            order = 2
        return gradient(lambda at: self.loss(at, theta, known, step, moment.memory), phi, order)

    def _objective_learns(self) -> bool:
        return self.stage.training and bool(self.learner.ssl.meta_parameters())


def only_objective(learner: MetaLearner, theta: Theta) -> dict[str, Tensor]:
    """θ as constants, but for ω.

    With every inner gradient a constant, ω would never learn. So the last step keeps its derivative in ω, and
    the outer loss gives dω = -α ∂_ω⟨∇_φ L_in(φ_{K-1}, ω), ∇_φ CE(Q; φ_K)⟩ (T1-T2, Luketina et al. 2016,
    eq. 5), with the inner optimiser's own rates for α; for K = 1 that is exact.
    """
    learned = {SSL + name for name in learner.ssl.meta_parameters()}
    return {name: p if name in learned else p.detach() for name, p in theta.items()}


def _constants(tensors: Theta) -> dict[str, Tensor]:
    return {name: p.detach() for name, p in tensors.items()}
