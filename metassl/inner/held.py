"""An inner optimiser that leaves a part of the overlay as it is."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from metassl.inner.base import InnerOptimizer
from metassl.numerics.tensors import Tensors


class Held(InnerOptimizer):
    """Hands to another inner optimiser all but the tensors of some names, which stay as they are.

    Args:
        inner: moves the others.
        names: of what stays.
    """

    def __init__(self, inner: InnerOptimizer, names: Sequence[str]) -> None:
        super().__init__({})
        self.inner, self.names = inner, tuple(names)

    def init(self, params: Tensors) -> Any:
        """See InnerOptimizer."""
        return self.inner.init(self._moving(params))

    def update(
        self, grads: Tensors, state: Any, params: Tensors, step: int, loss: Tensor
    ) -> tuple[dict[str, Tensor], Any]:
        """One step of the other inner optimiser."""
        moved, state = self.inner.update(self._moving(grads), state, self._moving(params), step, loss)
        return {**params, **moved}, state

    def _moving(self, values: Tensors) -> dict[str, Tensor]:
        return {name: value for name, value in values.items() if name not in self.names}
