"""Does a pair run at all? One training step and one test batch on a tiny network, without the trainer.

Legend: T tasks, Q query, K outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from omegaconf import DictConfig
from torch import Tensor
from torch.utils._pytree import tree_map

from metassl.data.task_source import TaskSource
from metassl.engine.loop import Loop
from metassl.engine.vmap import Vmap
from metassl.errors import ConfigError, UserError
from metassl.learners.base import MetaLearner
from metassl.numerics.tensors import Tensors
from metassl.tasks.episode import Episode
from metassl.tasks.stage import CONTROL, TEST, Stage
from metassl.trained.build import build_learner
from metassl.training.build import build_engine, build_episodes, build_task_spec

TRAIN = Stage(training=True)
AGREE = 1e-6  # of two engines' gradients, relative to the largest


class BrokenPair(UserError):
    """A pair runs, but what comes out is wrong."""


@dataclass(frozen=True)
class TriedPair:
    """What became of a pair; `refused` is the constructor's line, None for a pair that runs."""

    model: str
    ssl: str
    refused: str | None


def try_pair(model: str, ssl: str, config: DictConfig, source: TaskSource, engines: bool = True) -> TriedPair:
    """Trains a pair one step in a loop and under vmap, and tests it on one task in its own engine.

    Without `engines` it is trained on one task in the loop alone and tested with U alone, which takes a third
    of the time.

    Raises BrokenPair where something is not finite, has the wrong shape, or the engines disagree.
    """
    try:
        learner = _learner(config, source)
    except ConfigError as error:
        return TriedPair(model, ssl, str(error))
    name = f"{model} × {ssl}"
    tasks = _tasks(config, source, learner, "train", 2 if engines else 1)
    gradients, scores = Loop().gradients(learner, _meta_loss, tasks)
    if not any(bool(g.any()) for g in gradients.values()):
        raise BrokenPair(f"{name}: every gradient is 0.")
    if engines and learner.backbone.traits.keeps_averages:
        _engines_agree_without_averages(name, config, source)
    elif engines:
        _compare(name, gradients, Vmap(2).gradients(learner, _meta_loss, tasks)[0])
    _step(learner, gradients, tasks, scores)
    _test(name, learner, config, source, (TEST, CONTROL) if engines else (TEST,))
    return TriedPair(model, ssl, None)


def refusal(config: DictConfig, source: TaskSource) -> str | None:
    """The line with which a pair is refused; None for one that is built. Nothing is trained."""
    try:
        _learner(config, source)
    except ConfigError as error:
        return str(error)
    return None


def _learner(config: DictConfig, source: TaskSource) -> MetaLearner:
    """In float64: a rounding that tips a ReLU or an argmax changes a gradient by any amount."""
    torch.manual_seed(0)
    return build_learner(config, build_task_spec(config, source)).double().train()


def _tasks(config: DictConfig, source: TaskSource, learner: MetaLearner, split: str, count: int) -> Episode:
    tasks = build_episodes(config, source, learner, split, 0)(range(count)).episodes
    return tree_map(lambda x: x.double() if x.is_floating_point() else x, tasks)


def _engines_agree_without_averages(name: str, config: DictConfig, source: TaskSource) -> None:
    """Moving averages need the loop; with batch statistics in their place any engine must do."""
    config = config.copy()
    config.backbone.norm = "batch"
    learner = _learner(config, source)
    tasks = _tasks(config, source, learner, "train", 2)
    loop, mapped = (e.gradients(learner, _meta_loss, tasks)[0] for e in (Loop(), Vmap(2)))
    _compare(name, loop, mapped)


def _compare(name: str, loop: Tensors, mapped: Tensors) -> None:
    largest = max(float(g.abs().max()) for g in loop.values())
    for parameter, g in loop.items():
        off = float((mapped[parameter] - g).abs().max())
        if not off <= AGREE * largest:  # a NaN is no agreement
            raise BrokenPair(f"{name}: loop and vmap differ by {off:.1e} of {largest:.1e} in {parameter}.")


@torch.no_grad()
def _step(learner: MetaLearner, gradients: Tensors, tasks: Episode, scores: dict[str, Tensor]) -> None:
    theta = learner.theta()
    for name, g in gradients.items():
        theta[name] -= 1e-3 * g
    learner.after_outer_step(tasks, scores)


@torch.no_grad()
def _test(
    name: str, learner: MetaLearner, config: DictConfig, source: TaskSource, stages: Sequence[Stage]
) -> None:
    """Finite outputs of the right shape at each stage: with U, and without."""
    engine = build_engine(config, learner.eval())
    tasks = _tasks(config, source, learner, "test", 1)
    for stage in stages:
        logits = engine.map(learner, partial(_query_logits, stage=stage), tasks)
        if logits.shape != (*tasks.query_weight.shape, tasks.outputs) or not torch.isfinite(logits).all():
            raise BrokenPair(f"{name}: outputs of shape {tuple(logits.shape)}, or not finite.")


def _query_logits(learner: MetaLearner, task: Episode, stage: Stage) -> Tensor:
    return learner.query_logits(task, stage)


def _meta_loss(learner: MetaLearner, task: Episode) -> tuple[Tensor, dict[str, Tensor]]:
    return learner.meta_loss(task, TRAIN)
