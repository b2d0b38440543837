"""Office-Caltech10 between its four domains, with all source rows labelled.

    python -m benchmarks.office_caltech FOLDER [--to FILE.json] [--steps N] [--only NAME ...]

FOLDER has office_caltech10/*.mat. Twelve pairs of domains, for each the accuracy in % on all rows of the
target, by plain classifiers, closed forms of domain adaptation, and pairs of metassl. What each has to choose
is chosen for each target by the mean accuracy on the six pairs among the three other domains, so by no label
of the target. Pairs of metassl are then meta-trained on tasks between these three (--steps outer steps),
validated on them, and adapt to the pair: S all source rows, U and Q all target rows. FILE.json gets the
accuracy of each pair.

"Three sources" are classifiers that have the labels of all three other domains, as meta-training has: the
control of what pairs gain by having met the same classes elsewhere. Principal components are those of the
rows of all four domains, without labels.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import torch

import metassl
from benchmarks.plain_adaptation import PLAIN, Adapted, Floats, Labels
from benchmarks.skada_adaptation import SKADA
from metassl.files import write_json
from metassl.learners.base import MetaLearner
from metassl.library.episodes import Episodes
from metassl.tasks.episode import Episode, Unlabelled
from metassl.tasks.stage import TEST

DOMAINS = {"C": "caltech", "A": "amazon", "W": "webcam", "D": "dslr"}
PAIRS = ("CA", "CW", "CD", "AC", "AW", "AD", "WC", "WA", "WD", "DC", "DA", "DW")
COMPONENTS = (None, 20, 30, 50)
SMALL = {"episode.shot": 3, "episode.queries": 3, "episode.unlabelled": 2}
FULL = {"episode.test.shot": "all", "episode.test.queries": "all", "episode.test.transductive": True}
SPHERE = {"model.unit_length": True, "model.temperature": 10.0}
POOLED = ("logistic regression", "LabelSpreading")  # with the labels of all three other domains
NOTHING: Mapping[str, Any] = {}
Found = dict[str, float]
"""Pair -> accuracy, 0..1."""


@dataclass(frozen=True)
class Method:
    """A pair of metassl.

    Attributes:
        model, ssl, backbone: names.
        options: of the learner, always.
        choices: what is to be chosen: name -> options.
        components: of the features, to be chosen too.
        episode: of all episodes.
    """

    model: str
    ssl: str = "none"
    backbone: str = "raw"
    options: Mapping[str, Any] = field(default_factory=dict)
    choices: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"": {}})
    components: tuple[int | None, ...] = (20, 30, 50)
    episode: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.model} × {self.ssl}"


GRAPHS = {
    f"k={k} α={a}": {"model.head.neighbours": k, "model.head.alpha": a} for k in (10, 20) for a in (0.8, 0.9)
}
GRAPH = {"model.head.sigma": 1.0, "model.unit_length": True}
METHODS = (
    Method("baseline", backbone="adapter", options={"model.test_steps": 100}),
    Method("protonet", backbone="adapter", options=SPHERE),
    Method("protonet", "coral", "adapter", SPHERE),
    Method("protonet", "paddle", "adapter", SPHERE, components=(30,)),
    Method("protonet", "soft_kmeans", options=SPHERE),
    Method("protonet", "sinkhorn", options=SPHERE),
    Method("r2d2"),
    Method("tpn", options=GRAPH, choices=GRAPHS, components=(20, 30)),
)


def main(folder: Path, to: Path | None, steps: int, only: list[str]) -> None:
    """Prints a line for each method, and writes what is known so far after each."""
    torch.set_num_threads(1)
    kept: dict[str, Any] = {"pairs": list(PAIRS), "steps": steps, "methods": {}}
    for name, choices in {**PLAIN, **SKADA}.items():
        if not only or name in only:
            _note(kept, to, name, *plain(folder, choices))
    for name in POOLED:
        if not only or f"{name}, three sources" in only:
            _note(kept, to, f"{name}, three sources", *pooled(folder, PLAIN[name]))
    for method in METHODS:
        if not only or method.name in only:
            _note(kept, to, method.name, *learned(folder, method, steps))


def _note(kept: dict[str, Any], to: Path | None, name: str, found: Found, more: dict[str, Any]) -> None:
    accuracy = [round(100 * found[pair], 2) for pair in PAIRS]
    print(f"{name:28} {' '.join(f'{a:5.1f}' for a in accuracy)}  {np.mean(accuracy):.2f}", flush=True)
    kept["methods"][name] = {"accuracy": accuracy, "mean": round(float(np.mean(accuracy)), 2), **more}
    if to is not None:
        write_json(to, kept)


def plain(folder: Path, choices: Mapping[str, Adapted]) -> tuple[Found, dict[str, Any]]:
    """Of a classifier: the accuracy of each pair by what was chosen for its target, and what that is."""
    alone = choices.keys() == {""}  # 1-NN is the published one, on all features
    tried: dict[str, Found] = {}
    for components in (None,) if alone else COMPONENTS:
        for name, adapted in choices.items():
            tried[_said(components, name)] = {
                pair: _plain_pair(folder, pair, components, adapted) for pair in PAIRS
            }
    chosen = {target: best(tried, target) for target in DOMAINS}
    return {pair: tried[chosen[pair[1]]][pair] for pair in PAIRS}, {"chosen": chosen}


def _plain_pair(folder: Path, pair: str, components: int | None, adapted: Adapted) -> float:
    task = whole(full(folder, pair, components).batch(range(1), _reader(folder)).episodes.task(0))
    s, t = (x.numpy().astype(np.float64) for x in (task.support_x, task.query_x))
    return float((adapted(s, task.support_y.numpy(), t) == task.query_y.numpy()).mean())


def pooled(folder: Path, choices: Mapping[str, Adapted]) -> tuple[Found, dict[str, Any]]:
    """Of a classifier that has the labels of all three other domains, as meta-training has.

    What it has to choose is what is best on each of the three from the other two. The three pairs of a target
    have one accuracy.
    """
    tried = {
        _said(components, name): (components, adapted)
        for components in COMPONENTS[1:]
        for name, adapted in choices.items()
    }
    chosen: dict[str, str] = {}
    found: Found = {}
    for target in DOMAINS:
        others = sorted(DOMAINS.keys() - {target})
        score = {
            said: sum(_from(folder, set(others) - {one}, one, *each) for one in others)
            for said, each in tried.items()
        }
        chosen[target] = max(score, key=lambda said: score[said])
        value = _from(folder, set(others), target, *tried[chosen[target]])
        found |= {source + target: value for source in others}
    return found, {"chosen": chosen}


def _from(folder: Path, sources: set[str], target: str, components: int | None, adapted: Adapted) -> float:
    x, y = zip(*(_rows(folder, letter, components) for letter in sorted(sources)), strict=True)
    t, truth = _rows(folder, target, components)
    return float((adapted(np.concatenate(x), np.concatenate(y), t) == truth).mean())


@cache
def _rows(folder: Path, letter: str, components: int | None) -> tuple[Floats, Labels]:
    """All rows of a domain, and their classes by their numbers."""
    other = next(name for name in DOMAINS if name != letter)
    episode = {"episode.label_order": "fixed"}
    task = whole(
        full(folder, letter + other, components, episode).batch(range(1), _reader(folder)).episodes.task(0)
    )
    return task.support_x.numpy().astype(np.float64), task.support_y.numpy()


def learned(folder: Path, method: Method, steps: int) -> tuple[Found, dict[str, Any]]:
    """Of a pair of metassl: the same after meta-training, and what it gives without."""
    tried: dict[str, Found] = {}
    options: dict[str, tuple[int | None, Mapping[str, Any]]] = {}
    for components in method.components:
        for name, changes in method.choices.items():
            said = _said(components, name)
            options[said] = components, changes
            tried[said] = {pair: untrained(folder, method, changes, pair, components) for pair in PAIRS}
    chosen = {target: best(tried, target) for target in DOMAINS}
    found: Found = {}
    for target, said in chosen.items():
        components, changes = options[said]
        learner = trained(folder, method, changes, target, components, steps)
        for source in DOMAINS.keys() - {target}:
            pair = source + target
            found[pair] = accuracy(learner, folder, pair, components, method)
    before = [round(100 * tried[chosen[pair[1]]][pair], 2) for pair in PAIRS]
    return found, {"chosen": chosen, "untrained": before, "untrained mean": round(float(np.mean(before)), 2)}


def untrained(
    folder: Path, method: Method, changes: Mapping[str, Any], pair: str, components: int | None
) -> float:
    """The accuracy of a pair without any meta-training."""
    learner = made(method, changes, full(folder, pair, components, method.episode))
    return accuracy(learner, folder, pair, components, method)


def best(tried: Mapping[str, Found], target: str) -> str:
    """The choice with the highest mean over the six pairs among the other domains."""
    others = ["".join(pair) for pair in permutations(DOMAINS.keys() - {target}, 2)]
    return max(tried, key=lambda name: sum(tried[name][pair] for pair in others))


def trained(
    folder: Path, method: Method, changes: Mapping[str, Any], target: str, components: int | None, steps: int
) -> MetaLearner:
    """Meta-trained between the three other domains; the weights that are best on their full pairs."""
    source = next(iter(DOMAINS.keys() - {target}))
    train, val = (
        episodes(folder, source + target, split, components, {**SMALL, **method.episode})
        for split in ("train", "val")
    )
    learner = made(method, changes, train)
    options = {"evaluation.val_episodes": 6, "evaluation.tasks": 1, "trainer.val_every": steps}
    metassl.fit(learner, train, steps=steps, validation=val, options=options)
    return learner


def made(method: Method, changes: Mapping[str, Any], tasks: Episodes) -> MetaLearner:
    """The learner before training."""
    options = {**method.options, **changes}
    learner: MetaLearner = metassl.learner(
        method.model, ssl=method.ssl, backbone=method.backbone, task=tasks.task, options=options
    )
    return learner


@torch.no_grad()
def accuracy(learner: MetaLearner, folder: Path, pair: str, components: int | None, method: Method) -> float:
    """On all target rows of a pair, 0..1."""
    task = whole(full(folder, pair, components, method.episode).batch(range(1), learner).episodes.task(0))
    predicted = learner.eval().query_logits(task, TEST).argmax(-1)
    return float((predicted == task.query_y).double().mean())


def full(folder: Path, pair: str, components: int | None, episode: Mapping[str, Any] = NOTHING) -> Episodes:
    """The one task of a pair."""
    return episodes(folder, pair, "test", components, episode)


def episodes(
    folder: Path, pair: str, split: str, components: int | None, episode: Mapping[str, Any]
) -> Episodes:
    """Tasks of ten classes; those of the test are all of one pair, and no others have its target."""
    return _episodes(folder, pair, split, components, tuple(sorted(episode.items())))


@cache
def _episodes(
    folder: Path, pair: str, split: str, components: int | None, episode: tuple[tuple[str, Any], ...]
) -> Episodes:
    source, target = (DOMAINS[letter] for letter in pair)
    options = {
        "paths.data_dir": str(folder), "dataset.source.test_pair": [source, target],
        "dataset.source.files.components": components, "episode.way": 10, **FULL, **dict(episode),
    }  # fmt: skip
    return metassl.episodes_of("office_caltech10", split, options=options)


@cache
def _reader(folder: Path) -> MetaLearner:
    """A learner that asks for nothing but the rows."""
    return made(Method("protonet"), {}, full(folder, "CA", None))


def whole(task: Episode) -> Episode:
    """The task without its padding."""
    s, q, u = (w > 0 for w in (task.support_weight, task.query_weight, task.unlabelled.weight))
    free = task.unlabelled
    views = {name: x[u] for name, x in free.views.items()}
    random = free.random[u] if len(free.random) == len(u) else free.random
    return replace(
        task, support_x=task.support_x[s], support_y=task.support_y[s], support_weight=task.support_weight[s],
        query_x=task.query_x[q], query_y=task.query_y[q], query_weight=task.query_weight[q],
        unlabelled=Unlabelled(views, free.weight[u], random), padded=False,
    )  # fmt: skip


def _said(components: int | None, name: str) -> str:
    return f"{components or 'all'} features {name}".strip()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--to", type=Path)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--only", nargs="*", default=[])
    given = parser.parse_args()
    main(given.folder, given.to, given.steps, given.only)
