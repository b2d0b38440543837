"""The loaders of a run: an endless stream of training meta-batches, and fixed episodes for validation."""

from typing import Any

import pytorch_lightning as pl
from torch.utils.data import DataLoader, Dataset

from metassl.data.builder import EpisodeBuilder
from metassl.data.task_stream import TaskStream


class EpisodeDataModule(pl.LightningDataModule):
    """Train and validation loaders; where the stream stands is part of a checkpoint.

    Args:
        train: makes training episodes.
        val: makes validation episodes.
        tasks: T, tasks a step over all ranks.
        val_episodes: validation episodes; every rank runs all of them, so all agree on the result.
        eval_tasks: tasks a validation batch.
        workers: loader processes.
    """

    def __init__(
        self,
        train: EpisodeBuilder,
        val: EpisodeBuilder,
        tasks: int,
        val_episodes: int,
        eval_tasks: int,
        workers: int = 0,
    ) -> None:
        super().__init__()
        self.train, self.tasks, self.workers = train, tasks, workers
        self.validation = TaskStream(val, eval_tasks, val_episodes)
        self.start = 0

    def train_dataloader(self) -> DataLoader:
        """The endless stream, from where the run stands."""
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        stream = TaskStream(self.train, self.tasks, None, self.start, rank, world)
        return DataLoader(stream, batch_size=None, num_workers=self.workers)

    def val_dataloader(self) -> DataLoader:
        """All validation episodes as one item: the stream itself, for whoever embeds each image once."""
        return DataLoader(_One(self.validation), batch_size=None)

    def state_dict(self) -> dict[str, Any]:
        """The next training meta-batch. Checkpoints are written between optimiser steps only."""
        trainer = self.trainer
        return {"start": trainer.global_step * trainer.accumulate_grad_batches if trainer else 0}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.start = state_dict["start"]


class _One(Dataset):
    """A data set of one item."""

    def __init__(self, item: TaskStream) -> None:
        self.item = item

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> TaskStream:
        return self.item
