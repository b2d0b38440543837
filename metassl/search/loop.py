"""Asks for values, has trials done and tells how they ended, until there are enough."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, Trial, TrialState

from metassl.errors import Interrupted, UserError
from metassl.experiments.launchers.base import Launcher, WorkerLost, Workers
from metassl.search.going_on import HOME, SignsOfLife, fail_abandoned, left_alone, orphans
from metassl.search.space import Parameter
from metassl.search.storage import StorageError, storage_faults
from metassl.search.study import ended_trials
from metassl.search.trial import TrialEnd, TrialTask, clear_trial, run_trial

POLL = 5.0  # seconds between two looks at a study whose last trials others do
RETRIES = 2  # of a trial whose worker died
HOPELESS = 3  # trials that fail before one does not: the others would, too
WHY, LOST = "why", "lost"  # attributes of a trial

Told = Callable[[FrozenTrial], None]
"""Hears of every trial that has ended."""


@dataclass(frozen=True)
class Plan:
    """What a search does.

    Attributes:
        space: what is searched.
        words: of every trial, before those of its values.
        trials: that are to have ended at the end, over all calls.
        jobs: trials side by side.
        home: the name of its folder in the study.
        private: whether nobody else uses the storage.
        template: of what is sent to a worker.
    """

    space: Sequence[Parameter]
    words: tuple[str, ...]
    trials: int
    jobs: int
    home: str
    private: bool
    template: Callable[[int, tuple[str, ...]], TrialTask]

    def words_of(self, params: dict[str, Any]) -> tuple[str, ...]:
        """The words of a trial with these values."""
        return (*self.words, *(each.word(params[each.key]) for each in self.space))


class Search:
    """Does the trials that a study lacks.

    Args:
        study: that they are of.
        plan: what to do.
        out: folder of the search.
        told: hears of every trial that has ended.
    """

    def __init__(self, study: optuna.Study, plan: Plan, out: Path, told: Told) -> None:
        self.study, self.plan, self.out, self.told = study, plan, out, told
        self.going: dict[Future[TrialEnd], Trial] = {}
        self.place = plan.template(0, ()).place

    def run(self, launcher: Launcher) -> None:
        """Goes on until there are enough trials.

        Raises Interrupted after stopping the workers by hand; UserError where the storage can't be used any
        more, or where the first trials all fail. What runs then goes on with the same command.
        """
        with storage_faults(self.place):
            self.left = left_alone(self.study, self.plan.home, self.plan.private)
        if not self.left and self._ended() >= self.plan.trials:
            return
        try:
            with SignsOfLife(self.study) as self.alive, launcher.workers(self.plan.jobs, self.out) as workers:
                for trial in self.left:
                    self.alive.begin(trial._trial_id)
                self._work(workers)
        except (KeyboardInterrupt, Interrupted):
            raise Interrupted("stopped; the same command goes on where it was") from None

    def _work(self, workers: Workers) -> None:
        while True:
            while len(self.going) < self.plan.jobs and (trial := self._next()) is not None:
                self._submit(workers, trial)
            if self.going:
                ended, _ = wait(self.going, POLL, FIRST_COMPLETED)
                for future in sorted(ended, key=lambda future: self.going[future].number):
                    self._end(workers, future)
            elif self._ended() >= self.plan.trials:
                return
            else:  # the last are others' work
                time.sleep(POLL)

    def _next(self) -> Trial | None:
        """The next trial to do, with all its values: one that was left alone, or a new one."""
        with storage_faults(self.place):
            if self.left:
                trial = Trial(self.study, self.left.pop(0)._trial_id)
            else:
                fail_abandoned(self.study)
                running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
                if found := orphans(running):
                    trial = Trial(self.study, found[0]._trial_id)
                elif self._ended() + len(running) >= self.plan.trials:
                    return None
                else:
                    trial = self.study.ask()
            trial.set_user_attr(HOME, self.plan.home)
            self.alive.begin(trial._trial_id)
            for each in self.plan.space:
                suggest(trial, each)
            return trial

    def _submit(self, workers: Workers, trial: Trial) -> None:
        task = self.plan.template(trial.number, self.plan.words_of(trial.params))
        self.going[workers.submit(run_trial, task)] = trial

    def _end(self, workers: Workers, future: "Future[TrialEnd]") -> None:
        """Tells the study how a trial ended; one whose worker died is tried again."""
        trial = self.going.pop(future)
        try:
            end = future.result()
        except WorkerLost as error:
            if (lost := trial.user_attrs.get(LOST, 0)) < RETRIES:
                with storage_faults(self.place):
                    trial.set_user_attr(LOST, lost + 1)
                self._submit(workers, trial)
                return
            end = TrialEnd("failed", why=str(error))
        if end.state == "lost":
            raise StorageError(end.why)
        self.alive.end(trial._trial_id)
        with storage_faults(self.place):
            if end.why is not None:
                trial.set_user_attr(WHY, end.why)
            state = {"done": None, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}[end.state]
            self.told(self.study.tell(trial, end.value, state, skip_if_finished=True))
        clear_trial(self.out, trial.number)
        self._give_up(end)

    def _give_up(self, end: TrialEnd) -> None:
        """Raises UserError where the first trials have all failed."""
        if end.state != "failed":
            return
        with storage_faults(self.place):
            trials = ended_trials(self.study)
        if len(trials) >= HOPELESS and all(trial.state == TrialState.FAIL for trial in trials):
            raise UserError(f"the first {len(trials)} trials have failed, the last one with: {end.why}")

    def _ended(self) -> int:
        return len(ended_trials(self.study))


def suggest(trial: Trial, parameter: Parameter) -> None:
    """Chooses a value of a key, where the trial has none yet."""
    found = parameter.distribution
    if isinstance(found, CategoricalDistribution):
        trial.suggest_categorical(parameter.key, found.choices)
    elif isinstance(found, IntDistribution):
        trial.suggest_int(parameter.key, found.low, found.high, step=found.step, log=found.log)
    else:
        assert isinstance(found, FloatDistribution)
        trial.suggest_float(parameter.key, found.low, found.high, step=found.step, log=found.log)
