"""What an SSL objective is: it labels U, or it penalises the predictor on U, or both.

Legend: N way, U unlabelled, K outputs of a predictor (N classes, or the values of an item).
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

import torch
from torch import Tensor, nn

from metassl.numerics.tensors import Tensors
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import Classification
from metassl.ssl.context import Context, Memory


class Rest(NamedTuple):
    """The part of the unlabelled images that belongs to none of the task's classes.

    What of U is of no class: share [U] of each image, 0..1, and log r of the cluster that holds it.
    """

    share: Tensor
    log_radius: Tensor


@dataclass(frozen=True)
class SoftLabels:
    """Labels that an objective gives to U.

    Attributes:
        q: [U, K] targets: distributions over the classes, or values.
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


class SSLObjective(nn.Module):
    """Says what unlabelled images are worth.

    Its parameters are meta-parameters: the outer loop trains them, through what adaptation did with them.
    Those that `own_parameters` names are trained by the objective's own penalty instead (a decoder, a
    projection). A constructor may ask for what only the builder knows by the names of its arguments:
    features (D), input_shape, and parameters (the learner's, by name).

    Attributes:
        views: name in the episode -> kind of view ("plain", or what the data set's config names,
            such as "weak" and "strong"). Empty: the objective uses no unlabelled image.
        stop_gradient: whether labels are constants by the method's definition; ssl.stop_gradient overrides.
        hparams: attribute -> its domain, "positive" or "unit" (0..1). `learned_hparams` may put a tensor in
            the place of such a number.
        wants_feedback: whether the outer loop is to tell what its labels were worth (see `feedback`).
        needs_inner_loss: whether it makes sense only in the loss of gradient steps.
        needs_gradient_steps: whether it asks what a gradient step of the learner on its labels would do.
        needs_square_images: whether it turns its inputs.
        outcomes: what tasks may ask for where it makes sense.
        rates: start of a parameter's name -> factor of the outer optimiser's learning rate for it; the others
            have 1. `optimizer.ssl_lr` takes the place of all of them.
        redraws: whether each inner step is to see other random views and numbers of U.
        over_steps: arguments of the constructor that say what becomes of something from one inner step to the
            next, and nothing where there are none.
    """

    views: ClassVar[Mapping[str, str]] = {}
    stop_gradient: bool = True
    hparams: ClassVar[Mapping[str, str]] = {}
    wants_feedback: bool = False
    needs_inner_loss: bool = False
    needs_gradient_steps: bool = False
    needs_square_images: bool = False
    outcomes: tuple[type[Outcome], ...] = (Classification,)
    rates: ClassVar[Mapping[str, float]] = {}
    redraws: bool = False
    over_steps: tuple[str, ...] = ()

    @property
    def labels(self) -> bool:
        """Whether the objective labels U (and not only penalises)."""
        return type(self).label is not SSLObjective.label

    @property
    def penalises(self) -> bool:
        """Whether the objective has a penalty of its own, beside labels or in their place."""
        return type(self).penalty is not SSLObjective.penalty

    def draws(self, input_shape: Sequence[int]) -> int:
        """Random numbers that it needs for each unlabelled image."""
        return 0

    def own_parameters(self) -> Sequence[str]:
        """Names, as in named_parameters, of what the objective's own penalty trains."""
        return ()

    def rate(self, name: str) -> float:
        """Factor of the outer learning rate for its parameter of this name."""
        return next((factor for start, factor in self.rates.items() if name.startswith(start)), 1.0)

    def having(self, values: Mapping[str, object]) -> Self:
        """A shallow copy that has these values of attributes; the objective itself stays as it is."""
        made = copy(self)
        for kept in ("_parameters", "_buffers", "_modules"):  # a shallow copy shares these dicts
            made.__dict__[kept] = dict(made.__dict__[kept])
        for name, value in values.items():
            setattr(made, name, value)
        return made

    def strength(self, context: Context) -> Tensor | float:
        """A factor of λ, 0 or more."""
        return 1.0

    def remember(self, context: Context) -> Memory:
        """What its parts keep of this inner step, by owner.

        Asked for once a step, before `label` and `penalty`, which find the answer in context.memory. Here
        context.memory is still that of the step before, {} at the first.
        """
        return {}

    def label(self, context: Context) -> SoftLabels | None:
        """Soft labels for U, or None for an objective that only penalises."""
        return None

    def penalty(self, context: Context) -> Tensor | None:
        """A scalar to be made small, or None for an objective that only labels."""
        return None

    def support_weights(self, context: Context) -> Tensor | None:
        """[S] what each labelled example counts, where its label may be wrong; None: all alike."""
        return None

    def report(self, memory: Memory) -> Tensors:
        """What it found in a task, by name: tensors of one dimension, of which a mean over tasks makes sense.

        Args:
            memory: what it kept of the last inner step; {} where U had no part.
        """
        return {}

    @torch.no_grad()
    def after_tasks(self, reports: Tensors) -> None:
        """Called after each step of the outer optimiser in which U had a part, to learn from its tasks.

        What it keeps of them belongs into buffers, changed in place. At validation and test it isn't called.

        Args:
            reports: the mean of the tasks' reports, over all processes.
        """

    def feedback(self, context: Context, advantage: Tensor) -> Tensor:
        """A loss for the objective's own labels; only asked for with `wants_feedback`.

        Args:
            context: the task through the adapted predictor.
            advantage: how much smaller the query loss is with U than without, a constant scalar.
        """
        raise NotImplementedError

    @torch.no_grad()
    def after_outer_step(self, parameters: Tensors) -> None:
        """Called after each step of the outer optimiser, for what follows the learner's parameters slowly."""
