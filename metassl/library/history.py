"""What a meta-training leaves in memory: its curves, and the best weights."""

from argparse import Namespace
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.loggers import Logger

from metassl.learners.base import MetaLearner
from metassl.outcomes.base import Score
from metassl.runs.curves import Curve
from metassl.training.best import BestValidation


@dataclass(frozen=True, repr=False)
class History:
    """What happened in a meta-training; `history["train/loss"].values` are a curve's values.

    Attributes:
        curves: name, such as "train/loss", or "val/accuracy" -> the steps after which it was logged, and its
            values there.
        score: name of the score that decides.
        steps: outer steps of the training.
        kept: the step whose weights the learner has now: the best on validation, or the last.
        seconds: wall time.
    """

    curves: Mapping[str, Curve]
    score: str
    steps: int
    kept: int
    seconds: float

    def __getitem__(self, name: str) -> Curve:
        """The curve of this name."""
        return self.curves[name]

    def __repr__(self) -> str:
        """The first and the last loss, and score of validation."""
        shown = [name for name in ("train/loss", f"val/{self.score}") if name in self.curves]
        parts = [f"{name} {self[name].values[0]:.3f} → {self[name].values[-1]:.3f}" for name in shown]
        return f"<History of {self.steps} steps, weights of step {self.kept}: {', '.join(parts)}>"


class MemoryLog(Logger):
    """Lightning's logger that keeps what it is told, and writes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.points: dict[str, dict[int, float]] = {}

    @property
    def name(self) -> str:
        """Nothing: there is no folder that it could name."""
        return ""

    @property
    def version(self) -> str:
        """Nothing, as for `name`."""
        return ""

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Nothing: whoever trains knows them."""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Adds values to the curves, by the number of steps that are done; Lightning counts one less."""
        for name, value in metrics.items():
            if name != "epoch":
                self.points.setdefault(name, {})[int(step or 0) + 1] = float(value)

    def curves(self) -> dict[str, Curve]:
        """Name -> its curve."""
        ordered = {name: sorted(values.items()) for name, values in self.points.items()}
        return {
            name: Curve(np.array([step for step, _ in points]), np.array([value for _, value in points]))
            for name, points in ordered.items()
        }


class KeepBestWeights(BestValidation):
    """Keeps the weights with the best validation in memory.

    Args:
        learner: that is trained.
        score: what decides.
    """

    def __init__(self, learner: MetaLearner, score: Score) -> None:
        super().__init__(learner, score)
        self.weights: dict[str, Any] = {}

    def keep(self, trainer: pl.Trainer) -> None:
        """Copies them."""
        self.weights = deepcopy(self.learner.state_dict())

    def restore(self) -> int | None:
        """Puts the best weights back; the step they are from, or None where nothing was validated."""
        if self.found is None:
            return None
        self.learner.load_state_dict(self.weights)
        return self.step
