"""Tells a study how a trial does while it trains, and ends the training where the study says so."""

from collections.abc import Callable

import pytorch_lightning as pl

from metassl.training.module import MetaModule

Report = Callable[[int, float], bool]
"""(step, value of the deciding score) -> whether the trial is to end."""


class PrunedError(Exception):
    """The study has ended this trial early; the message says at which step."""


class ReportScore(pl.Callback):
    """Reports the deciding score of every validation.

    Args:
        report: who is told.
    """

    def __init__(self, report: Report) -> None:
        self.report = report

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Raises PrunedError where the study says so; not at the last step, for there is nothing to save."""
        assert isinstance(pl_module, MetaModule)
        value = float(trainer.callback_metrics[f"val/{pl_module.outcome.score.name}"])
        if self.report(trainer.global_step, value) and trainer.global_step < trainer.max_steps:
            raise PrunedError(f"ended at step {trainer.global_step}, where other trials were better")
