"""What an SSL objective is: it labels U, or it penalises the predictor on U, or both.

Legend: N way, S support, U unlabelled, D features, R random numbers an image.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from metassl.episode import Episode, TaskSpec, Unlabelled
from metassl.stage import Stage

if TYPE_CHECKING:
    from metassl.learners.base import MetaLearner

Params = Mapping[str, Tensor]
Policy = Callable[["Context"], Tensor]


class Rest(NamedTuple):
    """What of U is of no class: share [U] of each image, 0..1, and log r of the cluster that holds it."""

    share: Tensor
    log_radius: Tensor


@dataclass(frozen=True)
class SoftLabels:
    """Labels that an objective gives to U.

    Attributes:
        q: [U, N] targets, rows that sum to 1.
        weight: [U] what each is worth, 0..1; padding is taken out by the caller.
        view: the view on which the learner is to learn them.
        rest: what is of no class, for heads that can model it.
    """

    q: Tensor
    weight: Tensor
    view: str
    rest: Rest | None = None

    def times(self, factor: Tensor) -> "SoftLabels":
        """The same labels, each worth factor [U] as much."""
        rest = None if self.rest is None else Rest(self.rest.share * factor, self.rest.log_radius)
        return SoftLabels(self.q, self.weight * factor, self.view, rest)


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


class SSLObjective(nn.Module):
    """Says what unlabelled images are worth.

    Its parameters are meta-parameters: the outer loop trains them, through what adaptation did with them.
    Those that `own_parameters` names are trained by the objective's own penalty instead (a decoder, a
    projection).

    Attributes:
        views: name in the episode -> kind of view ("plain", or what the data set's config names,
            such as "weak" and "strong"). Empty: the objective uses no unlabelled image.
        stop_gradient: whether labels are constants by the method's definition; ssl.stop_gradient overrides.
        hparams: attribute -> its domain, "positive" or "unit" (0..1). `learned_hparams` may put a tensor in
            the place of such a number.
        wants_feedback: whether the outer loop is to tell what its labels were worth (see `feedback`).
    """

    views: ClassVar[Mapping[str, str]] = {}
    stop_gradient: bool = True
    hparams: ClassVar[Mapping[str, str]] = {}
    wants_feedback: bool = False

    @property
    def labels(self) -> bool:
        """Whether the objective labels U (and not only penalises)."""
        return type(self).label is not SSLObjective.label

    def bind(self, learner: "MetaLearner", task: TaskSpec) -> None:
        """Called once, when the learner is complete: the place to build networks that need its sizes."""

    def draws(self, input_shape: Sequence[int]) -> int:
        """Random numbers that it needs for each unlabelled image."""
        return 0

    def own_parameters(self) -> Sequence[str]:
        """Names, as in named_parameters, of what the objective's own penalty trains."""
        return ()

    def strength(self, context: Context) -> Tensor | float:
        """A factor of λ, 0 or more."""
        return 1.0

    def label(self, context: Context) -> SoftLabels | None:
        """Soft labels for U, or None for an objective that only penalises."""
        return None

    def penalty(self, context: Context) -> Tensor | None:
        """A scalar to be made small, or None for an objective that only labels."""
        return None

    def feedback(self, context: Context, advantage: Tensor) -> Tensor:
        """A loss for the objective's own labels; only asked for with `wants_feedback`.

        Args:
            context: the task through the adapted predictor.
            advantage: how much smaller the query loss is with U than without, a constant scalar.
        """
        raise NotImplementedError

    @torch.no_grad()
    def after_outer_step(self, learner: "MetaLearner") -> None:
        """Called after each step of the outer optimiser, for what follows the parameters slowly."""
