"""A process that works for the one that started it."""

import os
import sys
import traceback
from collections.abc import Callable
from multiprocessing import connection, get_all_start_methods, get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from pickle import PicklingError
from threading import Event, Thread, Timer
from typing import Any, NamedTuple

from metassl.errors import UserError
from metassl.experiments.kept import Kept
from metassl.experiments.launchers.base import WorkerLost, lost

THREADS = "OMP_NUM_THREADS"
PRELOADED = "metassl.experiments.launchers.preloaded"


class _There(NamedTuple):
    """A process that runs, and the pipe to it."""

    process: BaseProcess
    pipe: Connection


class WorkerProcess:
    """A process that is handed one piece of work after the other, and replaced after some.

    Args:
        runs: of a process before it is replaced, which gives back what its allocator kept.
    """

    def __init__(self, runs: int) -> None:
        self._runs, self._done = runs, 0
        self._stopped = Event()
        self._there = _start()

    def do(self, work: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """See `Worker`."""
        if self._done == self._runs:
            self.end()
            self._there, self._done = _start(), 0
        if self._stopped.is_set():
            raise WorkerLost("the sweep was stopped.")
        process, pipe = self._there
        try:
            pipe.send((work, args, kwargs))
            well, value = pipe.recv()
        except (EOFError, ConnectionError):
            process.join()
            raise lost(process.exitcode) from None
        self._done += 1
        if not well:
            raise value
        return value

    def stop(self, grace: float) -> None:
        """See `Worker`."""
        self._stopped.set()
        process = self._there.process
        if process.is_alive():
            process.terminate()
            killer = Timer(grace, process.kill)
            killer.daemon = True
            killer.start()

    def end(self) -> None:
        """See `Worker`."""
        self._there.pipe.close()  # which tells it
        self._there.process.join()


def _start() -> _There:
    os.environ[THREADS] = "1"  # read when a process starts: threads of several would wait for each other
    context = _context()
    here, there = context.Pipe()
    process = context.Process(target=_work, args=(there, dict(os.environ), os.getcwd()))
    process.start()
    there.close()  # so that its death closes the pipe
    return _There(process, here)


def _context() -> SpawnContext | ForkServerContext:
    """Where the system allows it processes are forked from one that has imported everything: in no time."""
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload([PRELOADED])
    return context


def _work(pipe: Connection, environment: dict[str, str], folder: str) -> None:
    """What the process does, to the end of the pipe.

    Args:
        pipe: to the process that started it.
        environment, folder: of that process now; the one that this was forked from is older.
    """
    end_with_parent()
    os.setpgrp()  # Ctrl-C is the sweep's, which tells its workers: a second signal would cut a run short
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    kept = Kept()
    while True:
        try:
            work, args, kwargs = pipe.recv()
        except EOFError:
            return
        pipe.send(tried(kept, work, args, kwargs))
        sys.stdout.flush()


def tried(
    kept: Kept, work: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[bool, Any]:
    """(True, what the work returns) or (False, the error that it raises)."""
    try:
        return True, work(kept, *args, **kwargs)
    except Exception as error:
        if not isinstance(error, UserError):
            error.add_note(traceback.format_exc())  # the trace itself can't be sent
        try:
            connection._ForkingPickler.dumps(error)  # type: ignore[attr-defined]
        except (PicklingError, TypeError, AttributeError):
            return False, RuntimeError("".join(traceback.format_exception(error)))
        return False, error


def end_with_parent() -> None:
    """A worker whose parent was killed ends at once: the same command, given again, does its run."""

    def watch() -> None:
        parent = parent_process()
        assert parent is not None
        connection.wait([parent.sentinel])
        os._exit(1)

    Thread(target=watch, daemon=True).start()
