"""The Lightning trainer of a run: callbacks and loggers by its config."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytorch_lightning as pl
from omegaconf import DictConfig
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from metassl.checkpoint_file import read_checkpoint
from metassl.errors import ConfigError
from metassl.learners.base import MetaLearner
from metassl.outcomes.base import Score
from metassl.training.best import KeepBest
from metassl.training.checkpoints import Resumable
from metassl.training.csv_log import CSVLog
from metassl.training.log_steps import LogSteps
from metassl.training.progress import StepBar
from metassl.training.tracker import build_tracker, close_trackers


class CloseTrackers(pl.Callback):
    """Ends a tracker's run with a training that fails; one that ends well is closed after its test."""

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Closes what stays open across Lightning's own teardown."""
        close_trackers(trainer.loggers)


def build_trainer(
    config: DictConfig,
    folder: Path,
    resume: Path | None,
    learner: MetaLearner,
    score: Score,
    watching: Sequence[pl.Callback] = (),
) -> pl.Trainer:
    """A trainer that counts optimiser steps, validates, keeps checkpoints and logs into `folder`.

    Args:
        config: of the run.
        folder: of the run.
        resume: the checkpoint that it goes on from, None for none.
        learner: that is trained.
        score: what decides which weights are best.
        watching: callbacks of whoever wants to know how the training does.
    """
    options = config.trainer
    _check(options)
    if options.clip and options.precision == "16-mixed" and config.optimizer.optimizer.get("fused"):
        raise ConfigError(
            "optimizer.optimizer.fused: found true, which can't clip what trainer.precision=16-mixed has "
            "scaled. Allowed with trainer.clip: optimizer.optimizer.fused=false, or another precision."
        )
    checkpoints = folder / "checkpoints"
    callbacks: list[pl.Callback] = [
        LogSteps(options.log_every),  # before Resumable, with whose checkpoint the row must be there
        KeepBest(learner, score, checkpoints),  # likewise: the checkpoint must know the best
        *watching,  # likewise: after a kill a validation that was not told is done again
        Resumable(checkpoints, options.checkpoint_every, options.val_every),
        CloseTrackers(),
    ]
    if options.progress:
        callbacks.append(StepBar())
    loggers = _loggers(config, folder, resume)
    with _hardware(options):
        return pl.Trainer(
            accelerator=options.accelerator,
            devices=options.devices,
            strategy=options.strategy,
            precision=options.precision,
            max_steps=options.steps,
            gradient_clip_val=options.clip,
            accumulate_grad_batches=options.accumulate,
            val_check_interval=options.val_every * options.accumulate,
            check_val_every_n_epoch=None,
            num_sanity_val_steps=0,
            log_every_n_steps=options.log_every,
            enable_checkpointing=False,
            enable_progress_bar=options.progress,
            enable_model_summary=False,
            use_distributed_sampler=False,
            default_root_dir=folder,
            logger=loggers,
            callbacks=callbacks,
        )


@contextmanager
def _hardware(options: DictConfig) -> Iterator[None]:
    """What Lightning can't find or doesn't know, with the key that asks for it."""
    try:
        yield
    except (MisconfigurationException, ValueError, TypeError, ImportError) as error:
        said = " ".join(str(error).split())
        key = next((key for key in ("devices", "strategy", "precision") if key in said), "accelerator")
        raise ConfigError(f"trainer.{key}: found {options[key]!r}. {said}") from None


def _loggers(config: DictConfig, folder: Path, resume: Path | None) -> list[Logger]:
    log = CSVLog(str(folder))
    if resume is not None:
        log.keep_until(read_checkpoint(resume)["global_step"])
    return [log] if config.logger.extra is None else [log, build_tracker(config.logger.extra)]


def _check(options: DictConfig) -> None:
    if options.steps % options.val_every:
        raise ConfigError(
            f"trainer.val_every: found {options.val_every}, allowed are divisors of trainer.steps="
            f"{options.steps}, so that the last step is validated."
        )
