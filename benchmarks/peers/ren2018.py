"""One training step of Ren et al. 2018's soft k-means: a bare PyTorch loop, and metassl's Lightning module.

Both meet the same episodes (5 labelled, 25 unlabelled, 5 query images of 28×28) with the same backbone and
Adam; a round is STEPS steps.

Legend: N way, S support, U unlabelled, Q query, D features.
"""

import tempfile
import threading
import warnings
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.tasks import compose
from benchmarks.timing import Work
from metassl.learners.base import MetaLearner
from metassl.outcomes.classification import CLASSES
from metassl.trained.build import build_learner
from metassl.training.allocator import keep_freed_memory
from metassl.training.build import build_datamodule, build_module, build_source, build_task_spec
from metassl.training.datamodule import EpisodeDataModule
from metassl.training.process import silence_hints
from metassl.training.trainer import build_trainer

STEPS = 50


def config_words(folder: str) -> list[str]:
    """The experiment, without an end and without validations in between."""
    return [
        "experiment=ren2018_omniglot/soft_kmeans", "trainer.steps=1000000", "trainer.val_every=1000000",
        "trainer.checkpoint_every=1000000", "trainer.progress=false", f"paths.output_dir={folder}",
    ]  # fmt: skip


def _parts(folder: str) -> tuple[Any, MetaLearner, EpisodeDataModule]:
    silence_hints()
    keep_freed_memory()
    config = compose(*config_words(folder))
    pl.seed_everything(0, verbose=False)
    contents = build_source(config)
    learner = build_learner(config, build_task_spec(config, contents))
    return config, learner, build_datamodule(config, contents, learner)


def bare_loop() -> Work:
    """As a researcher would write it for this method alone."""
    with tempfile.TemporaryDirectory() as folder:
        _, learner, data = _parts(folder)
    net: nn.Module = learner.backbone.train()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=5e-5)
    batches = iter(data.train_dataloader())

    def steps() -> float:
        for _ in range(STEPS):
            task = next(batches).episodes.task(0)
            u = task.unlabelled.views["plain"]
            sizes = [len(task.support_x), len(u), len(task.query_x)]
            s, u, q = net(torch.cat((task.support_x, u, task.query_x))).split(sizes)
            loss = F.cross_entropy(-_distances(q, refined(s, task.support_y, u)), task.query_y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.item()

    return Work(steps, steps)


def refined(s: Tensor, y: Tensor, u: Tensor) -> Tensor:
    """[N, D] prototypes after one step of soft k-means."""
    labels = F.one_hot(y).float()
    p = labels.T @ s / labels.sum(0)[:, None]
    with torch.no_grad():
        z = (-_distances(u, p)).softmax(-1)
    return (labels.T @ s + z.T @ u) / (labels.sum(0) + z.sum(0))[:, None]


def _distances(a: Tensor, b: Tensor) -> Tensor:
    return (a[:, None] - b[None]).square().sum(-1)


class Rounds(pl.Callback):
    """Holds the training after each round until the next is asked for."""

    def __init__(self) -> None:
        self.asked, self.done = threading.Semaphore(0), threading.Semaphore(0)
        self.loss = 0.0

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        """Waits at the start of a round."""
        if trainer.global_step % STEPS == 0:
            if trainer.global_step:
                self.loss = float(trainer.callback_metrics["train/loss"])
                self.done.release()
            self.asked.acquire()


def lightning() -> Work:
    """The project's own training loop with its default callbacks, CSV log and all."""
    folder = tempfile.mkdtemp()
    config, learner, data = _parts(folder)
    module, rounds = build_module(config, learner), Rounds()
    trainer = build_trainer(config, Path(folder), None, learner, CLASSES.score)
    trainer.callbacks.append(rounds)  # type: ignore[attr-defined]
    warnings.simplefilter("ignore")

    def steps() -> float:
        rounds.asked.release()
        rounds.done.acquire()
        return rounds.loss

    return Work(steps, steps, main=lambda: trainer.fit(module, data))
