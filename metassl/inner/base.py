"""Inner optimisers: how the gradient of one task moves the adapted parameters."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from metassl.numerics.tensors import Tensors


class InnerOptimizer(nn.Module):
    """Moves adapted parameters by the gradient of one task's loss.

    A pure update rule. Its own parameters, if any, are learned by the outer loop.

    Args:
        params: what it moves, as those of torch.optim are given what they move: their names and shapes.
    """

    def __init__(self, params: Tensors) -> None:
        super().__init__()

    def init(self, params: Tensors) -> Any:
        """The state before the first step."""
        return None

    def update(
        self, grads: Tensors, state: Any, params: Tensors, step: int, loss: Tensor
    ) -> tuple[dict[str, Tensor], Any]:
        """The parameters and the state after inner step `step` (from 0).

        Args:
            grads: of the inner loss, by name.
            state: what `init` or the last call returned.
            params: before the step.
            step: its number.
            loss: value of the inner loss before the step, a constant.
        """
        raise NotImplementedError


MakeInner = Callable[[Tensors], InnerOptimizer]
"""What a learner takes: from what it moves to the inner optimiser, such as partial(SGD, rate=0.1)."""


class PerParameter(nn.Module):
    """One learned tensor for each moved parameter, under its name (dots are not allowed in names)."""

    def __init__(self, values: Tensors) -> None:
        super().__init__()
        for name, value in values.items():
            self.register_parameter(_attribute(name), nn.Parameter(value))

    def __getitem__(self, name: str) -> Tensor:
        """The tensor of the moved parameter of this name."""
        found: Tensor = getattr(self, _attribute(name))
        return found


def _attribute(name: str) -> str:
    return name.replace(".", "/")
