"""What an SSL objective sees of a task.

Legend: N way, S support, U unlabelled, D features, R random numbers an image.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from torch import Tensor

from metassl.tasks.episode import Episode, Unlabelled
from metassl.tasks.stage import Stage

Params = Mapping[str, Tensor]
Policy = Callable[["Context"], Tensor]


class Predictor(Protocol):
    """A task's predictor at one moment, as a learner shows it to an objective.

    Attributes:
        params: what adaptation moves: the overlay of a gradient learner, the backbone of a closed form.
    """

    @property
    def params(self) -> Params:
        """See above."""
        ...

    def view(self, name: str) -> Tensor:
        """[U, D] features of a view of U."""
        ...

    def support(self) -> Tensor:
        """[S, D] features of the support."""
        ...

    def embed(self, x: Tensor, weight: Tensor) -> Tensor:
        """[n, D] features of any inputs x [n, ...]; weight [n] 0 for padding, which gives no statistics."""
        ...

    def classify(self, z: Tensor) -> Tensor:
        """[n, N] logits of features z [n, D]."""
        ...

    def under(self, params: Params) -> "Predictor":
        """The same learner on the same task with other values in place of some parameters."""
        ...


class Context:
    """What an objective may see of one task at one moment. No label of U, no oracle.

    Features and logits are computed when first asked for and then kept, so two objectives that need
    the same ones pay once.

    Args:
        episode: the task, for its support labels, weights and class mask.
        unlabelled: the unlabelled images meant here (of the inner or the outer loss).
        predictor: the predictor as it is now.
        stage: where in training this is.
        step: inner step, from 0; a closed form has none.
        memory: what the objective remembered at the step before; () at the first.
        policy: context -> [U] what each image is worth by the distractor policy; None: all the same.
        stop_gradient: whether labels are constants of the loss that they enter.
    """

    def __init__(
        self,
        episode: Episode,
        unlabelled: Unlabelled,
        predictor: Predictor,
        stage: Stage,
        step: int = 0,
        memory: Any = (),
        policy: Policy | None = None,
        stop_gradient: bool = True,
    ) -> None:
        self.episode, self.unlabelled, self.predictor = episode, unlabelled, predictor
        self.stage, self.step, self.memory = stage, step, memory
        self.policy, self.stop_gradient = policy, stop_gradient
        self._features: dict[str, Tensor] = {}
        self._logits: dict[str, Tensor] = {}
        self._support: tuple[Tensor, Tensor] | None = None
        self._weight: Tensor | None = None

    @property
    def weight(self) -> Tensor:
        """[U] what each image counts in a penalty, 0..1: padding 0, and as the distractor policy says."""
        if self._weight is None:
            self._weight = self.unlabelled.weight
            if self.policy is not None:
                self._weight = self._weight * self.policy(self)
        return self._weight

    @property
    def random(self) -> Tensor:
        """[U, R] numbers in (0, 1); R is what the objective's `draws` asked for."""
        return self.unlabelled.random

    @property
    def params(self) -> Params:
        """The predictor's parameters as they are now."""
        return self.predictor.params

    def features(self, view: str) -> Tensor:
        """[U, D] features of a view of U."""
        if view not in self._features:
            self._features[view] = self.predictor.view(view)
        return self._features[view]

    def logits(self, view: str) -> Tensor:
        """[U, N] logits of a view of U."""
        if view not in self._logits:
            self._logits[view] = self.predictor.classify(self.features(view))
        return self._logits[view]

    def support_features(self) -> Tensor:
        """[S, D] features of the support."""
        return self._of_support()[0]

    def support_logits(self) -> Tensor:
        """[S, N] logits of the support."""
        return self._of_support()[1]

    def embed(self, x: Tensor, weight: Tensor) -> Tensor:
        """[n, D] features of any inputs x [n, ...]; moving averages stay as they are.

        weight [n] is 0 for what comes from padding, which gives no batch statistics.
        """
        return self.predictor.embed(x, weight)

    def classify(self, z: Tensor) -> Tensor:
        """[n, N] logits of features z [n, D]."""
        return self.predictor.classify(z)

    def under(self, params: Params) -> "Context":
        """The same task seen through other parameters (a teacher's, or those after a virtual step)."""
        return Context(
            self.episode,
            self.unlabelled,
            self.predictor.under(params),
            self.stage,
            self.step,
            self.memory,
            None if self.policy is None else lambda _: self.weight / self.unlabelled.weight.clamp(min=1e-12),
            self.stop_gradient,
        )

    def constant(self, x: Tensor) -> Tensor:
        """x without its gradient, unless ssl.stop_gradient=false: for whatever labels are made from."""
        return x.detach() if self.stop_gradient else x

    def remember(self, memory: Any) -> None:
        """Keeps a pytree of tensors for the next inner step of this task."""
        self.memory = memory

    def _of_support(self) -> tuple[Tensor, Tensor]:
        if self._support is None:
            z = self.predictor.support()
            self._support = z, self.predictor.classify(z)
        return self._support
