"""What the numbers of a sweep depend on, and which of them can be compared."""

from collections.abc import Iterable, Sequence
from math import isfinite, nan

from metassl.reports.markdown import distinct
from metassl.reports.sweeps.seed_groups import SeedGroup, score, value_of
from metassl.runs.read import Run

# What makes the test episodes, and how the protocol calls it: only groups that agree in all of these
# are compared.
TEST_FACTS = {"split": "split", "episodes": "episodes"}
CLASS_FACTS = {
    "way": "way",
    "shot": "shot",
    "queries": "queries a class",
    "unlabelled": "unlabelled a class (M)",
    "distractors": "distractor classes",
    "distractor_unlabelled": "unlabelled a distractor class",
    "imbalance": "imbalance",
    "class_aware": "class-aware",
}
OTHER_FACTS = {"make_up": "tasks of"}  # without classes
EPISODE_KEYS = ("dataset", "episode", "outcome.top")


def task_title(runs: Iterable[Run]) -> str:
    """A picture's title: 'glyphs, 5-way 1-shot'; 'a / b' where a part varies over the finished runs."""
    done = [run for run in runs if run.finished]
    dataset = distinct(value_of(run, "dataset") for run in done)
    if not have_classes(done):
        return f"{dataset}, {fact(done, 'make_up')}"
    return f"{dataset}, {fact(done, 'way')}-way {fact(done, 'shot')}-shot"


def protocol_line(runs: Iterable[Run]) -> str:
    """One line with all that a number in the table depends on; 'a / b' where it varies."""
    done = [run for run in runs if run.finished]
    facts = [f"{name} {fact(done, key)}" for key, name in episode_facts(done).items()]
    facts += [f"U used at {fact(done, 'at')}", f"norm {fact(done, 'norm')}", predictions(done)]
    facts += [f"training steps {fact(done, 'steps')}"]
    facts += [f"{key} {distinct(value_of(run, key) for run in done)}" for key in ("backbone", "optimizer")]
    facts += [f"seeds {distinct(run.seed for run in done)}", f"commit {commits(done)}"]
    dataset = distinct(value_of(run, "dataset") for run in done)
    return f"Protocol: dataset {dataset}, {', '.join(facts)}."


def best_of_each_setting(groups: Sequence[SeedGroup]) -> list[SeedGroup]:
    """The best validation among the groups tested on the same episodes, where there are two or more.

    The test plays no part in the choice, or the best of many would be the luckiest. Where a group has no
    validation there is no best: nobody knows whether it would be that one.
    """
    settings: dict[tuple[str, ...], list[tuple[float, SeedGroup]]] = {}
    for group in groups:
        found = score(group, "validation")
        better = nan if found is None else group.decides.improvement(found.mean)
        settings.setdefault(setting(group), []).append((better, group))
    return [
        max(found, key=lambda pair: pair[0])[1]
        for found in settings.values()
        if len(found) > 1 and all(isfinite(better) for better, _ in found)
    ]


def setting(group: SeedGroup) -> tuple[str, ...]:
    """What made and judged the test episodes: groups that agree in it are compared."""
    facts = [distinct(value_of(run, "dataset") for run in group.finished)]
    facts += [fact(group.finished, key) for key in (*episode_facts(group.finished), "reduced")]
    return (*facts, *(value for key, value in group.extra if key.startswith(EPISODE_KEYS)))


def have_classes(runs: Sequence[Run]) -> bool:
    """Whether any of these runs has tasks with classes, as all had before there were others."""
    known = [run.result("make_up") is None or run.result("way") is not None for run in runs]
    return any(known) or not known


def episode_facts(runs: Sequence[Run]) -> dict[str, str]:
    """The results keys that say what makes the test episodes, and how the protocol calls them."""
    return TEST_FACTS | (CLASS_FACTS if have_classes(runs) else OTHER_FACTS)


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
