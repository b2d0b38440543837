"""What a learner needs of a head.

Legend: n rows, m items, K outputs (N classes, or the values of an item), D features.
"""

from typing import Any

from torch import Tensor, nn

from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import CLASSES, Classification


class Head(nn.Module):
    """Predicts from features, fitted to a task in closed form.

    A head with networks of its own takes `features`, D, as an argument of that name.

    Attributes:
        transductive: whether the logits of one query depend on the other queries.
        reads_unlabelled: whether `fit` has a use for unlabelled rows, whose labels q are all 0.
        refit_weight: of U in a refit, unless ssl.refit_weight asks for another: 0 where an objective's labels
            would overwrite what the head itself reads from U.
        outcomes: what its tasks may ask for.
    """

    transductive: bool = False
    reads_unlabelled: bool = False
    refit_weight: float = 1.0
    outcomes: tuple[type[Outcome], ...] = (Classification,)

    def of(self, outcome: Outcome) -> "Head":
        """The head that does for this outcome what this one does for classes: itself, or one that shares its
        parameters."""
        return self

    def fit(self, z: Tensor, q: Tensor, w: Tensor) -> Any:
        """The state for a task, a pytree of tensors.

        Args:
            z: [n, D] features.
            q: [n, K] targets, of classes soft labels; all 0 for an unlabelled row, which only heads that read
                them get.
            w: [n] weights; 0 leaves an item out.
        """
        raise NotImplementedError

    def logits(self, state: Any, z: Tensor) -> Tensor:
        """[m, K] outputs for the features z [m, D]."""
        raise NotImplementedError

    def query_logits(self, state: Any, z: Tensor, w: Tensor | None) -> Tensor:
        """[Q, K] outputs for the queries z [Q, D] of an episode; w [Q] 0 for padding, None for none of it.

        More columns than K are answers that are never right.

        Only a transductive head needs w: padding must not be there for the other queries.
        """
        return self.logits(state, z)

    def with_rest(self, state: Any, z: Tensor, w: Tensor, log_radius: Tensor, class_mask: Tensor) -> Any:
        """The state with a cluster for what is of no class; a head that has no use for it leaves it out.

        Args:
            state: the fitted classes.
            z: [n, D] features.
            w: [n] share of each in the cluster.
            log_radius: log r of the cluster.
            class_mask: [N] classes that the task has.
        """
        return state

    def regulariser(self, z: Tensor, q: Tensor, w: Tensor) -> Tensor | float:
        """What the head adds to the outer loss of a training task, of all its labelled rows, S and Q; 0 here.

        Args:
            z: [n, D] features; q: [n, K] targets; w: [n] weights, 0 for padding.
        """
        return 0.0

    def loss(
        self, state: Any, logits: Tensor, y: Tensor, weight: Tensor, outcome: Outcome = CLASSES
    ) -> Tensor:
        """The outer loss on the queries: outputs [Q, K], y [Q, ...], weight [Q] -> scalar."""
        return outcome.loss(logits, y, weight)
