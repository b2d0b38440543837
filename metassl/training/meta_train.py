"""Meta-training of a run: from its config to the weights with the best validation."""

import os
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import Logger

from metassl.checkpoint_file import read_checkpoint
from metassl.data.task_source import TaskSource
from metassl.engine.base import Engine
from metassl.errors import UserError
from metassl.evaluation.intervals import Interval
from metassl.files import remove_leftovers, write_atomically, write_json
from metassl.learners.base import MetaLearner
from metassl.provenance import provenance
from metassl.runs.definition import refuse_foreign_experiment
from metassl.runs.file_names import ABOUT, CHECKPOINTS, CONFIG, TASK
from metassl.schema.check import check_config
from metassl.tasks.spec import TaskSpec
from metassl.trained.build import build_learner
from metassl.trained.facts import facts_of
from metassl.training.best import BestValidation
from metassl.training.build import (
    build_datamodule,
    build_module,
    build_source,
    build_task_spec,
    build_test_stream,
)
from metassl.training.checkpoints import LAST, earlier_seconds, tested_checkpoint
from metassl.training.embedding import keep_encoder
from metassl.training.module import DivergedError
from metassl.training.notes import without_effect
from metassl.training.process import settle_process
from metassl.training.restoring import check_parts, check_restorable
from metassl.training.trainer import build_trainer
from metassl.training.weights import load_weights


@dataclass(frozen=True)
class Trained:
    """What a meta-training leaves in memory.

    Attributes:
        learner: with the weights that are to be tested.
        engine, source, task: how its tasks run, where they come from, and what they are.
        validation: the deciding score of the best validation.
        step: at which it was.
        seconds: wall time, over all resumptions.
        loggers: that were told of the training, and are to be closed.
    """

    learner: MetaLearner
    engine: Engine
    source: TaskSource
    task: TaskSpec
    validation: Interval
    step: int
    seconds: float
    loggers: Sequence[Logger] = ()


def meta_train(
    config: DictConfig,
    folder: Path,
    choices: Mapping[str, str],
    overrides: Sequence[str],
    vouched: Collection[str] = (),
    watching: Sequence[pl.Callback] = (),
) -> Trained | None:
    """Meta-trains as a whole config says; None on ranks that don't test.

    Args:
        config: as composed by Hydra.
        folder: of the run; config, records, curves and checkpoints go there.
        choices: the option of each config group, for the records.
        overrides: what the user typed, for the records.
        vouched: what the config of a resumed run may build besides this package's and torch's classes.
        watching: callbacks of whoever wants to know how the training does.
    """
    settle_process(config)
    began = time.monotonic()
    resume = _resume_point(config, folder, vouched)
    check_config(config)
    if os.environ.get("LOCAL_RANK", "0") == "0":
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / CONFIG, lambda path: OmegaConf.save(config, path, resolve=True))
        write_json(folder / ABOUT, provenance(choices, overrides, config.seed))
    pl.seed_everything(config.seed, verbose=False)
    source = build_source(config)
    task = build_task_spec(config, source)
    learner = build_learner(config, task)
    module = build_module(config, learner, task.outcome)
    data = build_datamodule(config, source, learner)
    # a test split that can't be drawn shows now, not after the training
    build_test_stream(config, source, learner, config.evaluation.episodes)
    tested_checkpoint(config, folder)
    trainer = build_trainer(config, folder, resume, learner, task.outcome.score, watching)
    if resume is not None:
        check_restorable(read_checkpoint(resume), resume, module, data, trainer)
    if trainer.is_global_zero:
        keep_encoder(source, folder, Path(config.paths.cache_dir))
        write_json(folder / TASK, facts_of(task, source, data.train.sampler).plain())
        print(_description(config, learner, source, choices))
        for line in without_effect(config, learner, overrides):
            print(f"note: {line}", file=sys.stderr)
    try:
        trainer.fit(module, data, ckpt_path=resume, weights_only=True)
    except DivergedError as error:
        last = folder / CHECKPOINTS / LAST
        where = f"The last good checkpoint is {last}." if last.is_file() else "No checkpoint was written yet."
        raise DivergedError(f"{error} {where}") from None
    if not trainer.is_global_zero:
        return None
    load_weights(learner, tested_checkpoint(config, folder))
    best = _best(trainer)
    assert best.found is not None
    seconds = earlier_seconds(trainer) + time.monotonic() - began
    return Trained(learner, module.engine, source, task, best.found, best.step, seconds, trainer.loggers)


def _best(trainer: pl.Trainer) -> BestValidation:
    callbacks: list[pl.Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return next(callback for callback in callbacks if isinstance(callback, BestValidation))


def _resume_point(config: DictConfig, folder: Path, vouched: Collection[str]) -> Path | None:
    """The checkpoint to go on from, where the config asks for it; what is missing shows now."""
    if config.resume is None:
        return None
    path = folder / CHECKPOINTS / LAST
    refuse_foreign_experiment(config, vouched)  # all else is today's command line's
    content = read_checkpoint(path)  # refuses what is not plain weights before anything is built
    check_parts(content, path)
    tested = tested_checkpoint(config, folder)
    if _has_best(content) and not tested.is_file():
        raise UserError(
            f"resume={folder}: found no {tested.name}, which this training has left and its test reads."
        )
    remove_leftovers(folder)
    return path


def _has_best(content: Mapping[str, Any]) -> bool:
    """Whether a checkpoint is of a training that had kept its best weights by then."""
    states = content.get("callbacks", {})
    return any(isinstance(state, dict) and state.get("found") is not None for state in states.values())


def _description(
    config: DictConfig, learner: MetaLearner, source: TaskSource, choices: Mapping[str, str]
) -> str:
    """One line on what is about to run."""
    count = sum(p.numel() for p in learner.parameters() if p.requires_grad)
    return (
        f"model={choices.get('model')} ssl={choices.get('ssl')} (at={learner.ssl.at}) "
        f"dataset={choices.get('dataset')}: {source.description()}, "
        f"{count:,} parameters, {config.trainer.steps} steps of {config.trainer.tasks} tasks"
    )
