"""Hands work to Slurm as jobs, and looks after them until they end."""

import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any

from metassl.errors import UserError
from metassl.experiments.launchers.base import P, R, Work, WorkerLost, take_back
from metassl.experiments.launchers.pieces import Piece, Pieces

SETTLED = 2.0  # seconds without new work after which what waits becomes one array
LOOK = 0.5  # seconds between two looks at the folder, where a job that has ended leaves what it found
ASK = 60.0  # between two questions to Slurm, which alone knows of a job that died
LATE = 15.0  # after its end may what a job has left become visible, on a network's disk
STOP = 10.0  # that stopped jobs are waited for


@dataclass
class _Going:
    """A job on its way.

    Attributes:
        job: of submitit.
        futures: of its pieces.
        ended: when it was first seen to have ended without a result.
    """

    job: Any
    futures: "list[Future[Any]]"
    ended: float | None = field(default=None)


class SlurmJobs:
    """Workers that are jobs; one thread hands them in and looks after them.

    Args:
        executor: of submitit.
        runs: pieces of work of one job.
        at_once: jobs that are handed in before one of them has ended; null: all.
    """

    def __init__(self, executor: Any, runs: int, at_once: int | None) -> None:
        self._executor, self._runs, self._at_once = executor, runs, at_once
        self._waiting: list[tuple[Future[Any], Piece]] = []
        self._going: list[_Going] = []
        self._came = time.monotonic()
        self._lock, self._closed, self._asked = Lock(), Event(), time.monotonic()
        self._thread = Thread(target=self._look_after, daemon=True)

    def submit(self, work: Work[P, R], *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        """See `Workers`."""
        future: Future[R] = Future()
        with self._lock:
            self._waiting.append((future, Piece(work, args, kwargs)))
            self._came = time.monotonic()
        return future

    def __enter__(self) -> "SlurmJobs":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is not None:
                self._stop()
            self._closed.set()
            self._thread.join()
        except BaseException:  # stopped while it waits for the rest
            self._stop()
            raise

    def _look_after(self) -> None:
        """What the thread does, until nothing more can come."""
        while not (self._closed.is_set() and not self._waiting and not self._going):
            self._hand_in()
            self._collect()
            time.sleep(LOOK)

    def _hand_in(self) -> None:
        """Makes jobs of what waits, as one array."""
        if self._at_once is None and time.monotonic() - self._came < SETTLED:
            return
        with self._lock:
            room = len(self._waiting) if self._at_once is None else self._at_once - len(self._going)
            handed = [
                pair for pair in self._waiting[: room * self._runs] if pair[0].set_running_or_notify_cancel()
            ]
            self._waiting = self._waiting[room * self._runs :]
            groups = [handed[low : low + self._runs] for low in range(0, len(handed), self._runs)]
            if not groups:
                return
            try:
                with self._executor.batch():
                    jobs = [self._executor.submit(Pieces([piece for _, piece in group])) for group in groups]
            except Exception as error:  # of sbatch, which says no
                refused = UserError(f"launcher: the jobs were refused: {' '.join(str(error).split())}")
                for future, _ in handed:
                    future.set_exception(refused)
                return
            self._going += [
                _Going(job, [future for future, _ in group]) for job, group in zip(jobs, groups, strict=True)
            ]

    def _collect(self) -> None:
        """Tells what the jobs that have ended have found."""
        ask = time.monotonic() - self._asked > ASK
        self._asked = time.monotonic() if ask else self._asked
        with self._lock:
            for going in list(self._going):
                done = going.job.done(force_check=ask)
                ask = False  # the answer is about all
                if done and self._told(going):
                    self._going.remove(going)

    def _told(self, going: _Going) -> bool:
        """Whether the futures of a job that has ended know of it; they wait a little for its result."""
        if not going.job.paths.result_pickle.exists():
            going.ended = going.ended or time.monotonic()
            if time.monotonic() - going.ended < LATE:
                return False
            for future in going.futures:
                future.set_exception(_lost(going.job))
            return True
        try:
            found = going.job.results()[0]
        except Exception as error:  # what a job raises outside its pieces
            for future in going.futures:
                future.set_exception(
                    WorkerLost(f"job {going.job.job_id}: {str(error).strip().splitlines()[-1]}")
                )
            return True
        for future, (well, value) in zip(going.futures, found, strict=True):
            future.set_result(value) if well else future.set_exception(value)
        return True

    def _stop(self) -> None:
        """Takes back what waits, and cancels the jobs: Slurm warns them, and a run leaves a checkpoint."""
        with self._lock:
            for future, _ in self._waiting:
                take_back(future)
            cancelled, self._waiting, self._going = self._going, [], []
        self._closed.set()
        for going in cancelled:
            going.job.cancel(check=False)
        deadline = time.monotonic() + STOP
        while any(not going.job.done() for going in cancelled) and time.monotonic() < deadline:
            time.sleep(LOOK)
        for going in cancelled:
            for future in going.futures:
                future.set_exception(WorkerLost("the sweep was stopped."))


def _lost(job: Any) -> WorkerLost:
    return WorkerLost(f"job {job.job_id} ended without a result ({job.state}), see {job.paths.stderr}.")
