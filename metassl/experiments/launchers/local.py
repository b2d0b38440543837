"""Runs in processes of this machine."""

import os
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, NamedTuple

from metassl.experiments.launchers.base import P, R, Work, WorkerLost
from metassl.experiments.launchers.process import WorkerProcess
from metassl.schema.ranges import Count

GRACE = 60.0  # seconds that a stopped worker has for its checkpoint


class Local:
    """Does runs in processes of this machine, each of one thread.

    Args:
        runs: of a process before it is replaced, which gives back what its allocator kept.
    """

    def __init__(self, runs: Count = 12) -> None:
        self.runs = runs

    def workers(self, jobs: int, folder: Path) -> AbstractContextManager["LocalWorkers"]:
        """See `Launcher`."""
        os.environ["OMP_NUM_THREADS"] = (
            "1"  # read when a worker starts; its threads would wait for each other
        )
        return LocalWorkers(jobs, self.runs)


class _Handed(NamedTuple):
    """Work that waits for a worker."""

    future: "Future[Any]"
    work: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class LocalWorkers:
    """Processes, each with a thread of the sweep's process that hands it one piece of work after the other.

    So a process that dies takes its own run with it and no other: the thread starts the next one. The
    standard library's pool breaks as a whole, and can stop for ever where it replaces a process.

    Args:
        jobs: how many.
        runs: of a process before it is replaced.
    """

    def __init__(self, jobs: int, runs: int) -> None:
        self.runs = runs
        self._waiting: SimpleQueue[_Handed | None] = SimpleQueue()
        self._stopped, self._lock = Event(), Lock()
        self._there: set[WorkerProcess] = set()
        self._threads = [Thread(target=self._serve, daemon=True) for _ in range(jobs)]

    def submit(self, work: Work[P, R], *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        """See `Workers`."""
        future: Future[R] = Future()
        self._waiting.put(_Handed(future, work, args, kwargs))
        return future

    def __enter__(self) -> "LocalWorkers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._stop()
        for _ in self._threads:
            self._waiting.put(None)
        try:
            for thread in self._threads:
                thread.join()
        except BaseException:  # stopped while it waits for the rest
            self._stop()
            raise

    def _stop(self) -> None:
        """Takes back what waits, and asks who works to leave a checkpoint."""
        self._stopped.set()
        while True:
            try:
                handed = self._waiting.get_nowait()
            except Empty:
                break
            if handed is not None:
                handed.future.cancel()
        with self._lock:
            for process in self._there:
                process.stop(GRACE)

    def _serve(self) -> None:
        """What one thread does: the life of one process after the other."""
        process: WorkerProcess | None = None
        while (handed := self._waiting.get()) is not None:
            if not handed.future.set_running_or_notify_cancel():
                continue
            process = self._fresh(process)
            try:
                handed.future.set_result(process.do(handed.work, handed.args, handed.kwargs))
            except BaseException as error:
                handed.future.set_exception(error)
                if isinstance(error, WorkerLost):
                    self._end(process)
                    process = None
        if process is not None:
            self._end(process)

    def _fresh(self, process: WorkerProcess | None) -> WorkerProcess:
        if process is not None and process.done < self.runs:
            return process
        if process is not None:
            self._end(process)
        with self._lock:
            process = WorkerProcess()
            self._there.add(process)
            if self._stopped.is_set():
                process.stop(GRACE)
        return process

    def _end(self, process: WorkerProcess) -> None:
        with self._lock:
            self._there.discard(process)
        process.end()
