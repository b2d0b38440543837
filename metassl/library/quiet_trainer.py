"""Lightning's trainer as a notebook wants it: no files, no hints, and Ctrl-C leaves Python running."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytorch_lightning as pl
from omegaconf import DictConfig

from metassl.library.history import KeepBestWeights, MemoryLog
from metassl.training.log_steps import LogSteps
from metassl.training.process import silence_hints
from metassl.training.progress import StepBar


def quiet_trainer(
    options: DictConfig, log: MemoryLog, keep: KeepBestWeights, validates: bool, progress: bool
) -> pl.Trainer:
    """The command's trainer without its files."""
    every = min(options.log_every, options.steps)
    callbacks = [LogSteps(every), keep, *([StepBar()] if progress else [])]
    return pl.Trainer(
        accelerator=options.accelerator,
        devices=1,
        precision=options.precision,
        max_steps=options.steps,
        gradient_clip_val=options.clip,
        accumulate_grad_batches=options.accumulate,
        val_check_interval=options.val_every * options.accumulate,
        check_val_every_n_epoch=None,
        limit_val_batches=1.0 if validates else 0,
        num_sanity_val_steps=0,
        log_every_n_steps=every,
        enable_checkpointing=False,
        enable_progress_bar=progress,
        enable_model_summary=False,
        use_distributed_sampler=False,
        logger=log,
        callbacks=callbacks,
    )


@contextmanager
def politely() -> Iterator[None]:
    """Lightning without hints, and Ctrl-C as a notebook knows it: Lightning answers it by leaving Python."""
    try:
        with warnings.catch_warnings():
            silence_hints()
            yield
    except SystemExit:
        raise KeyboardInterrupt("stopped by hand") from None
