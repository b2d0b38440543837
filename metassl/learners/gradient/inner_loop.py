"""The inner loop of a gradient learner: φ after each step on a loss.

Legend: K inner steps, ω the SSL objective's meta-parameters.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import NamedTuple

from torch import Tensor
from torch.utils._pytree import tree_map

from metassl.inner.base import InnerOptimizer
from metassl.learners.adapted import Anchor
from metassl.numerics.derivative import gradient
from metassl.numerics.tensors import Tensors, constants
from metassl.ssl.context import Memory
from metassl.tasks.episode import Episode
from metassl.tasks.stage import Stage


@dataclass(frozen=True)
class InnerTask:
    """One task as the inner loop meets it.

    Attributes:
        episode, stage, anchor: the task, where in training, and the rows of a `support` norm.
        steps: K.
        known: features that no inner step changes, by "support" or a view's name; for each draw of U's views.
    """

    episode: Episode
    stage: Stage
    anchor: Anchor
    steps: int
    known: tuple[Mapping[str, Tensor], ...] = ()

    def known_at(self, step: int) -> Mapping[str, Tensor]:
        """What is known of the draw that inner step `step` sees."""
        return self.known[step % len(self.known)] if self.known else {}


class Found(NamedTuple):
    """What a loss finds besides its gradient.

    Attributes:
        value: of the loss, a constant.
        memory: of the SSL objective after this step, by owner.
        statistics: of norms with averages of each step, by name.
    """

    value: Tensor
    memory: Memory
    statistics: Tensors


class InnerStep(NamedTuple):
    """Where the inner loop is: φ_k, and what the loss found that led there."""

    phi: Tensors
    memory: Memory
    statistics: Tensors


Loss = Callable[[Tensors, int, Memory], tuple[Tensor, Found]]
"""(φ, number of the step from 0, memory of the step before) -> a scalar, and what it found."""


StepLoss = Callable[[InnerTask, Tensors, int, Memory], tuple[Tensor, Found]]
"""The same of any task."""


@dataclass(frozen=True)
class InnerLoop:
    """Descends a loss of one task by an inner optimiser.

    Attributes:
        loss: see Loss.
        optimizer: moves φ by the gradient.
        steps: K.
        order: 2 differentiates through the gradients, 1 takes them as constants.
        last: the loss of the last step where that alone is to be differentiated, in ω, with all else constant
            (see in_meta_parameters); None: as every other step.
    """

    loss: Loss
    optimizer: InnerOptimizer
    steps: int
    order: int
    last: Loss | None = None

    def run(self, phi: Tensors) -> Iterator[InnerStep]:
        """φ_0, …, φ_K."""
        now = InnerStep(phi, {}, {})
        yield now
        state = self.optimizer.init(phi)
        for k in range(self.steps):
            slope, found = self._gradient(now, k)
            phi, state = self.optimizer.update(slope, state, now.phi, k, found.value)
            now = InnerStep(phi, tree_map(_constant, found.memory), found.statistics)
            yield now

    def _gradient(self, now: InnerStep, k: int) -> tuple[dict[str, Tensor], Found]:
        if self.last is not None and k == self.steps - 1:
            last = self.last
            return gradient(lambda phi: last(phi, k, now.memory), constants(now.phi), 2)
        return gradient(lambda phi: self.loss(phi, k, now.memory), now.phi, self.order)


def in_meta_parameters(
    step_loss: StepLoss, task: InnerTask, only_objective: Callable[[], AbstractContextManager[None]]
) -> Loss:
    """The loss of a last inner step that keeps its derivative in ω where all inner gradients are constants.

    With every inner gradient a constant, ω would never learn. So the last step keeps its derivative in ω, and
    the outer loss gives dω = -α ∂_ω⟨∇_φ L_in(φ_{K-1}, ω), ∇_φ L(Q; φ_K)⟩ (T1-T2, Luketina et al. 2016,
    eq. 5), with the inner optimiser's own rates for α; for K = 1 that is exact.

    Args:
        step_loss: of a task.
        task: the task.
        only_objective: within it all of θ but ω is constant.
    """
    fixed = replace(task, known=tree_map(_constant, task.known))

    def loss(phi: Tensors, k: int, memory: Memory) -> tuple[Tensor, Found]:
        with only_objective():
            return step_loss(fixed, phi, k, memory)

    return loss


def _constant(x: Tensor) -> Tensor:
    return x.detach()
