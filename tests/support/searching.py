"""Searches in the tests' own process, without a worker and, where a test wants it, without a training."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import optuna

from metassl.experiments.kept import Kept
from metassl.search.definition import Definition
from metassl.search.grammar import parse_space_words
from metassl.search.loop import Plan, Search
from metassl.search.pruning import build_pruner
from metassl.search.reporting import PrunedError
from metassl.search.sampling import build_sampler
from metassl.search.space import Parameter, parameter
from metassl.search.storage import JOURNAL, own_storage
from metassl.search.study import open_study
from metassl.search.trial import TrialEnd, TrialTask, reporter
from tests.support import killing

STEPS, EVERY = 3, 1
Curve = Callable[[dict[str, str], int], float]
"""(values as words, step) -> the score there."""


class Here:
    """A launcher that does everything at once, in this process.

    Args:
        instead: what is done in place of the work; None: the work.
    """

    def __init__(self, instead: Callable[..., Any] | None = None) -> None:
        self.instead = instead

    @contextmanager
    def workers(self, jobs: int, folder: Path) -> Iterator["Here"]:
        yield self

    def submit(self, work: Callable[..., Any], *args: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_result((self.instead or work)(Kept(), *args))
        return future


def work_here(line: list[str], folder: str) -> None:
    """One command line in a folder, as `killing.work`, whose trials are done in its own process."""
    from dataclasses import replace

    from metassl.cli import search_options

    read = search_options.read_search_options
    search_options.read_search_options = lambda words: replace(read(words), launcher=Here())
    killing.work(line, folder)


def space_of(*words: str) -> list[Parameter]:
    return [parameter(override) for override in parse_space_words(words)]


def pretend(curve: Curve, kept: Kept, task: TrialTask) -> TrialEnd:
    """A trial whose score at each step a formula says; it reports and is pruned as a training is."""
    values = dict(word.split("=", 1) for word in task.words)
    report = reporter(task)
    try:
        for step in range(EVERY, STEPS + 1, EVERY):
            if report(step, curve(values, step)) and step < STEPS:
                raise PrunedError(f"ended at step {step}")
    except PrunedError as end:
        return TrialEnd("pruned", why=str(end))
    return TrialEnd("done", max(curve(values, step) for step in range(EVERY, STEPS + 1)))


def search_here(
    out: Path,
    space: Sequence[Parameter],
    launcher: Here,
    trials: int,
    sampler: str = "tpe",
    pruner: str = "hyperband",
    score: str = "accuracy",
    seed: int = 0,
    place: str | None = None,
    jobs: int = 1,
) -> optuna.Study:
    """What `metassl search` does between its words and its final runs; in a journal, which takes less time."""
    where = place or f"{JOURNAL}{out / 'study.log'}"
    texts = {each.key: each.text for each in space}
    study = open_study(
        where,
        "search",
        Definition((), texts, seed, sampler, pruner, score),
        build_sampler(sampler, space, seed, jobs),
        build_pruner(pruner, STEPS, EVERY),
    )
    template = partial(
        TrialTask, out=out, conf=out, place=where, study="search", pruner=build_pruner(pruner, STEPS, EVERY)
    )
    private = place in (None, own_storage(out))
    plan = Plan(space, (), trials, jobs, out.name, private, template)
    Search(study, plan, out, lambda trial: None).run(launcher)
    return study


def said_of(study: optuna.Study) -> list[tuple[Any, ...]]:
    """Everything that a study knows of its trials, but for times and places."""
    return [
        (trial.number, trial.state.name, trial.value, dict(trial.params), dict(trial.intermediate_values))
        for trial in study.get_trials(deepcopy=False)
    ]
