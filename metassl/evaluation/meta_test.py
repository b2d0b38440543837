"""Meta-test: fixed episodes, the same for every method, each adapted to with and without U.

Legend: T tasks, Q query, N way.
"""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from metassl.data.datamodule import TaskStream
from metassl.engine.tasks import TaskRunner
from metassl.episode import Episode
from metassl.learners.base import MetaLearner
from metassl.losses import accuracy, cross_entropy
from metassl.stage import Stage

Columns = dict[str, np.ndarray]


def meta_test(
    learner: MetaLearner,
    runner: TaskRunner,
    stream: TaskStream,
    variants: dict[str, Stage],
    label: str,
) -> Columns:
    """Per-episode accuracy and loss of each variant, on identical episodes.

    Args:
        learner: with its trained weights, in evaluation mode, on its device.
        runner: runs the tasks.
        stream: the episodes; must end.
        variants: name -> stage, such as {"": TEST, "_without_unlabelled": CONTROL}.
        label: of the progress bar.

    Returns:
        {"accuracy" + name: [episodes], "loss" + name: [episodes]} for each variant, float64.
    """
    learner.eval()
    device = next(learner.parameters()).device
    found: dict[str, list[Tensor]] = {f"{k}{name}": [] for name in variants for k in ("accuracy", "loss")}
    with tqdm(total=stream.episodes, desc=label, unit="episode", leave=False) as bar, torch.no_grad():
        for batch in stream:
            tasks = batch.to(device).episodes
            for name, stage in variants.items():
                correct, loss = _scores(learner, runner, tasks, stage)
                found[f"accuracy{name}"].append(correct)
                found[f"loss{name}"].append(loss)
            bar.update(tasks.count)
    return {name: _column(parts) for name, parts in found.items()}


def _scores(learner: MetaLearner, runner: TaskRunner, tasks: Episode, stage: Stage) -> tuple[Tensor, Tensor]:
    """[T] accuracies and [T] losses on the queries."""
    theta = learner.theta()
    logits = runner.map(learner, lambda copy, task: copy.query_logits(theta, task, stage), tasks)
    pairs = (logits, tasks.query_y, tasks.query_weight)
    return torch.vmap(accuracy)(*pairs), torch.vmap(cross_entropy)(*pairs)


def _column(parts: Iterable[Tensor]) -> np.ndarray:
    return torch.cat(list(parts)).double().cpu().numpy()
