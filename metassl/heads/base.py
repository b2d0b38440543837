"""What a learner needs of a head."""

from typing import Any

from torch import Tensor, nn

from metassl.outcomes.classification import cross_entropy


class Head(nn.Module):
    """A classifier of features that is fitted to a task in closed form.

    A head with networks of its own takes `features`, D, as an argument of that name.

    Attributes:
        transductive: whether the logits of one query depend on the other queries.
        reads_unlabelled: whether `fit` has a use for unlabelled rows, whose labels q are all 0.
    """

    transductive: bool = False
    reads_unlabelled: bool = False

    def fit(self, z: Tensor, q: Tensor, w: Tensor) -> Any:
        """The state for a task, a pytree of tensors.

        Args:
            z: [n, D] features.
            q: [n, N] soft labels; all 0 for an unlabelled row, which only heads that read them get.
            w: [n] weights; 0 leaves an item out.
        """
        raise NotImplementedError

    def logits(self, state: Any, z: Tensor) -> Tensor:
        """[m, N] logits of the features z [m, D]."""
        raise NotImplementedError

    def query_logits(self, state: Any, z: Tensor, w: Tensor | None) -> Tensor:
        """[Q, N] logits of the queries z [Q, D] of an episode; w [Q] 0 for padding, None for none of it.

        More columns than N are answers that are never right.

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

    def loss(self, state: Any, logits: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        """The outer loss on the queries: logits [Q, N], y [Q], weight [Q] -> scalar."""
        return cross_entropy(logits, y, weight)
