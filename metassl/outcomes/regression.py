"""Tasks that ask for values.

Legend: T tasks, n items, S support, Q query, U unlabelled, K values of an item.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from metassl.numerics.losses import weighted_mean
from metassl.outcomes.base import Units
from metassl.outcomes.scores import MAE, MSE, R2, RMSE, Score
from metassl.outcomes.values import TINY, Values, mean_and_scale
from metassl.schema.constructor import check_values
from metassl.schema.ranges import Switch

VARIANCE = "variance"  # of the queries' values in a task, which R² is measured against

ERRORS: dict[str, Callable[[Tensor], Tensor]] = {"squared": torch.square, "absolute": torch.abs}


@dataclass(frozen=True)
class Regression(Values):
    """Asks for the K values of an input.

    loss = weighted mean over the items of (1/K) Σ_k |f_k - y_k|^p, p = 2 (squared) or 1 (absolute).

    Scores are in the values' own units: MSE and MAE of each task, RMSE = √ of their mean MSE, and
    R² = 1 - Σ MSE / Σ variance, both sums over the test tasks, the variance that of a task's queries around
    their mean. (A mean of each task's own R² would be ruled by the flattest tasks.) With `standardise` a
    learner meets y' = (y - m)/s, m and s mean and standard deviation of the support's values, and each task
    so counts alike whatever its unit; without, it meets the values as they are.

    Args:
        error: squared or absolute.
        standardise: by the support of each task.
    """

    name: ClassVar[str] = "regression"
    scores: ClassVar[tuple[Score, ...]] = (MSE, MAE, RMSE, R2)

    error: Literal["squared", "absolute"] = "squared"
    standardise: Switch = True

    def __post_init__(self) -> None:
        check_values(type(self), "outcome", vars(self))

    def loss(self, outputs: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        """The error, a weighted mean."""
        return weighted_mean(self.label_loss(outputs, y, weight), weight)

    def label_loss(self, outputs: Tensor, q: Tensor, weight: Tensor) -> Tensor:
        """[n] the error of each item."""
        return ERRORS[self.error](outputs - q).mean(-1)

    def measure(self, outputs: Tensor, y: Tensor, weight: Tensor, units: Units) -> dict[str, Tensor]:
        """mse, mae and the variance of the values, in their own units."""
        scale = units["scale"] if units else 1.0
        error, spread = (outputs - y) * scale, (y - _mean(y, weight)) * scale
        return {
            MSE.name: weighted_mean(error.square().mean(-1), weight),
            MAE.name: weighted_mean(error.abs().mean(-1), weight),
            VARIANCE: weighted_mean(spread.square().mean(-1), weight),
        }

    def summary(self, columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """MSE and MAE, and RMSE and R² linearised at their values, so that their spread gives an interval.

        RMSE + (mse_i - RMSE²) / (2 RMSE) and R² - (mse_i - (1 - R²)·variance_i) / mean variance: their means
        are RMSE and R², and their spreads those of a root and of a ratio of means (the delta method).
        """
        mse, variance = columns[MSE.name], columns[VARIANCE]
        left = mse.mean() / max(variance.mean(), TINY)
        r2 = 1 - left - (mse - left * variance) / max(variance.mean(), TINY)
        root = max(float(mse.mean()), TINY**2) ** 0.5
        rmse = root + (mse - mse.mean()) / (2 * root)
        return {MSE.name: mse, MAE.name: columns[MAE.name], RMSE.name: rmse, R2.name: r2}

    def constant(
        self, support_y: Tensor, support_weight: Tensor, query_y: Tensor, query_weight: Tensor,
        present: Tensor, units: Units,
    ) -> Tensor:  # fmt: skip
        """The MSE of the support's mean."""
        guess = _mean(support_y, support_weight).expand_as(query_y)
        return self.measure(guess, query_y, query_weight, units)[MSE.name]

    def label_quality(
        self, q: Tensor, weight: Tensor, truth: Tensor, own: Tensor, units: Units
    ) -> dict[str, Tensor]:
        """The MSE of the labels."""
        counts = weight * own
        if counts.sum() <= 0:
            return {}
        return {MSE.name: self.measure(q, truth, counts, units)[MSE.name]}

    def units(self, support_y: Tensor, support_weight: Tensor) -> dict[str, Tensor]:
        """Mean and standard deviation of the values of each support: y [T, S, K], weight [T, S]."""
        if not self.standardise:
            return {}
        mean, scale = mean_and_scale(support_y, support_weight)
        return {"shift": mean, "scale": scale}


def _mean(y: Tensor, weight: Tensor) -> Tensor:
    """[K] weighted mean of y [n, K]."""
    return (weight / weight.sum().clamp(min=1e-12)) @ y
