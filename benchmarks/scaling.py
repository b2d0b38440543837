"""Time and memory against tasks, inner steps, way and M: python -m benchmarks.scaling.

Each point is a process of its own. Memory is the process's peak above what it held before the first step.
Conv4 with 32 filters on 28×28 noise; 5-way 1-shot, 5 queries a class, unless the axis says otherwise.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.tasks import compose, learner_of, random_tasks
from benchmarks.timing import RESULTS, Contender, Work, peak_mb, race, save
from metassl.tasks.stage import Stage
from metassl.training.allocator import keep_freed_memory

SHAPE = (1, 28, 28)
ROUNDS = 3


@dataclass(frozen=True)
class Point:
    """One learner at one size."""

    words: tuple[str, ...]
    tasks: int = 8
    way: int = 5
    unlabelled: int = 0


MAML = Point(("model=maml", "ssl=none", "model.steps=1"))
IMPLICIT = Point(("model=imaml", "ssl=none"))
PROTO = Point(("model=protonet", "ssl=soft_kmeans", "ssl.start=0", "ssl.ramp=0"), tasks=1, unlabelled=5)
CONSISTENT = Point(("model=maml", "ssl=consistency", "ssl.start=0", "ssl.ramp=0", "model.steps=2"), tasks=2)


def steps(point: Point, count: int) -> Point:
    """The point with that many inner steps."""
    return replace(point, words=(*point.words, f"model.steps={count}"))


TASKS, STEPS, WAYS, MS = (4, 8, 16, 32, 64), (1, 2, 5, 10, 20), (5, 10, 20, 50), (5, 10, 25, 50, 100)
AXES: dict[str, dict[str, list[tuple[int, Point]]]] = {
    "tasks a batch": {
        "maml, threads": [(t, replace(MAML, tasks=t)) for t in TASKS],
        "maml, vmap in chunks of 8": [
            (t, replace(MAML, tasks=t, words=(*MAML.words, "engine=vmap", "engine.chunk=8"))) for t in TASKS
        ],
    },
    "inner steps": {
        "maml": [(k, steps(replace(MAML, tasks=2), k)) for k in STEPS],
        "imaml": [(k, steps(replace(IMPLICIT, tasks=2), k)) for k in STEPS],
    },
    "way": {
        "maml": [(n, replace(MAML, tasks=2, way=n)) for n in WAYS],
        "protonet, soft_kmeans": [(n, replace(PROTO, way=n)) for n in WAYS],
    },
    "M": {
        "maml, consistency": [(m, replace(CONSISTENT, unlabelled=m)) for m in MS],
        "protonet, soft_kmeans": [(m, replace(PROTO, unlabelled=m)) for m in MS],
    },
}


def make(point: Point) -> Work:
    """One round is the gradient of one meta-batch."""
    keep_freed_memory()
    learner, engine = learner_of(compose(*point.words, "backbone.filters=32"), point.way, SHAPE)
    tasks = random_tasks(learner, point.tasks, point.way, 1, 5, point.unlabelled, SHAPE)
    stage = Stage(training=True, progress=1.0)
    before = peak_mb()

    def step() -> object:
        return engine.gradients(learner, lambda learner, task: learner.meta_loss(task, stage), tasks)

    return Work(step, step, lambda: str(before))


def measure(name: str, at: int, line: str, point: Point) -> dict[str, Any]:
    """One point of one line."""
    found = race([Contender(line, make, (point,))], ROUNDS)[line]
    row = {"axis": name, "line": line, "at": at, "seconds": statistics.median(found.seconds)}
    row["memory_mb"] = found.peak_mb - float(found.note)
    print(f"{name} = {at}, {line}: {row['seconds']:.3f} s, {row['memory_mb']:.0f} MB", flush=True)
    return row


def main() -> None:
    """Measures all points, stores them and draws the plots."""
    rows = [
        measure(name, at, line, point)
        for name, lines in AXES.items()
        for line, points in lines.items()
        for at, point in points
    ]
    save("scaling", rows, "python -m benchmarks.scaling")
    draw(rows)


def draw(rows: Sequence[dict[str, Any]]) -> None:
    """Seconds above, memory below, an axis a column."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, len(AXES), figsize=(3.4 * len(AXES), 5.4), layout="constrained")
    for column, (name, lines) in enumerate(AXES.items()):
        for k, (key, label) in enumerate(
            (("seconds", "seconds a meta-batch"), ("memory_mb", "peak memory, MB"))
        ):
            plot = axes[k][column]
            for line in lines:
                own = [r for r in rows if (r["axis"], r["line"]) == (name, line)]
                plot.plot([r["at"] for r in own], [r[key] for r in own], "o-", label=line)
            plot.set_ylim(bottom=0)
            plot.set_xlabel(name)
            plot.set_ylabel(label if column == 0 else "")
        axes[0][column].legend(fontsize=8)
    figure.savefig(RESULTS / "scaling.png", dpi=110)


if __name__ == "__main__":
    main()
