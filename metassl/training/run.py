"""One run from its config to its results: prepare, meta-train, meta-test, write."""

import logging
import os
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf

from metassl.cli.saved import CONFIG
from metassl.data.pool import Contents
from metassl.evaluation.evaluate import evaluate
from metassl.evaluation.results import table, write_results
from metassl.files import write_atomically, write_json
from metassl.instantiate import refuse_foreign_targets
from metassl.learners.base import MetaLearner
from metassl.provenance import provenance
from metassl.training.allocator import keep_freed_memory
from metassl.training.build import (
    build_contents,
    build_datamodule,
    build_engine,
    build_learner,
    build_module,
    build_task_spec,
    build_test_stream,
)
from metassl.training.checkpoints import LAST, earlier_seconds, tested_checkpoint
from metassl.training.module import DivergedError
from metassl.training.trainer import build_trainer
from metassl.training.weights import load_weights, read_checkpoint


def train_and_test(
    config: DictConfig, folder: Path, choices: Mapping[str, str], overrides: Sequence[str]
) -> float | None:
    """Runs a whole config and returns the meta-test accuracy (0..1); None on ranks that don't test.

    Args:
        config: as composed by Hydra.
        folder: of the run; everything it leaves behind is there.
        choices: the option of each config group, for the records.
        overrides: what the user typed, for the records.
    """
    _settle(config)
    began = time.monotonic()
    resume = _resume_point(config, folder)
    about = provenance(choices, overrides, config.seed)
    if os.environ.get("LOCAL_RANK", "0") == "0":
        write_atomically(folder / CONFIG, lambda path: OmegaConf.save(config, path, resolve=True))
        write_json(folder / "run.json", about)
    pl.seed_everything(config.seed, verbose=False)
    contents = build_contents(config)
    learner = build_learner(config, build_task_spec(config, contents))
    module = build_module(config, learner)
    data = build_datamodule(config, contents, learner)
    # a test split that can't be drawn shows now, not after the training
    build_test_stream(config, contents, learner, config.evaluation.episodes)
    tested_checkpoint(config, folder)
    trainer = build_trainer(config, folder, resume)
    if trainer.is_global_zero:
        _describe(config, learner, contents, choices)
    try:
        trainer.fit(module, data, ckpt_path=resume, weights_only=True)
    except DivergedError as error:
        last = folder / "checkpoints" / LAST
        where = f"The last good checkpoint is {last}." if last.is_file() else "No checkpoint was written yet."
        raise DivergedError(f"{error} {where}") from None
    if not trainer.is_global_zero:
        return None
    load_weights(learner, tested_checkpoint(config, folder))
    results, columns = evaluate(config, learner, module.engine, contents)
    seconds = earlier_seconds(trainer) + time.monotonic() - began
    results |= {"wall_seconds": round(seconds, 1), "commit": about["git"]["revision"]}
    write_results(folder, results, columns)
    print(table(results, choices, folder))
    return float(results["accuracy"]["mean"])


def test_weights(
    config: DictConfig, checkpoint: Path, folder: Path, choices: Mapping[str, str], overrides: Sequence[str]
) -> float:
    """Meta-tests the weights of a checkpoint and returns the accuracy (0..1).

    Args:
        config: of the test; its learner must fit the weights.
        checkpoint: has the weights.
        folder: made where it is missing; run.json, results.json and episodes.parquet go there.
        choices, overrides: for the records, as in `train_and_test`.
    """
    _settle(config)
    about = provenance(choices, overrides, config.seed)
    contents = build_contents(config)
    learner = build_learner(config, build_task_spec(config, contents))
    step = load_weights(learner, checkpoint)
    learner.to("cuda" if torch.cuda.is_available() and config.trainer.accelerator != "cpu" else "cpu")
    began = time.monotonic()
    results, columns = evaluate(config, learner, build_engine(config, learner), contents)
    results |= {"steps": step, "wall_seconds": round(time.monotonic() - began, 1)}
    results |= {"commit": about["git"]["revision"]}
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "run.json", about)
    write_results(folder, results, columns)
    print(table(results, choices, folder))
    return float(results["accuracy"]["mean"])


def _settle(config: DictConfig) -> None:
    """What holds for the whole process."""
    quiet()
    keep_freed_memory()
    if config.trainer.threads:
        torch.set_num_threads(config.trainer.threads)


def _resume_point(config: DictConfig, folder: Path) -> Path | None:
    if config.resume is None:
        return None
    path = folder / "checkpoints" / LAST
    refuse_foreign_targets(config)
    read_checkpoint(path)  # refuses what is not plain weights before anything is built
    return path


def _describe(
    config: DictConfig, learner: MetaLearner, contents: Contents, choices: Mapping[str, str]
) -> None:
    count = sum(p.numel() for p in learner.parameters() if p.requires_grad)
    classes = " / ".join(str(len(contents.splits.get(s, ()))) for s in ("train", "val", "test"))
    print(
        f"model={choices.get('model')} ssl={choices.get('ssl')} (at={learner.ssl.at}) "
        f"dataset={choices.get('dataset')}: {classes} classes for train / val / test, "
        f"{count:,} parameters, {config.trainer.steps} steps of {config.trainer.tasks} tasks"
    )


def quiet() -> None:
    """Lightning's hints don't apply: nothing is decoded in our loaders."""
    for name in ("pytorch_lightning.utilities.rank_zero", "pytorch_lightning", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for text in (".*does not have many workers.*", ".*LeafSpec.*"):
        warnings.filterwarnings("ignore", text)
