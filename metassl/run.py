"""One run from its config to its results: prepare, meta-train, meta-test, write."""

import logging
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf

from metassl.build import (
    build_contents,
    build_datamodule,
    build_learner,
    build_module,
    build_task_spec,
    build_test_stream,
)
from metassl.cli.resume import CONFIG
from metassl.data.pool import Contents
from metassl.evaluation.results import summarise, table, write_results
from metassl.errors import ConfigError, one_of
from metassl.evaluation.meta_test import Columns, meta_test
from metassl.files import write_atomically, write_json
from metassl.instantiate import refuse_foreign_targets
from metassl.learners.base import MetaLearner
from metassl.lightning.checkpoints import BEST, LAST
from metassl.lightning.module import MetaModule
from metassl.lightning.trainer import build_trainer
from metassl.lightning.weights import check_readable, load_weights
from metassl.provenance import provenance
from metassl.stage import CONTROL, TEST

VARIANTS = {"": TEST, "_without_unlabelled": CONTROL}


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
    _quiet()
    if config.trainer.threads:
        torch.set_num_threads(config.trainer.threads)
    began = time.monotonic()
    pl.seed_everything(config.seed, verbose=False)
    contents = build_contents(config)
    learner = build_learner(config, build_task_spec(config, contents))
    module = build_module(config, learner)
    data = build_datamodule(config, contents, learner.ssl)
    build_test_stream(config, contents, learner.ssl, 1)  # a test split that can't be drawn shows now
    _tested(config)
    resume = _resume_point(config, folder)
    trainer = build_trainer(config, folder, resume)
    if trainer.is_global_zero:
        about = provenance(choices, overrides, config.seed)
        write_atomically(folder / CONFIG, lambda path: OmegaConf.save(config, path, resolve=True))
        write_json(folder / "run.json", about)
    _describe(config, learner, contents, choices)
    trainer.fit(module, data, ckpt_path=resume, weights_only=True)
    if not trainer.is_global_zero:
        return None
    load_weights(learner, folder / "checkpoints" / _tested(config))
    results, columns = evaluate(config, learner, module, contents)
    results["wall_seconds"] = round(time.monotonic() - began, 1)
    results["commit"] = provenance(choices, overrides, config.seed)["git"]["revision"]
    write_results(folder, results, columns)
    print(table(results, choices, folder))
    return float(results["accuracy"]["mean"])


def evaluate(
    config: DictConfig, learner: MetaLearner, module: MetaModule, contents: Contents
) -> tuple[dict, Columns]:
    """The meta-test of a trained learner, and of the same network without meta-training."""
    test, few = config.evaluation.episodes, min(config.evaluation.episodes, config.trainer.baseline_episodes)
    uses = bool(learner.ssl.inner_views(training=False))
    variants = VARIANTS if uses else {"": TEST}
    stream = build_test_stream(config, contents, learner.ssl, test)
    columns = meta_test(learner, module.runner, stream, variants, "meta-test")
    device = next(learner.parameters()).device
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        untrained = build_learner(config, build_task_spec(config, contents)).to(device)
    stream = build_test_stream(config, contents, learner.ssl, few)
    baseline = meta_test(untrained, module.runner, stream, {"_untrained": TEST}, "without meta-training")
    return summarise(config, learner, columns, baseline), {**columns, **baseline}


def _tested(config: DictConfig) -> str:
    """The file name of the checkpoint that the meta-test reads."""
    choices = {"best": BEST, "last": LAST}
    if config.evaluation.checkpoint not in choices:
        raise ConfigError(one_of("evaluation.checkpoint", config.evaluation.checkpoint, choices))
    return choices[config.evaluation.checkpoint]


def _resume_point(config: DictConfig, folder: Path) -> Path | None:
    if config.resume is None:
        return None
    path = folder / "checkpoints" / LAST
    refuse_foreign_targets({k: v for k, v in config.items() if k != "logger"})
    check_readable(path)
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


def _quiet() -> None:
    """Lightning's hints about loaders and devices don't apply: nothing is decoded in ours."""
    for name in ("pytorch_lightning.utilities.rank_zero", "pytorch_lightning", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for text in (
        ".*does not have many workers.*",
        ".*Checkpoint directory.*exists.*",
        ".*GPU available but.*",
    ):
        warnings.filterwarnings("ignore", text)
