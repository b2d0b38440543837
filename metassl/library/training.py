"""Meta-training without a command line, by the command's own engine, optimiser and Lightning module."""

import time

import torch
from omegaconf import DictConfig

from metassl.compatibility import check
from metassl.data.spec import to_count
from metassl.errors import ConfigError
from metassl.learners.base import MetaLearner
from metassl.library.configs import Options, check_keys, composed
from metassl.library.episodes import Episodes
from metassl.library.history import History, KeepBestWeights, MemoryLog
from metassl.library.quiet_trainer import politely, quiet_trainer
from metassl.library.running import engine_name, query_logits
from metassl.training.build import build_module
from metassl.training.datamodule import EpisodeDataModule

OF_TRAINER = ("accelerator", "precision", "clip", "accumulate", "log_every", "val_every")
CHANGEABLE = (
    *(f"trainer.{key}" for key in OF_TRAINER),
    "evaluation.val_episodes", "evaluation.tasks", "optimizer", "engine",
)  # fmt: skip


def fit(
    learner: MetaLearner,
    episodes: Episodes,
    steps: int = 200,
    *,
    tasks: int = 4,
    validation: Episodes | None = None,
    optimizer: str = "adam_cosine",
    engine: str | None = None,
    seed: int = 0,
    options: Options = (),
    progress: bool = False,
) -> History:
    """Meta-trains a learner in place: so many steps of the outer optimiser, each on so many tasks.

    It is the command's training, and gives the same weights for the same config. With `validation` the
    learner ends with the weights of the best validation, as the command's does: of the network before its
    first step, and of those after U takes its full part. Without it it ends with the last.

    Args:
        learner: by `metassl.learner`, or made of objects.
        episodes: the training tasks; task b·tasks + t is the t-th of step b.
        steps: of the outer optimiser.
        tasks: T, tasks a step.
        validation: episodes whose first 200 tasks say which weights are best.
        optimizer: a name of conf/optimizer.
        engine: a name of conf/engine; None: "threads", or "loop" where a norm keeps moving averages.
        seed: of what is random within a step. The caller's own random numbers stay untouched.
        options: {"optimizer.optimizer.lr": 0.01, "trainer.clip": 1.0, "trainer.val_every": 50,
            "evaluation.val_episodes": 100} and the like. Validations are at half of the steps and at the end.
        progress: draw a progress bar.

    Returns:
        The curves: loss and scores of the training tasks, and of validation.

    Raises:
        ConfigError: an unknown name or option, or episodes that the learner wasn't built for.
        DivergedError: the loss is no longer finite.
        KeyboardInterrupt: stopped by hand; the learner keeps the weights of its last step.

    >>> import metassl, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(np.arange(40), 20)
    >>> x = rng.normal(size=(40, 8))[y] + 0.5 * rng.normal(size=(800, 8))
    >>> train, val, _ = metassl.episodes(x, y, queries=3).split_classes()
    >>> learner = metassl.learner("protonet", ssl="soft_kmeans", task=train.task)
    >>> history = metassl.fit(learner, train, steps=40, validation=val)
    >>> history["val/accuracy"].steps.tolist(), history.kept in (20, 40)
    ([20, 40], True)
    >>> bool(history["train/loss"].values[-1] < history["train/loss"].values[0])
    True
    """
    check(learner, episodes.task)
    config = _config(learner, steps, tasks, optimizer, engine, options)
    config.seed = to_count("seed", seed, 0)
    data = _data(learner, episodes, validation, config)
    outcome = episodes.task.outcome
    log, keep = MemoryLog(), KeepBestWeights(learner, outcome.score)
    began = time.monotonic()
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())), politely():
        learner.train()
        trainer = quiet_trainer(config.trainer, log, keep, validation is not None, progress)
        trainer.fit(build_module(config, learner, outcome), data)
    restored = keep.restore()
    kept = trainer.global_step if restored is None else restored
    return History(log.curves(), outcome.score.name, trainer.global_step, kept, time.monotonic() - began)


def _config(
    learner: MetaLearner, steps: int, tasks: int, optimizer: str, engine: str | None, options: Options
) -> DictConfig:
    """The command's config for such a training."""
    to_count("steps", steps, 1)
    own = {"trainer.steps": steps, "trainer.tasks": tasks}
    own["trainer.val_every"] = steps if steps % 2 else steps // 2
    names = {"optimizer": optimizer, "engine": engine or engine_name(learner)}
    check_keys(CHANGEABLE, options)  # what the caller may change is less than what is set here
    config = composed(names, own, options, allowed=("trainer", *CHANGEABLE))
    if steps % config.trainer.val_every:
        raise ConfigError(
            f"trainer.val_every: found {config.trainer.val_every}, allowed are divisors of steps={steps}, so "
            "that the last step is validated."
        )
    return config


def _data(
    learner: MetaLearner, episodes: Episodes, validation: Episodes | None, config: DictConfig
) -> EpisodeDataModule:
    """The streams of tasks; a learner that they don't fit is found out now."""
    for each in (episodes, validation):
        if each is not None:
            query_logits(learner, each.batch(range(1), learner).episodes.task(0))
    return EpisodeDataModule(
        episodes.builder(learner, training=True),
        (validation or episodes).builder(learner),
        tasks=config.trainer.tasks,
        val_episodes=config.evaluation.val_episodes,
        eval_tasks=config.evaluation.tasks,
    )
