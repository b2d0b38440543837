"""What a pair gives after three outer steps in float64, from weights that don't depend on the order of building."""

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from omegaconf import DictConfig
from torch import Tensor
from torch.utils._pytree import tree_map

from metassl.learners.base import MetaLearner
from metassl.tasks.episode import Episode
from metassl.tasks.stage import CONTROL, TEST, Stage
from metassl.trained.build import build_learner
from metassl.training.build import build_engine, build_episodes, build_source, build_task_spec
from tests.golden.cases import COMMON
from tests.support.composing import composed

STEPS, RATE = 3, 0.05


def config_of(words: Sequence[str], data: Sequence[str]) -> DictConfig:
    """The config of a case; `~backbone.filters` in a case takes the common word away."""
    own = [w for w in words if not w.startswith("~")]
    common = [w for w in COMMON if f"~{w.split('=')[0]}" not in words]
    return composed(*data, *common, *own)


def measure(words: Sequence[str], data: Sequence[str]) -> dict[str, Any]:
    """Loss and accuracy of each step, checksums of the gradients and weights, and logits of two test tasks."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = config_of(words, data)
    contents = build_source(config)
    learner = build_learner(config, build_task_spec(config, contents)).double().train()
    redraw(learner)
    engine = build_engine(config, learner)
    builder = build_episodes(config, contents, learner, "train", 0)
    found: dict[str, Any] = {"loss": [], "accuracy": [], "gradients": []}
    for step in range(STEPS):
        torch.manual_seed(step)
        tasks = doubled(builder(range(2 * step, 2 * step + 2)).episodes)
        theta, stage = learner.theta(), Stage(training=True, progress=step / STEPS)
        gradients, scores = engine.gradients(learner, partial(_meta_loss, stage=stage), tasks)
        found["loss"].append(float(scores["loss"]))
        found["accuracy"].append(float(scores["accuracy"]))
        found["gradients"].append(size(gradients))
        with torch.no_grad():  # SGD: Adam would blow the rounding of gradients that are 0 by symmetry up
            for name, g in gradients.items():
                theta[name] -= RATE * g
        learner.after_outer_step(tasks, scores)
    found["weights"] = size(learner.state_dict())
    learner.eval()
    tests = doubled(build_episodes(config, contents, learner, "test", 0)(range(2)).episodes)
    for name, stage in (("test", TEST), ("control", CONTROL)):
        with torch.no_grad():
            logits = engine.map(learner, partial(_query_logits, stage=stage), tests)
        found[name] = logits.clamp(min=-1e6).flatten().tolist()
    return found | {"hash": digest(found)}


def _meta_loss(learner: MetaLearner, task: Episode, stage: Stage) -> tuple[Tensor, dict[str, Tensor]]:
    return learner.meta_loss(task, stage)


def _query_logits(learner: MetaLearner, task: Episode, stage: Stage) -> Tensor:
    return learner.query_logits(task, stage)


def redraw(learner: torch.nn.Module) -> None:
    """Random weights by name: mean and deviation of the ones at hand, so that constants stay what they are."""
    with torch.no_grad():
        for name, p in learner.named_parameters():
            if p.numel() > 1 and float(p.std()) > 0:
                seed = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)
                numbers = torch.randn(p.shape, generator=torch.Generator().manual_seed(seed), dtype=p.dtype)
                scale = {1: 0.1}.get(p.dim(), p[0].numel() ** -0.5)
                p.copy_(scale * numbers)
        slow = {name: b for name, b in learner.named_buffers() if "mean:" in name}
        params = {name.replace(".", ":"): p for name, p in learner.named_parameters()}
        for name, buffer in slow.items():
            buffer.copy_(params[name.split("mean:")[1]])


def doubled(tasks: Episode) -> Episode:
    return tree_map(lambda x: x.double() if x.is_floating_point() else x, tasks)


def size(tensors: dict[str, Tensor]) -> float:
    """A weighted sum that any change of a single number changes."""
    total = 0.0
    for name in sorted(tensors):
        if tensors[name].is_floating_point():
            x = tensors[name].detach().double().flatten()
            total += float((x * torch.cos(torch.arange(len(x), dtype=torch.float64) + len(name))).sum())
    return total


def digest(found: dict[str, Any]) -> str:
    return hashlib.sha256(repr(found).encode()).hexdigest()[:16]
