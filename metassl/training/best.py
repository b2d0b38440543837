"""Which weights of a training the meta-test gets: those with the best validation."""

from math import ceil
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from metassl.evaluation.intervals import Interval
from metassl.learners.base import MetaLearner
from metassl.outcomes.base import Score
from metassl.training.checkpoints import BEST, save_checkpoint
from metassl.training.module import MetaModule


class BestValidation(pl.Callback):
    """Finds the best validation of a training (the first of equals), for whoever keeps the weights.

    Candidates are the network before its first step and every validation from the step on at which
    unlabelled examples take their full part: an earlier one says nothing about what they did.

    Args:
        learner: that is trained.
        score: what decides.
    """

    def __init__(self, learner: MetaLearner, score: Score) -> None:
        self.learner, self.score = learner, score
        self.found: Interval | None = None
        self.step = -1

    def keep(self, trainer: pl.Trainer) -> None:
        """Called when what the learner is now is the best so far."""
        raise NotImplementedError

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Validates the network before its first step; a training that goes on has done so."""
        if trainer.enable_validation and self.found is None:
            assert isinstance(pl_module, MetaModule)
            stream = trainer.datamodule.validation  # type: ignore[attr-defined]
            self._consider(trainer, pl_module.validate(stream).scores[self.score.name])

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Considers the validation just done."""
        if trainer.global_step >= ceil(self.learner.ssl.settled * trainer.max_steps):
            name = f"val/{self.score.name}"
            mean, width = (float(trainer.callback_metrics[key]) for key in (name, f"{name}_ci95"))
            self._consider(trainer, Interval(mean, width, 0))

    def state_dict(self) -> dict[str, Any]:
        """What was best so far."""
        found = None if self.found is None else [self.found.mean, self.found.half_width]
        return {"found": found, "step": self.step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.step, found = state_dict["step"], state_dict["found"]
        self.found = None if found is None else Interval(found[0], found[1], 0)

    def _consider(self, trainer: pl.Trainer, found: Interval) -> None:
        better = self.found is None or self.score.improvement(found.mean - self.found.mean) > 0
        if better:
            self.found, self.step = found, trainer.global_step
            self.keep(trainer)


class KeepBest(BestValidation):
    """Keeps `best.ckpt`, the weights with the best validation.

    Args:
        learner: that is trained.
        score: what decides.
        folder: where `best.ckpt` lies.
    """

    def __init__(self, learner: MetaLearner, score: Score, folder: Path) -> None:
        super().__init__(learner, score)
        self.folder = folder

    def keep(self, trainer: pl.Trainer) -> None:
        """Writes the checkpoint."""
        self.folder.mkdir(parents=True, exist_ok=True)
        save_checkpoint(trainer, self.folder / BEST)
