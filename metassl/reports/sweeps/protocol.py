"""What the numbers of a sweep depend on, and which of them can be compared."""

from collections.abc import Iterable, Sequence
from math import isfinite

from metassl.reports.markdown import distinct
from metassl.reports.sweeps.seed_groups import SeedGroup, score, value_of
from metassl.runs.read import Run

# What makes the test episodes, and how the protocol calls it: only groups that agree in all of these
# are compared.
EPISODE_FACTS = {
    "split": "split",
    "episodes": "episodes",
    "way": "way",
    "shot": "shot",
    "queries": "queries a class",
    "unlabelled": "unlabelled a class (M)",
    "distractors": "distractor classes",
    "distractor_unlabelled": "unlabelled a distractor class",
    "imbalance": "imbalance",
    "class_aware": "class-aware",
}
EPISODE_KEYS = ("dataset", "episode")


def task_title(runs: Iterable[Run]) -> str:
    """A picture's title: 'glyphs, 5-way 1-shot'; 'a / b' where a part varies over the finished runs."""
    done = [run for run in runs if run.finished]
    dataset = distinct(value_of(run, "dataset") for run in done)
    return f"{dataset}, {fact(done, 'way')}-way {fact(done, 'shot')}-shot"


def protocol_line(runs: Iterable[Run]) -> str:
    """One line with all that a number in the table depends on; 'a / b' where it varies over the runs."""
    done = [run for run in runs if run.finished]
    facts = [f"{name} {fact(done, key)}" for key, name in EPISODE_FACTS.items()]
    facts += [f"U used at {fact(done, 'at')}", f"norm {fact(done, 'norm')}", predictions(done)]
    facts += [f"training steps {fact(done, 'steps')}"]
    facts += [f"{key} {distinct(value_of(run, key) for run in done)}" for key in ("backbone", "optimizer")]
    facts += [f"seeds {distinct(run.seed for run in done)}", f"commit {commits(done)}"]
    return f"Protocol: dataset {distinct(value_of(run, 'dataset') for run in done)}, {', '.join(facts)}."


def best_of_each_setting(groups: Sequence[SeedGroup]) -> list[SeedGroup]:
    """The highest finite mean among the groups tested on the same episodes, where there are two or more."""
    settings: dict[tuple[str, ...], list[tuple[float, SeedGroup]]] = {}
    for group in groups:
        accuracy = score(group, "accuracy")
        if accuracy is not None and isfinite(accuracy.mean):
            settings.setdefault(setting(group), []).append((accuracy.mean, group))
    return [max(found, key=lambda pair: pair[0])[1] for found in settings.values() if len(found) > 1]


def setting(group: SeedGroup) -> tuple[str, ...]:
    """What made the test episodes: groups that agree in it are compared."""
    facts = [distinct(value_of(run, "dataset") for run in group.finished)]
    facts += [fact(group.finished, key) for key in EPISODE_FACTS]
    return (*facts, *(value for key, value in group.extra if key.split(".")[0] in EPISODE_KEYS))


def fact(runs: Iterable[Run], key: str) -> str:
    """The value of a results key, or the distinct values where the runs differ."""
    return distinct(run.result(key) for run in runs)


def predictions(runs: Iterable[Run]) -> str:
    """Whether the predictions are transductive or inductive."""
    names = {True: "transductive", False: "inductive"}
    return distinct(names.get(run.result("transductive")) for run in runs)


def commits(runs: Iterable[Run]) -> str:
    """Seven digits of the commits; '+' marks a working tree with changes that the commit doesn't hold."""
    found = ((str(run.result("commit") or ""), run.dirty) for run in runs)
    return distinct(commit[:7] + "+" * dirty if commit else None for commit, dirty in found)
