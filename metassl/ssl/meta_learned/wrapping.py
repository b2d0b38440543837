"""What an objective around another objective has in common."""

from collections.abc import Sequence

import torch
from torch import Tensor

from metassl.numerics.tensors import Tensors
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context, Memory


class Wrapping(SSLObjective):
    """An objective around another one, which does as that one does.

    Args:
        objective: the wrapped one.
    """

    def __init__(self, objective: SSLObjective) -> None:
        super().__init__()
        self.objective = objective
        self.views = objective.views  # type: ignore[misc]
        self.stop_gradient, self.wants_feedback = objective.stop_gradient, objective.wants_feedback
        self.needs_inner_loss, self.redraws = objective.needs_inner_loss, objective.redraws
        self.needs_gradient_steps = type(self).needs_gradient_steps or objective.needs_gradient_steps
        self.needs_square_images, self.outcomes = objective.needs_square_images, objective.outcomes

    def rate(self, name: str) -> float:
        """As the wrapped one has it for what is its own."""
        inner = name.removeprefix("objective.")
        return super().rate(name) if inner == name else self.objective.rate(inner)

    @property
    def labels(self) -> bool:
        """As the wrapped one."""
        return self.objective.labels

    def draws(self, input_shape: Sequence[int]) -> int:
        """As the wrapped one."""
        return self.objective.draws(input_shape)

    def own_parameters(self) -> Sequence[str]:
        """Those of the wrapped one."""
        return [f"objective.{name}" for name in self.objective.own_parameters()]

    def strength(self, context: Context) -> Tensor | float:
        """As the wrapped one."""
        return self.objective.strength(context)

    def remember(self, context: Context) -> Memory:
        """As the wrapped one."""
        return self.objective.remember(context)

    def label(self, context: Context) -> SoftLabels | None:
        """As the wrapped one."""
        return self.objective.label(context)

    def penalty(self, context: Context) -> Tensor | None:
        """As the wrapped one."""
        return self.objective.penalty(context)

    def support_weights(self, context: Context) -> Tensor | None:
        """As the wrapped one."""
        return self.objective.support_weights(context)

    def report(self, memory: Memory) -> Tensors:
        """As the wrapped one."""
        return self.objective.report(memory)

    @torch.no_grad()
    def after_tasks(self, reports: Tensors) -> None:
        """As the wrapped one."""
        self.objective.after_tasks(reports)

    def feedback(self, context: Context, advantage: Tensor) -> Tensor:
        """As the wrapped one."""
        return self.objective.feedback(context, advantage)

    @torch.no_grad()
    def after_outer_step(self, parameters: Tensors) -> None:
        """As the wrapped one."""
        self.objective.after_outer_step(parameters)
