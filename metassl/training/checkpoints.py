"""Checkpoints that a run can go on from exactly, whatever stopped it."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl
from omegaconf import DictConfig

from metassl.errors import ConfigError, Interrupted, one_of
from metassl.files import write_atomically
from metassl.runs.file_names import CHECKPOINTS
from metassl.runs.signals import STOPS
from metassl.training.csv_log import CSVLog

LAST, BEST = "last.ckpt", "best.ckpt"
TWIN = "twin.ckpt"  # the tested weights of the same training without unlabelled examples


class Resumable(pl.Callback):
    """Keeps `last.ckpt` and, on SIGTERM or Ctrl-C, writes it and stops the run at the next step.

    It saves only between optimiser steps, and after the validation when one is due, so that no
    gradient, no logged value and no validation is lost or done twice. A second signal stops at once.

    Args:
        folder: where `last.ckpt` lies.
        every: optimiser steps between two saves.
        val_every: optimiser steps between two validations.
    """

    def __init__(self, folder: Path, every: int, val_every: int) -> None:
        self.folder, self.every, self.val_every = folder, every, val_every
        self.earlier, self.began = 0.0, time.monotonic()
        self.signal: int | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Takes over the signals, which Lightning gives back to whoever had them before the training."""
        for number in STOPS:
            signal.signal(number, self._on_signal)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Saves where it is due and no validation follows."""
        between_steps = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        validates = trainer.global_step % self.val_every == 0
        due = trainer.global_step % self.every == 0 or self._asked_to_stop(trainer)
        if between_steps and due and not validates:
            self._save(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Saves with the validation's result in it."""
        if not trainer.sanity_checking:
            self._save(trainer)

    def state_dict(self) -> dict[str, Any]:
        """The wall time so far, over all resumptions."""
        return {"seconds": self.earlier + time.monotonic() - self.began}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.earlier = state_dict["seconds"]

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            raise Interrupted(f"stopped by a second {signal.Signals(number).name}, before the step's end.")
        self.signal = number

    def _asked_to_stop(self, trainer: pl.Trainer) -> bool:
        """Whether any rank met a signal: all save and stop at the same step."""
        return bool(trainer.strategy.reduce_boolean_decision(self.signal is not None, all=False))

    def _save(self, trainer: pl.Trainer) -> None:
        path = self.folder / LAST
        self.folder.mkdir(parents=True, exist_ok=True)
        for logger in trainer.loggers:  # first: a resumed run drops later rows, and makes up none
            logger.write() if isinstance(logger, CSVLog) else logger.save()
        save_checkpoint(trainer, path)
        if self._asked_to_stop(trainer):
            name = signal.Signals(self.signal).name if self.signal else "a signal"
            raise Interrupted(f"stopped by {name} at step {trainer.global_step}; the checkpoint is {path}.")


def earlier_seconds(trainer: pl.Trainer) -> float:
    """Wall time of the training before it was resumed; 0 where it was not."""
    callbacks: list[pl.Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return sum((callback.earlier for callback in callbacks if isinstance(callback, Resumable)), 0.0)


def save_checkpoint(trainer: pl.Trainer, path: Path) -> None:
    """Writes a checkpoint whole or not at all; all ranks take part, rank zero writes."""
    write: Callable[[Path], object] = trainer.save_checkpoint
    if trainer.is_global_zero:
        write_atomically(path, write)
    else:
        trainer.save_checkpoint(path)


def twin_checkpoint(folder: Path) -> Path | None:
    """The weights of a run's twin, None where it has none."""
    path = folder / CHECKPOINTS / TWIN
    return path if path.is_file() else None


def tested_checkpoint(config: DictConfig, folder: Path) -> Path:
    """The checkpoint of a run that its meta-test reads, by `evaluation.checkpoint`."""
    choices = {"best": BEST, "last": LAST}
    if config.evaluation.checkpoint not in choices:
        raise ConfigError(one_of("evaluation.checkpoint", config.evaluation.checkpoint, choices))
    return folder / CHECKPOINTS / choices[config.evaluation.checkpoint]
