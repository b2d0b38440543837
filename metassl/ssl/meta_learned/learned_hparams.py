"""An objective whose strength, thresholds and temperatures the outer loop learns.

Legend: K inner steps.
"""

from collections.abc import Callable
from math import expm1, log
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from metassl.errors import ConfigError
from metassl.schema.ranges import Count
from metassl.ssl.base import SoftLabels, SSLObjective
from metassl.ssl.context import Context, Memory
from metassl.ssl.meta_learned.wrapping import Wrapping

TO_DOMAIN: dict[str, Callable[[Tensor], Tensor]] = {"positive": F.softplus, "unit": torch.sigmoid}
FROM_DOMAIN: dict[str, Callable[[float], float]] = {
    "positive": lambda value: log(expm1(value)),
    "unit": lambda value: log(value / (1 - value)),
}
RATE = 30.0  # of the outer rate: a number has to move by its own size, a weight of a network by a little


class LearnedHparams(Wrapping):
    """Learns another objective's weight, thresholds and temperatures in the outer loop.

    λ_k, and every number in the wrapped objective's `hparams`, become meta-parameters.

    λ_k = λ·softplus(a_k) for inner step k (steps beyond the last take the last), so the schedule over the
    steps is learned as well. A number above 0 is softplus(b), one in 0..1 is σ(b). All start at the wrapped
    objective's own values, the factors of λ at 1, and follow the outer optimiser. A learned threshold cuts
    softly (see metassl.numerics.losses.gate). They get the gradient of CE(Q) through the adaptation; in a
    closed form that is the refit, so an objective that only penalises learns nothing there.
    Source: hypergradients through the unrolled inner loop, Franceschi et al. 2018.

    Args:
        objective: the wrapped one.
        steps: number of factors a_k.
    """

    rates: ClassVar = {"factors": RATE, "raw.": RATE}

    def __init__(self, objective: SSLObjective, steps: Count = 1) -> None:
        super().__init__(objective)
        self.factors = nn.Parameter(torch.full((steps,), FROM_DOMAIN["positive"](1.0)))
        raw = {name: _raw(name, getattr(objective, name), kind) for name, kind in objective.hparams.items()}
        self.raw = nn.ParameterDict({name: nn.Parameter(torch.tensor(value)) for name, value in raw.items()})

    def values(self) -> dict[str, Tensor]:
        """The learned numbers in their own domains, by attribute."""
        domains = self.objective.hparams
        return {name: TO_DOMAIN[domains[name]](raw) for name, raw in self.raw.items()}

    def learned(self) -> SSLObjective:
        """The wrapped objective with the learned numbers; the wrapped one itself keeps its floats."""
        return self.objective.having(self.values())

    def strength(self, context: Context) -> Tensor | float:
        """softplus(a_k), times the wrapped objective's own factor."""
        factor = F.softplus(self.factors[min(context.step, len(self.factors) - 1)])
        return factor * self.learned().strength(context)

    def remember(self, context: Context) -> Memory:
        """What the wrapped objective keeps, by the learned numbers."""
        return self.learned().remember(context)

    def label(self, context: Context) -> SoftLabels | None:
        """The wrapped objective's labels by the learned numbers."""
        return self.learned().label(context)

    def penalty(self, context: Context) -> Tensor | None:
        """The wrapped objective's penalty by the learned numbers."""
        return self.learned().penalty(context)

    def support_weights(self, context: Context) -> Tensor | None:
        """What the wrapped objective makes of S, by the learned numbers."""
        return self.learned().support_weights(context)

    def feedback(self, context: Context, advantage: Tensor) -> Tensor:
        """The wrapped objective's feedback by the learned numbers."""
        return self.learned().feedback(context, advantage)


def _raw(name: str, value: float, domain: str) -> float:
    """The number whose image in the domain is this value."""
    if value <= 0 or (domain == "unit" and value >= 1):
        inside = "inside 0..1, ends excluded" if domain == "unit" else "above 0"
        raise ConfigError(f"ssl.wrapped.objective.{name}: found {value}, a learned one must start {inside}.")
    return FROM_DOMAIN[domain](value)
