"""Prints what each way to choose the start is worth on a trained run of model=starts.

    python -m tests.learners.starts.choices_on_a_run outputs/<when> [tasks] [config words...]

The networks are those of the run: in training the queries say which start a task trains, so that the distance has no
part in it. Accuracy in %, and the difference to the run's own choice, paired, with its 95% interval. Further words
change the episodes: episode.test.unlabelled=20.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from metassl.cli.evaluate import run_config, run_folder
from metassl.evaluation.intervals import over_episodes
from metassl.learners.starts.clusters import Clusters
from metassl.learners.starts.controls import AverageStart, QueryStart, RandomStart
from metassl.learners.starts.distance import StartDistance
from metassl.learners.starts.fit import SupportFit
from metassl.learners.starts.hard import Starts
from metassl.tasks.episode import Episode
from metassl.tasks.stage import CONTROL, TEST, Stage
from metassl.trained.build import build_learner
from metassl.training.build import build_source, build_task_spec, build_test_stream
from metassl.training.checkpoints import tested_checkpoint
from metassl.training.weights import load_weights

OTHERS: dict[str, Callable[[int], StartDistance]] = {
    "clusters": Clusters,
    "support's fit": SupportFit,
    "random": RandomStart,
    "average": AverageStart,
    "oracle": QueryStart,
}


def main(folder: Path, count: int, words: list[str]) -> None:
    """Loads the run and prints a line for each choice."""
    config = run_config(*run_folder([f"run={folder}", *words]))
    source = build_source(config)
    learner = build_learner(config, build_task_spec(config, source))
    assert isinstance(learner, Starts)
    load_weights(learner, tested_checkpoint(config, folder))
    learner.eval()
    batches = list(build_test_stream(config, source, learner, count))
    tasks = [batch.episodes.task(t) for batch in batches for t in range(batch.episodes.count)]

    def accuracies(stage: Stage) -> np.ndarray:
        return np.array([100 * right(learner, task, stage) for task in tasks])

    own = accuracies(TEST)
    print(f"own distance, reads U: {own.mean():.1f}")
    found = {"S alone": accuracies(CONTROL)}
    generator = torch.Generator().manual_seed(0)
    random = torch.rand(len(tasks), learner.count, generator=generator)
    for name, make in OTHERS.items():
        learner.distance = make(learner.count)
        found[name] = np.array(
            [100 * right(learner, with_numbers(task, random[t]), TEST) for t, task in enumerate(tasks)]
        )
    for name, values in found.items():
        gap = over_episodes(values - own)
        print(f"{name}: {values.mean():.1f}, {gap.mean:+.1f} ± {gap.half_width:.1f}")


def right(learner: Starts, task: Episode, stage: Stage) -> float:
    """Accuracy on a task."""
    with torch.no_grad():
        logits = learner.query_logits(task, stage)
    return float((logits.argmax(-1) == task.query_y).float().mean())


def with_numbers(task: Episode, random: torch.Tensor) -> Episode:
    """The task with random numbers for a distance that wants some."""
    return replace(task, random=random)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 300, sys.argv[3:])
