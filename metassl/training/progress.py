"""A progress bar over the steps of meta-training."""

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import TQDMProgressBar
from pytorch_lightning.callbacks.progress.tqdm_progress import Tqdm


class StepBar(TQDMProgressBar):
    """Counts the steps of the whole run; the stream itself has no end to count to."""

    def __init__(self) -> None:
        super().__init__(refresh_rate=10)

    def init_validation_tqdm(self) -> Tqdm:
        """No second bar: validations are short."""
        return Tqdm(disable=True)

    @property
    def total_train_batches(self) -> int:
        """Meta-batches of the run."""
        return self.trainer.max_steps * self.trainer.accumulate_grad_batches

    def on_train_epoch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        """Names the bar."""
        super().on_train_epoch_start(trainer)
        self.train_progress_bar.set_description("meta-training")

    def get_metrics(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, Any]:
        """What stands beside the bar."""
        items = super().get_metrics(trainer, pl_module)
        items.pop("v_num", None)
        return {k: f"{v:.3f}" if isinstance(v, float) else v for k, v in items.items()}
