"""What a learner needs of a head."""

from typing import Any

from torch import Tensor, nn


class Head(nn.Module):
    """A classifier of features that is fitted to a task in closed form.

    Attributes:
        transductive: whether the logits of one query depend on the other queries.
    """

    transductive: bool = False

    def fit(self, z: Tensor, q: Tensor, w: Tensor) -> Any:
        """The state for a task, a pytree of tensors.

        Args:
            z: [n, D] features.
            q: [n, N] soft labels.
            w: [n] weights; 0 leaves an item out.
        """
        raise NotImplementedError

    def logits(self, state: Any, z: Tensor) -> Tensor:
        """[m, N] logits of the features z [m, D]."""
        raise NotImplementedError
