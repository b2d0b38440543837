"""Prints what another task's embedding costs a trained run of model=cnaps or hypernet.

    python -m tests.learners.amortised.swap_on_a_run outputs/<when> [tasks]

Each test task is met with its own embedding, with that of the next task of its family, and with that of the next
task of another family: mean accuracy in %, and the paired difference with its 95% interval.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import torch

from metassl.cli.evaluate import run_config, run_folder
from metassl.evaluation.intervals import over_episodes
from metassl.tasks.episode import Episode
from metassl.trained.build import build_learner
from metassl.training.build import build_source, build_task_spec, build_test_stream
from metassl.training.checkpoints import tested_checkpoint
from metassl.training.weights import load_weights
from tests.support.conflicting_families import share_right
from tests.support.swapped import embedding_of, told

Family = Callable[[int, int], bool]


def main(folder: Path, count: int) -> None:
    """Loads the run and prints three lines."""
    config = run_config(*run_folder([f"run={folder}"]))
    source = build_source(config)
    learner = build_learner(config, build_task_spec(config, source))
    load_weights(learner, tested_checkpoint(config, folder))
    learner.eval()
    batches = list(build_test_stream(config, source, learner, count))
    tasks = [batch.episodes.task(t) for batch in batches for t in range(batch.episodes.count)]
    families = torch.cat([batch.oracle.family for batch in batches]).tolist()
    with torch.no_grad():
        embeddings = [embedding_of(learner, task) for task in tasks]

    def told_that_of(wanted: Family) -> list[float]:
        found = []
        for t, task in enumerate(tasks):
            after = (k % len(tasks) for k in range(t + 1, t + 1 + len(tasks)))
            other = next(k for k in after if wanted(families[k], families[t]))
            found.append(right(task, embeddings[other]))
        return found

    def right(task: Episode, embedding: torch.Tensor) -> float:
        with told(learner, embedding):
            return share_right(learner, task)

    own = [right(task, embedding) for task, embedding in zip(tasks, embeddings, strict=True)]
    print(f"own embedding: {100 * over_episodes(own).mean:.1f}")
    for name, wanted in (("same family", int.__eq__), ("other family", int.__ne__)):
        swapped = told_that_of(wanted)
        lost = over_episodes([b - a for a, b in zip(own, swapped, strict=True)])
        print(
            f"{name}: {100 * over_episodes(swapped).mean:.1f}, {100 * lost.mean:+.1f} ± {100 * lost.half_width:.1f}"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 300)
