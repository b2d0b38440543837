"""How the tasks of a meta-batch run: one after the other, or many at once.

Legend: T tasks of a meta-batch.
"""

from collections.abc import Callable
from typing import Any, Protocol

from torch import Tensor

from metassl.learners.base import MetaLearner
from metassl.tasks.episode import Episode

Loss = Callable[[MetaLearner, Episode], tuple[Tensor, dict[str, Tensor]]]
"""(learner with θ in place, one task) -> a scalar, and {name: tensor} to log."""


class Engine(Protocol):
    """Runs a function of (learner, task) over the tasks of a meta-batch, with θ in place.

    θ is what is in place in the learner when it is called. The function may get a copy of the learner, in
    which the same θ is in place.

    Attributes:
        allows_buffers: whether the function may update a module's buffers.
    """

    allows_buffers: bool

    def gradients(self, learner: MetaLearner, loss: Loss, tasks: Episode) -> tuple[dict[str, Tensor], Any]:
        """Mean over tasks of ∇_θ loss, for what is learned, and the mean of what the loss wants logged."""
        ...

    def map(
        self, learner: MetaLearner, function: Callable[[MetaLearner, Episode], Any], tasks: Episode
    ) -> Any:
        """The function's results, stacked along a leading T."""
        ...
