"""Who is at work on a trial: it goes on where its process was killed, and not where another machine has it.

Each folder of a search has a name of its own, its home, which every trial carries that is done from there.
One process at a time works in a folder, so a trial of this home that runs was left alone. Those of other
homes give signs of life while they run; after some minutes without one Optuna itself fails a trial and has it
tried again.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from threading import Event, Thread

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages._heartbeat import BaseHeartbeat
from optuna.trial import FrozenTrial, TrialState

from metassl.errors import UserError
from metassl.experiments.claims import held
from metassl.search.storage import BEAT, GRACE

HOME = "home"  # the attribute of a trial
LOCK = ".search.lock"


@contextmanager
def alone_in(out: Path) -> Iterator[None]:
    """Within it no other process searches in this folder. Raises UserError where one does."""
    taken = UserError(
        f"out={out}: another process searches in this folder. Wait for it, or give another folder and "
        "the same storage=... to work on the same study from both."
    )
    with held(out / LOCK, taken):
        yield


def left_alone(study: optuna.Study, home: str, private: bool) -> list[FrozenTrial]:
    """The trials that began in this folder and have no end, in their order.

    Args:
        study: that they are of.
        home: of this folder.
        private: whether nobody else uses the storage; then one that was killed before it said its home is
            this folder's, too.
    """
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    homes = (home, None) if private else (home,)
    return [trial for trial in running if trial.user_attrs.get(HOME) in homes]


def orphans(running: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The trials that were begun some minutes ago by a process which was killed before it said its home.

    Nobody gives signs of life for them: whoever comes next does them.
    """
    now = datetime.now()  # as Optuna has it
    return [
        trial
        for trial in running
        if HOME not in trial.user_attrs
        and trial.datetime_start is not None
        and (now - trial.datetime_start).total_seconds() > GRACE
    ]


def fail_abandoned(study: optuna.Study) -> None:
    """Has the trials tried again whose machine has given no sign of life for some minutes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        optuna.storages.fail_stale_trials(study)


class SignsOfLife:
    """Says every half minute which trials are at work, in storages that have a place for it.

    Args:
        study: that they are of.
    """

    def __init__(self, study: optuna.Study) -> None:
        self.storage = study._storage
        self.trials: set[int] = set()
        self._ended = Event()
        self._thread = Thread(target=self._tell_on, daemon=True)

    def __enter__(self) -> "SignsOfLife":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    def begin(self, trial: int) -> None:
        """A trial is at work from now on."""
        self.trials = {*self.trials, trial}
        self._tell(trial)

    def end(self, trial: int) -> None:
        """A trial is no longer at work."""
        self.trials = self.trials - {trial}

    def _tell_on(self) -> None:
        while not self._ended.wait(BEAT):
            for trial in self.trials:
                self._tell(trial)

    def _tell(self, trial: int) -> None:
        if isinstance(self.storage, BaseHeartbeat):
            with suppress(Exception):  # a sign that can't be given is given the next time
                self.storage.record_heartbeat(trial)
