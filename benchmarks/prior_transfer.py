"""Learners trained on synthetic tables, tested on a folder of real ones, beside plain classifiers.

    python -m benchmarks.prior_transfer FOLDER [steps] [tasks]

Prints the mean over the tables of the accuracy in %, at 1 and 5 labels a class; of a learner, before and
after training, also its difference from logistic regression on the same tasks, with a 95% interval over the
tables.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.semi_supervised import LabelSpreading

import metassl
from metassl.evaluation.intervals import over_episodes
from metassl.library.episodes import Episodes

PAIRS = [(model, ssl) for model in ("protonet", "r2d2", "maml") for ssl in ("none", "soft_kmeans")]
LABELS = (1, 5)
Floats = NDArray[np.float64]


def main(folder: Path, steps: int = 300, count: int = 600) -> None:
    """Prints a line for each classifier and pair."""
    torch.set_num_threads(1)
    names = sorted(path.stem for path in folder.iterdir() if path.suffix in (".arff", ".csv"))
    source = {"dataset.source.path": str(folder), "dataset.source.splits": {"test": names}}
    tests = {k: metassl.episodes_of("tables", "test", options={**source, "episode.shot": k}) for k in LABELS}
    plain = {k: {name: by_table(of, test, count) for name, of in PLAIN.items()} for k, test in tests.items()}
    for k, found in plain.items():
        print(k, "labels:", ", ".join(f"{name} {100 * each.mean():.1f}" for name, each in found.items()))
    for model, ssl in PAIRS:
        train = metassl.episodes_of("prior", "train", options={"episode.shot": [1, 5]})
        learner = metassl.learner(model, ssl=ssl, task=train.task, backbone="mlp")
        for when in ("untrained", "trained"):
            if when == "trained":
                metassl.fit(learner, train, steps=steps)
            for k, test in tests.items():
                each = means(metassl.evaluate(learner, test, count=count).columns["accuracy"], test, count)
                lead = over_episodes(each - plain[k]["logistic regression"])
                shown = f"{100 * each.mean():.1f} ({lead.percent(signed=True)})"
                print(f"{model} {ssl}, {when}, {k} labels: {shown}", flush=True)


def means(values: Any, test: Episodes, count: int) -> Floats:
    """The mean of each table's tasks."""
    table = test.builder()(range(count)).oracle.family.numpy()
    return np.array([np.asarray(values)[table == k].mean() for k in np.unique(table)])


def by_table(fitted: Callable[..., Any], test: Episodes, count: int) -> Floats:
    """Accuracies of a classifier that is fitted anew on each task."""
    tasks, right = test.builder()(range(count)).episodes, []
    for task in (tasks.task(t) for t in range(count)):
        s, q, u = (w.bool() for w in (task.support_weight, task.query_weight, task.unlabelled.weight))
        x, y = task.support_x[s].numpy(), task.support_y[s].numpy()
        model = fitted(x, y, task.unlabelled.views["plain"][u].numpy())
        right.append((model.predict(task.query_x[q].numpy()) == task.query_y[q].numpy()).mean())
    return means(right, test, count)


def regression(x: Floats, y: Any, u: Floats) -> Any:
    """On the support alone."""
    return LogisticRegression(max_iter=300).fit(x, y)


def spreading(x: Floats, y: Any, u: Floats) -> Any:
    """On support and unlabelled rows."""
    model = LabelSpreading(kernel="knn", n_neighbors=min(10, len(x) + len(u) - 1), alpha=0.9, max_iter=100)
    return model.fit(np.concatenate([x, u]), np.concatenate([y, np.full(len(u), -1)]))


PLAIN = {"logistic regression": regression, "LabelSpreading": spreading}

if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 4 or not Path(sys.argv[1]).is_dir():
        sys.exit("usage: python -m benchmarks.prior_transfer FOLDER [steps] [tasks]")
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
