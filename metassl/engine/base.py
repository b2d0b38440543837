"""How the tasks of a meta-batch run: one after the other, or many at once.

Legend: T tasks of a meta-batch.
"""

from collections.abc import Callable
from typing import Any, Protocol

from torch import Tensor

from metassl.learners.base import MetaLearner
from metassl.tasks.episode import Episode

Gradients = dict[str, Tensor]
Loss = Callable[[MetaLearner, dict[str, Tensor], Episode], tuple[Tensor, dict[str, Tensor]]]


class TaskRunner(Protocol):
    """Runs a function of (learner, θ, task) over the tasks of a meta-batch.

    Attributes:
        allows_buffers: whether the function may update a module's buffers.
    """

    allows_buffers: bool

    def gradients(
        self, learner: MetaLearner, loss: Loss, theta: dict[str, Tensor], tasks: Episode
    ) -> tuple[Gradients, Any]:
        """Mean over tasks of ∇_θ loss, and the mean of what the loss wants logged."""
        ...

    def map(
        self, learner: MetaLearner, function: Callable[[MetaLearner, Episode], Any], tasks: Episode
    ) -> Any:
        """The function's results, stacked along a leading T."""
        ...
