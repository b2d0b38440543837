"""Inner optimisers: how the gradient of one task moves the adapted parameters."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

Params = Mapping[str, Tensor]


class InnerOptimizer(nn.Module):
    """A pure update rule. Its own parameters, if any, are learned by the outer loop."""

    def bind(self, params: Params) -> None:
        """Called once, with the parameters that the inner loop moves: the place to build its own."""

    def init(self, params: Params) -> Any:
        """The state before the first step."""
        return None

    def update(
        self, grads: Params, state: Any, params: Params, step: int, loss: Tensor
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


class PerParameter(nn.Module):
    """One learned tensor for each moved parameter, under its name (dots are not allowed in names)."""

    def __init__(self, values: Params) -> None:
        super().__init__()
        for name, value in values.items():
            self.register_parameter(_attribute(name), nn.Parameter(value))

    def __getitem__(self, name: str) -> Tensor:
        """The tensor of the moved parameter of this name."""
        found: Tensor = getattr(self, _attribute(name))
        return found


def _attribute(name: str) -> str:
    return name.replace(".", "/")
