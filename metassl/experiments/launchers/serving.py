"""Workers that are handed one piece of work after the other, and are replaced where they die."""

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, NamedTuple, Protocol

from metassl.experiments.launchers.base import P, R, Work, WorkerLost, take_back

GRACE = 60.0  # seconds that a stopped worker has for its checkpoint


class Worker(Protocol):
    """One worker, as the sweep's process sees it."""

    def do(self, work: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What the work returns; raises what it raises, and WorkerLost where the worker dies."""
        ...

    def stop(self, grace: float) -> None:
        """Asks it to stop, which leaves a checkpoint; kills it where it is still there after some seconds."""
        ...

    def end(self) -> None:
        """Ends a worker that has nothing to do, or has died."""
        ...


class _Handed(NamedTuple):
    """Work that waits for a worker."""

    future: "Future[Any]"
    work: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class ServedWorkers:
    """Workers, each with a thread of the sweep's process that serves it.

    So a worker that dies takes its own run with it and no other: the thread starts the next one. The standard
    library's pool of processes breaks as a whole, and can stop for ever where it replaces a process.

    Args:
        jobs: how many.
        start: makes a worker.
    """

    def __init__(self, jobs: int, start: Callable[[], Worker]) -> None:
        self._start = start
        self._waiting: SimpleQueue[_Handed | None] = SimpleQueue()
        self._stopped, self._lock = Event(), Lock()
        self._there: list[Worker] = []
        self._threads = [Thread(target=self._serve, daemon=True) for _ in range(jobs)]

    def submit(self, work: Work[P, R], *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        """See `Workers`."""
        future: Future[R] = Future()
        self._waiting.put(_Handed(future, work, args, kwargs))
        return future

    def __enter__(self) -> "ServedWorkers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is not None:
                self._stop()
            for _ in self._threads:
                self._waiting.put(None)
            for thread in self._threads:
                thread.join()
        except BaseException:  # stopped while it waits for the rest
            self._stop()
            raise

    def _stop(self) -> None:
        """Takes back what waits, and asks who works to leave a checkpoint."""
        self._stopped.set()
        with suppress(Empty):
            while True:
                handed = self._waiting.get_nowait()
                if handed is not None:
                    take_back(handed.future)
        for _ in self._threads:
            self._waiting.put(None)  # no more comes
        with self._lock:
            for worker in self._there:
                worker.stop(GRACE)

    def _serve(self) -> None:
        """What one thread does: it hands work to one worker after the other."""
        worker: Worker | None = None
        while (handed := self._waiting.get()) is not None:
            if not handed.future.set_running_or_notify_cancel():
                continue
            try:
                worker = worker or self._started()
                handed.future.set_result(worker.do(handed.work, handed.args, handed.kwargs))
            except BaseException as error:
                handed.future.set_exception(error)
                if worker is not None and isinstance(error, WorkerLost):
                    self._end(worker)
                    worker = None
        if worker is not None:
            self._end(worker)

    def _started(self) -> Worker:
        with self._lock:
            if self._stopped.is_set():
                raise WorkerLost("the sweep was stopped.")
            worker = self._start()
            self._there.append(worker)
        return worker

    def _end(self, worker: Worker) -> None:
        with self._lock:
            self._there.remove(worker)
        worker.end()
