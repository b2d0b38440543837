"""Does one trial in a worker: trains it, tells the study of every validation, and touches no test class."""

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import optuna
from optuna.pruners import BasePruner
from optuna.samplers import RandomSampler

from metassl.experiments.composing import compose_run
from metassl.experiments.execute import said_in
from metassl.experiments.kept import Kept
from metassl.experiments.planned_runs import PlannedRun, prepare_folder
from metassl.runs.file_names import CHECKPOINTS
from metassl.runs.status import attempt, read_status, set_status
from metassl.search.pruning import RUNGS, ends_now
from metassl.search.reporting import PrunedError, Report, ReportScore
from metassl.search.storage import StorageError, open_storage, storage_faults
from metassl.training.meta_train import meta_train
from metassl.training.module import DivergedError


@dataclass(frozen=True)
class TrialTask:
    """A trial to be done, as it is sent to a worker.

    Attributes:
        number: of the trial in its study.
        words: Hydra overrides that make it.
        out: folder of the search; the trial has one of its own in it.
        conf: the config groups.
        place, study: its storage, and the study's name in it.
        pruner: says which trials end early.
        vouched: what its config may build besides this package's and torch's classes.
    """

    number: int
    words: tuple[str, ...]
    out: Path
    conf: Path
    place: str
    study: str
    pruner: BasePruner
    vouched: Collection[str] = ()

    @property
    def run(self) -> PlannedRun:
        """The trial as a run in a folder of its own."""
        return PlannedRun(trial_name(self.number), self.words)


@dataclass(frozen=True)
class TrialEnd:
    """How a trial ended.

    Attributes:
        state: done; pruned, also where the loss diverged; failed by a fault of its own; or lost, where the
            storage can't be used and the trial can go on later.
        value: the deciding score of the best validation, of one that is done.
        why: it did not end well, in a line.
    """

    state: Literal["done", "pruned", "failed", "lost"]
    value: float | None = None
    why: str | None = None


def trial_name(number: int) -> str:
    """The folder of a trial, as seen from that of its search."""
    return f"trials/{number:04d}"


def run_trial(kept: Kept, task: TrialTask) -> TrialEnd:
    """Trains a trial, from its last checkpoint where it was stopped; what it says goes into its folder.

    Args:
        kept: of the worker.
        task: what to do.
    """
    folder = task.out / task.run.name
    resume = prepare_folder(task.run, task.out)
    ends: list[TrialEnd] = []

    def work() -> float | None:
        ends.append(_trained(task, folder, resume))
        return ends[0].value

    with said_in(folder):
        attempt(work, folder, alone=False)
    if not ends:
        return TrialEnd("failed", why=read_status(folder)[1])
    if ends[0].state != "done":
        set_status(folder, ends[0].state, ends[0].why)
    return ends[0]


def clear_trial(out: Path, number: int) -> None:
    """Removes the weights of a trial that has ended: its curves are kept, the choice is trained anew."""
    shutil.rmtree(out / trial_name(number) / CHECKPOINTS, ignore_errors=True)


def _trained(task: TrialTask, folder: Path, resume: Path | None) -> TrialEnd:
    config, choices = compose_run(task.words, task.conf)
    config.paths.output_dir = str(folder)
    config.resume = None if resume is None else str(resume)
    try:
        watching = [ReportScore(reporter(task))]
        trained = meta_train(config, folder, choices, task.words, task.vouched, watching)
    except PrunedError as end:
        return TrialEnd("pruned", why=str(end))
    except DivergedError as error:  # to a sampler a bad place, and not one that it knows nothing of
        return TrialEnd("pruned", why=str(error))
    except StorageError as error:
        return TrialEnd("lost", why=str(error))
    assert trained is not None
    return TrialEnd("done", trained.validation.mean)


def reporter(task: TrialTask) -> Report:
    """Tells the study of a step's value, once, and asks whether the trial is to end."""
    with storage_faults(task.place):
        storage = open_storage(task.place, known=True)
        study = optuna.load_study(study_name=task.study, storage=storage, sampler=RandomSampler())
        frozen = study.get_trials(deepcopy=False)[task.number]
        known = set(frozen.intermediate_values)  # of before it was stopped
        trial = optuna.Trial(study, frozen._trial_id)

    def report(step: int, value: float) -> bool:
        with storage_faults(task.place):
            if step not in known:
                trial.report(value, step)
            ended, rungs = ends_now(task.pruner, study, task.number, step)
            if rungs:
                trial.set_user_attr(RUNGS, rungs)
            return ended

    return report
