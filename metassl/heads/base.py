"""What a learner needs of a head.

Legend: n rows, m items, K outputs (N classes, or the values of an item), D features.
"""

from typing import Any

import torch
from torch import Tensor, nn

from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import CLASSES, Classification


class Head(nn.Module):
    """Predicts from features, fitted to a task in closed form.

    A head with networks of its own takes `features`, D, as an argument of that name.

    Attributes:
        transductive: whether the logits of one query depend on the other queries.
        reads_unlabelled: whether it has a use for unlabelled rows, see `fit_with_unlabelled`.
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
            q: [n, K] targets, of classes soft labels.
            w: [n] weights; 0 leaves an item out.
        """
        raise NotImplementedError

    def fit_with_unlabelled(self, z: Tensor, q: Tensor, w: Tensor, u: Tensor, u_weight: Tensor) -> Any:
        """As `fit`, with unlabelled rows, which only heads that read them get: here rows of class labels 0.

        Args:
            z, q, w: see `fit`.
            u: [U, D] features of the unlabelled rows; u_weight: [U] their weights.
        """
        nothing = torch.zeros(len(u), q.shape[-1], device=u.device, dtype=q.dtype)
        return self.fit(torch.cat((z, u)), torch.cat((q, nothing)), torch.cat((w, u_weight)))

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
