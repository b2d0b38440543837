"""What an SSL objective sees of a task.

Legend: S support, U unlabelled, D features, K outputs (N classes, or values), R random numbers an image.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

from torch import Tensor

from metassl.numerics.tensors import Tensors
from metassl.outcomes.base import Outcome
from metassl.tasks.episode import Episode, Unlabelled
from metassl.tasks.stage import Stage

Policy = Callable[["Context"], Tensor]
Memory = Mapping[str, Any]
"""owner -> what it keeps from one inner step of a task to the next, a pytree of tensors."""


class Predictor(Protocol):
    """A task's predictor at one moment, as a learner shows it to an objective.

    Attributes:
        params: what adaptation moves: the overlay of a gradient learner, the backbone of a closed form.
    """

    @property
    def params(self) -> Tensors:
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
        """[n, K] outputs for features z [n, D]."""
        ...

    def under(self, params: Tensors) -> "Predictor":
        """The same learner on the same task with other values in place of some parameters."""
        ...


@dataclass(frozen=True)
class Context:
    """What an objective may see of one task at one moment: no label of U, no oracle.

    Features and logits are computed when first asked for and then kept, so two objectives that need the same
    ones pay once; a context made by `replace` shares them.

    Attributes:
        episode: the task, for its support labels, weights and class mask.
        unlabelled: the unlabelled images meant here (of the inner or the outer loss).
        predictor: the predictor as it is now.
        stage: where in training this is.
        step: inner step, from 0; a closed form has none.
        memory: what the objective's parts keep over the inner steps of this task, by owner; see
            SSLObjective.remember.
        policy: context -> [U] what each image is worth by the distractor policy; None: all the same.
        stop_gradient: whether labels are constants of the loss that they enter.
    """

    episode: Episode
    unlabelled: Unlabelled
    predictor: Predictor
    stage: Stage
    step: int = 0
    memory: Memory = field(default_factory=dict)
    policy: Policy | None = None
    stop_gradient: bool = True
    _known: dict[str, Tensor] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def weight(self) -> Tensor:
        """[U] what each image counts in a penalty, 0..1: padding 0, and as the distractor policy says."""
        weight = self.unlabelled.weight
        return weight if self.policy is None else weight * self.policy(self)

    @property
    def outcome(self) -> Outcome:
        """What the task asks for."""
        return self.episode.outcome

    @property
    def random(self) -> Tensor:
        """[U, R] numbers in (0, 1); R is what the objective's `draws` asked for."""
        return self.unlabelled.random

    @property
    def params(self) -> Tensors:
        """The predictor's parameters as they are now."""
        return self.predictor.params

    def features(self, view: str) -> Tensor:
        """[U, D] features of a view of U."""
        return self._keep(f"features/{view}", lambda: self.predictor.view(view))

    def logits(self, view: str) -> Tensor:
        """[U, K] outputs for a view of U: logits of classes, or values."""
        return self._keep(f"logits/{view}", lambda: self.predictor.classify(self.features(view)))

    def predictions(self, view: str) -> Tensor:
        """[U, K] predictions for a view of U, in the form of targets: probabilities of classes, values."""
        return self.outcome.predictions(self.logits(view))

    def support_features(self) -> Tensor:
        """[S, D] features of the support."""
        return self._keep("support", self.predictor.support)

    def support_logits(self) -> Tensor:
        """[S, K] outputs for the support."""
        return self._keep("support logits", lambda: self.predictor.classify(self.support_features()))

    def embed(self, x: Tensor, weight: Tensor) -> Tensor:
        """[n, D] features of any inputs x [n, ...]; moving averages stay as they are.

        weight [n] is 0 for what comes from padding, which gives no batch statistics.
        """
        return self.predictor.embed(x, weight)

    def classify(self, z: Tensor) -> Tensor:
        """[n, K] outputs for features z [n, D]."""
        return self.predictor.classify(z)

    def under(self, params: Tensors) -> "Context":
        """The same task seen through other parameters (a teacher's, or those after a virtual step)."""
        worth = None if self.policy is None else self.weight / self.unlabelled.weight.clamp(min=1e-12)
        policy = None if worth is None else lambda _: worth
        return replace(self, predictor=self.predictor.under(params), policy=policy, _known={})

    def constant(self, x: Tensor) -> Tensor:
        """x without its gradient, unless ssl.stop_gradient=false: for whatever labels are made from."""
        return x.detach() if self.stop_gradient else x

    def _keep(self, name: str, compute: Callable[[], Tensor]) -> Tensor:
        if name not in self._known:
            self._known[name] = compute()
        return self._known[name]
