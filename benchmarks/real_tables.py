"""The model for any table on a folder of real ones, beside scikit-learn's classifiers on the same tasks.

    python -m benchmarks.real_tables FOLDER WEIGHTS [TWIN] [--tasks N] [--unlabelled U] [--to FILE.json]

WEIGHTS is what `model.head.pretrained` takes; TWIN the same of its twin, which was trained without unlabelled
rows and is tested without. U: unlabelled rows of a task, at most, 300. At 1, 3, 5 and 10 labels a class: the
mean over the tables of the accuracy in %, and how far the model is ahead, paired over the tables, with a 95%
interval, and on how many of them. FILE.json gets the accuracy of each table.
"""

import argparse
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

import metassl
from metassl.evaluation.intervals import over_episodes
from metassl.files import write_json
from metassl.learners.base import MetaLearner
from metassl.library.episodes import Episodes

LABELS = (1, 3, 5, 10)
MODEL = "the model"
Floats = NDArray[np.float64]
Found = Mapping[str, Floats]


def main(folder: Path, weights: str, twin: str | None, count: int, unlabelled: int, to: Path | None) -> None:
    """Prints a block for each number of labels."""
    torch.set_num_threads(1)
    names = sorted(path.stem for path in folder.iterdir() if path.suffix in (".arff", ".csv"))
    kept: dict[str, Any] = {"tables": names, "tasks": count, "unlabelled": unlabelled}
    for k in LABELS:
        options = {
            "dataset.source.path": str(folder), "dataset.source.splits": {"test": names},
            "dataset.source.columns": 64, "episode.shot": k, "episode.unlabelled": unlabelled,
        }  # fmt: skip
        test = metassl.episodes_of("tables", "test", options=options)
        found = {
            MODEL: learned(test, count, "descriptor", weights),
            "untrained": learned(test, count, "descriptor", None),
            **({} if twin is None else {"its twin": learned(test, count, "none", twin)}),
            **plain(test, count),
        }
        print(block(k, found), flush=True)
        kept[str(k)] = {name: np.round(each, 5).tolist() for name, each in found.items()}
        if to is not None:
            write_json(to, kept)


def learned(test: Episodes, count: int, ssl: str, weights: str | None) -> Floats:
    """[tables] accuracy of the model with these weights, or untrained."""
    options = {} if weights is None else {"model.head.pretrained": weights}
    learner: MetaLearner = metassl.learner(
        "tabular_icl", ssl=ssl, backbone="raw", task=test.task, options=options
    )
    return by_table(metassl.evaluate(learner, test, count=count).columns["accuracy"], test, count)


def plain(test: Episodes, count: int) -> Found:
    """Classifier -> [tables] accuracy; each is fitted anew to each task."""
    tasks = test.builder()(range(count)).episodes
    right: dict[str, list[float]] = {name: [] for name in PLAIN}
    for task in (tasks.task(t) for t in range(count)):
        s, q, u = (w.bool() for w in (task.support_weight, task.query_weight, task.unlabelled.weight))
        x, y = task.support_x[s].numpy(), task.support_y[s].numpy()
        free = task.unlabelled.views["plain"][u].numpy()
        both = np.concatenate([x, free]), np.concatenate([y, np.full(len(free), -1)])
        for name, (made, reads_unlabelled) in PLAIN.items():
            model = made(len(both[0]) if reads_unlabelled else len(x), len(x) // len(np.unique(y)))
            with warnings.catch_warnings(action="ignore"):  # of iterations that end early
                model.fit(*(both if reads_unlabelled else (x, y)))
                predicted = model.predict(task.query_x[q].numpy())
            right[name].append(float((predicted == task.query_y[q].numpy()).mean()))
    return {name: by_table(each, test, count) for name, each in right.items()}


def by_table(values: Any, test: Episodes, count: int) -> Floats:
    """[tables] the mean of each table's tasks."""
    table = test.builder()(range(count)).oracle.family.numpy()
    return np.array([np.asarray(values)[table == k].mean() for k in np.unique(table)])


def block(k: int, found: Found) -> str:
    """The lines of one number of labels."""
    lines = [f"{k} labels a class:"]
    for name, each in found.items():
        ahead = np.round(found[MODEL] - each, 5)
        lead = f", the model {over_episodes(ahead).percent(signed=True)}, ahead on {(ahead > 0).sum()}"
        lines.append(f"  {name} {100 * each.mean():.1f}{'' if name == MODEL else lead} of {len(each)} tables")
    return "\n".join(lines)


PLAIN: Mapping[str, tuple[Callable[[int, int], Any], bool]] = {
    "logistic regression": (lambda n, shot: LogisticRegression(max_iter=300), False),
    "random forest": (lambda n, shot: RandomForestClassifier(100, random_state=0), False),
    "nearest neighbours": (lambda n, shot: KNeighborsClassifier(1 if shot < 3 else min(5, n)), False),
    "LabelSpreading": (lambda n, shot: LabelSpreading("knn", n_neighbors=min(10, n - 1), alpha=0.9), True),
    "SelfTraining": (lambda n, shot: SelfTrainingClassifier(LogisticRegression(max_iter=300)), True),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("weights")
    parser.add_argument("twin", nargs="?")
    parser.add_argument("--tasks", type=int, default=600)
    parser.add_argument("--unlabelled", type=int, default=300)
    parser.add_argument("--to", type=Path)
    given = parser.parse_args()
    main(given.folder, given.weights, given.twin, given.tasks, given.unlabelled, given.to)
