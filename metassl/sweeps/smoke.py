"""Does a pair run at all? One training step and one test batch on a tiny network, without the trainer.

Legend: T tasks, Q query, N way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf, open_dict
from torch import Tensor
from torch.utils._pytree import tree_map

from metassl.build import build_episodes, build_learner, build_runner, build_task_spec
from metassl.data.pool import Contents
from metassl.engine.outer import Unrolled
from metassl.engine.tasks import Loop, TaskRunner, Vmap
from metassl.episode import Episode
from metassl.errors import ConfigError, UserError
from metassl.learners.base import MetaLearner
from metassl.stage import CONTROL, TEST, Stage

TRAIN = Stage(training=True)
AGREE = 1e-6  # of two engines' gradients, relative to the largest


class BrokenPair(UserError):
    """A pair runs, but what comes out is wrong."""


@dataclass(frozen=True)
class Outcome:
    """What became of a pair; `refused` is the constructor's line, None for a pair that runs."""

    model: str
    ssl: str
    refused: str | None


def compose_each(
    conf: Path, group: str, options: Sequence[str], words: Sequence[str]
) -> dict[str, DictConfig]:
    """The config with each option of a group. Composing is slow: pairs are put together by `pair_config`."""
    with initialize_config_dir(str(conf.resolve()), version_base="1.3"):
        return {name: compose("config", overrides=[*words, f"{group}={name}"]) for name in options}


def pair_config(model: DictConfig, ssl: DictConfig) -> DictConfig:
    """The config of a model with the SSL term of another config."""
    config = model.copy()
    with open_dict(config):
        config.ssl = OmegaConf.masked_copy(ssl, ["ssl"]).ssl
    return config


def try_pair(model: str, ssl: str, config: DictConfig, contents: Contents) -> Outcome:
    """Trains a pair one step and tests it, in its own engine and, with batch statistics, under vmap.

    Raises BrokenPair where something is not finite, has the wrong shape, or the engines disagree.
    """
    try:
        learner = _learner(config, contents)
    except ConfigError as error:
        return Outcome(model, ssl, str(error))
    _step_and_test(f"{model} × {ssl}", learner, build_runner(config, learner), config, contents)
    if not learner.backbone.from_support:
        _engines_agree(f"{model} × {ssl}", config, contents)
    return Outcome(model, ssl, None)


def _learner(config: DictConfig, contents: Contents) -> MetaLearner:
    torch.manual_seed(0)
    return build_learner(config, build_task_spec(config, contents))


def _step_and_test(
    name: str, learner: MetaLearner, runner: TaskRunner, config: DictConfig, contents: Contents
) -> None:
    tasks = build_episodes(config, contents, learner, "train", 0)(range(2)).episodes
    gradients, scores = Unrolled(runner)(learner.train(), learner.theta(), tasks, TRAIN)
    _check(name, "gradients", gradients.values())
    if not any(bool(g.any()) for g in gradients.values()):
        raise BrokenPair(f"{name}: every gradient is 0.")
    with torch.no_grad():
        for parameter, g in zip(_learned(learner, gradients), gradients.values(), strict=True):
            parameter -= 1e-3 * g
    learner.after_outer_step(tasks, scores)
    learner.eval()
    tested = build_episodes(config, contents, learner, "test", 0)(range(2)).episodes
    theta = learner.theta()
    for stage in (TEST, CONTROL):
        with torch.no_grad():
            logits = runner.map(learner, partial(_query_logits, theta=theta, stage=stage), tested)
        if logits.shape != (*tested.query_y.shape, tested.way):
            raise BrokenPair(f"{name}: logits of shape {tuple(logits.shape)}.")
        _check(name, "logits", [logits])


def _query_logits(learner: MetaLearner, task: Episode, theta: dict[str, Tensor], stage: Stage) -> Tensor:
    return learner.query_logits(theta, task, stage)


def _engines_agree(name: str, config: DictConfig, contents: Contents) -> None:
    """Gradients under vmap against the loop's, with batch statistics in place of moving averages.

    In float64: a rounding that tips a ReLU or an argmax changes a gradient by any amount.
    """
    config = config.copy()
    if config.backbone.norm == "running":
        config.backbone.norm = "batch"
    learner = _learner(config, contents).double().train()
    tasks = build_episodes(config, contents, learner, "train", 0)(range(2)).episodes
    tasks = tree_map(lambda x: x.double() if x.is_floating_point() else x, tasks)
    loop, _ = Unrolled(Loop())(learner, learner.theta(), tasks, TRAIN)
    mapped, _ = Unrolled(Vmap(2))(learner, learner.theta(), tasks, TRAIN)
    largest = max(float(g.abs().max()) for g in loop.values())
    for parameter, g in loop.items():
        off = float((mapped[parameter] - g).abs().max())
        if off > AGREE * largest:
            raise BrokenPair(f"{name}: loop and vmap differ by {off:.1e} of {largest:.1e} in {parameter}.")


def _learned(learner: MetaLearner, gradients: dict[str, Tensor]) -> list[Tensor]:
    theta = learner.theta()
    return [theta[name] for name in gradients]


def _check(name: str, what: str, values: Iterable[Tensor]) -> None:
    if not all(bool(torch.isfinite(value).all()) for value in values):
        raise BrokenPair(f"{name}: {what} not finite.")
