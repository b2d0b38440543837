"""STUNT's protocol on the tables of its paper that are at hand, beside classifiers on the same rows.

    python -m benchmarks.stunt_tables FOLDER [--seeds N] [--draws N] [--steps N] [--to FILE.json]

FOLDER holds optdigits.arff, cmc.arff and diabetes.arff. By Nam et al. 2023, section 4.1: 80% of the rows for
S and U; numbers from 0 to 1 and categories as columns of 0 and 1; 1 and 5 labels a class. Up to 300 of the
other rows are asked. A seed is a division of the rows, a network's training and so many draws of S. Prints
the mean over the draws of the accuracy in %, and how far the network is ahead, paired over the draws of all
seeds, with a 95% interval: of S alone, since draws of a seed share its division and its network.

Differs from the paper: the network has 256 and not 1024 numbers a layer, ReLU behind the last, and fewer
steps; of the others U is 300 rows, and all the rest where it says so.
"""

import argparse
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.semi_supervised import LabelSpreading

import metassl
from metassl.evaluation.intervals import over_episodes
from metassl.files import write_json
from metassl.learners.base import MetaLearner
from metassl.library.episodes import Episodes

ASKED = {"optdigits": 300, "cmc": 295, "diabetes": 154}  # of the fifth of the rows that nothing has seen
LABELS = (1, 5)
SOME = 300  # unlabelled rows, as many as the model reads in its own benchmark
ALL = 5000  # or all that are left
STUNT = "protonet, episode=stunt"
NETWORK = {"backbone.sizes": [256, 256], "backbone.norm": "none"}
Drawn = dict[str, list[float]]


def main(folder: Path, seeds: int, draws: int, steps: int, to: Path | None) -> None:
    """Prints a line for each classifier, seed after seed stored."""
    torch.set_num_threads(1)
    found: dict[str, Any] = {"seeds": 0, "draws": draws, "steps": steps}
    for seed in range(seeds):
        for name in ASKED:
            tests = of_table(folder / f"{name}.arff", name, seed, draws, steps)
            for k, each in tests.items():
                cell = found.setdefault(f"{name}, {k}", {})
                for method, accuracies in each.items():
                    cell.setdefault(method, []).append([round(a, 5) for a in accuracies])
        found["seeds"] = seed + 1
        if to is not None:
            write_json(to, found)
        print("\n".join(lines(found)), flush=True)


def of_table(path: Path, name: str, seed: int, draws: int, steps: int) -> dict[int, Drawn]:
    """Labels a class -> classifier -> accuracies of the draws of one table and seed."""
    source = {
        "dataset.source.path": str(path), "dataset.source.ratio": [0.8, 0.0, 0.2],
        "dataset.source.seed": seed, "dataset.source.scale": "minmax",
    }  # fmt: skip
    network = trained(source, seed, steps)

    def test(k: int, unlabelled: int, **changes: object) -> Episodes:
        sizes = {"episode.shot": k, "episode.queries": ASKED[name], "episode.unlabelled": unlabelled}
        options = {**source, **sizes, **{f"dataset.source.{key}": v for key, v in changes.items()}}
        return metassl.episodes_of("table", "test", options=options, seed=seed)

    return {
        k: {
            STUNT: learned(network, test(k, 0), draws),
            "prototypes": learned(made("protonet", test(k, 0), "raw"), test(k, 0), draws),
            "the shipped model": learned(shipped(test(k, SOME)), test(k, SOME, scale="standard"), draws),
            **fitted(test(k, SOME), draws, k, PLAIN),
            "LabelSpreading, all of U": fitted(test(k, ALL), draws, k, SPREADING)["LabelSpreading"],
        }
        for k in LABELS
    }


def trained(source: dict[str, object], seed: int, steps: int) -> MetaLearner:
    """ProtoNet trained on tasks that the rows make of themselves; its best weights by such tasks."""
    options = {"episode": "stunt", **source, "episode.queries": 150, "episode.test.unlabelled": 0}
    train, val = (metassl.episodes_of("table", s, options=options, seed=seed) for s in ("train", "val"))
    learner: MetaLearner = metassl.learner(
        "protonet", task=train.task, backbone="mlp", options=NETWORK, seed=seed
    )
    changes = {
        "optimizer.optimizer.lr": 0.001,
        "trainer.val_every": steps // 2,
        "evaluation.val_episodes": 50,
    }
    metassl.fit(learner, train, steps=steps, validation=val, optimizer="adam", seed=seed, options=changes)
    return learner


def made(model: str, test: Episodes, backbone: str) -> MetaLearner:
    """As it is."""
    learner: MetaLearner = metassl.learner(model, task=test.task, backbone=backbone)
    return learner


def shipped(test: Episodes) -> MetaLearner:
    """The model for any table."""
    learner: MetaLearner = metassl.learner(
        "tabular_icl", ssl="descriptor", backbone="raw", task=test.task,
        options={"model.head.pretrained": "tables"},
    )  # fmt: skip
    return learner


def learned(learner: MetaLearner, test: Episodes, draws: int) -> list[float]:
    """Its accuracies."""
    return [float(a) for a in metassl.evaluate(learner, test, count=draws).columns["accuracy"]]


def fitted(
    test: Episodes, draws: int, k: int, classifiers: dict[str, tuple[Callable[[int], Any], bool]]
) -> Drawn:
    """Classifier -> accuracies; each is fitted anew to each draw."""
    tasks = test.builder()(range(draws)).episodes
    right: Drawn = {name: [] for name in classifiers}
    for task in (tasks.task(t) for t in range(draws)):
        s, q, u = (w.bool() for w in (task.support_weight, task.query_weight, task.unlabelled.weight))
        x, y = task.support_x[s].numpy(), task.support_y[s].numpy()
        free = task.unlabelled.views["plain"][u].numpy()
        both = np.concatenate([x, free]), np.concatenate([y, np.full(len(free), -1)])
        for name, (made_for, reads_unlabelled) in classifiers.items():
            with warnings.catch_warnings(action="ignore"):  # of iterations that end early
                model = made_for(k).fit(*(both if reads_unlabelled else (x, y)))
                predicted = model.predict(task.query_x[q].numpy())
            right[name].append(float((predicted == task.query_y[q].numpy()).mean()))
    return right


def lines(found: dict[str, Any]) -> list[str]:
    """A line for each classifier of each table and number of labels."""
    said = [f"{found['seeds']} seeds of {found['draws']} draws, {found['steps']} steps"]
    for cell, methods in found.items():
        if not isinstance(methods, dict):
            continue
        drawn = {name: np.array(each).ravel() for name, each in methods.items()}
        for name, each in drawn.items():
            lead = over_episodes(drawn[STUNT] - each)
            ahead = "" if name == STUNT else f", STUNT {lead.percent(signed=True)}"
            said.append(f"  {cell}: {name} {100 * each.mean():.1f}{ahead}")
    return said


SPREADING: dict[str, tuple[Callable[[int], Any], bool]] = {
    "LabelSpreading": (lambda k: LabelSpreading("knn", n_neighbors=10, alpha=0.9), True),
}
PLAIN: dict[str, tuple[Callable[[int], Any], bool]] = {
    "logistic regression": (lambda k: LogisticRegression(max_iter=300), False),
    "nearest neighbours": (lambda k: KNeighborsClassifier(1 if k < 3 else 5), False),
    **SPREADING,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--to", type=Path)
    given = parser.parse_args()
    main(given.folder, given.seeds, given.draws, given.steps, given.to)
