"""Logs the scores of training steps."""

from typing import Any

import pytorch_lightning as pl


class LogSteps(pl.Callback):
    """Gives a step's scores to the loggers, and to the progress bar, as soon as the step is made.

    Lightning itself logs after the callbacks that write checkpoints: a run that was killed in between would
    lack a row for ever. So it stands before those callbacks.

    Args:
        every: optimiser steps between two rows.
    """

    def __init__(self, every: int) -> None:
        self.every = every

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """The scores of the last micro-batch of a step that is due."""
        made = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        if not made or trainer.global_step % self.every:
            return
        scores = {f"train/{name}": value for name, value in outputs["scores"].items() if value.dim() == 0}
        for logger in trainer.loggers:
            logger.log_metrics(
                {name: float(value) for name, value in scores.items()}, trainer.global_step - 1
            )
            logger.save()
        pl_module.log_dict(scores, prog_bar=True, logger=False, batch_size=1)
