"""A process that works for the one that started it."""

import os
import sys
import traceback
from collections.abc import Callable
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from pickle import PicklingError
from threading import Thread, Timer
from typing import Any

from metassl.experiments.kept import Kept
from metassl.experiments.launchers.base import lost


class WorkerProcess:
    """A process that is handed one piece of work after the other.

    Attributes:
        done: how many it has done.
    """

    def __init__(self) -> None:
        context = get_context("spawn")
        self._pipe, there = context.Pipe()
        self._process = context.Process(target=_work, args=(there,))
        self._process.start()
        there.close()  # its death then closes the pipe
        self.done = 0

    def do(self, work: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What the work returns; raises what it raises, and WorkerLost where the process dies."""
        try:
            self._pipe.send((work, args, kwargs))
            well, value = self._pipe.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            raise lost(self._process.exitcode) from None
        self.done += 1
        if not well:
            raise value
        return value

    def stop(self, grace: float) -> None:
        """Asks it to stop, which leaves a checkpoint; kills it where it is still there after some seconds."""
        self._process.terminate()
        killer = Timer(grace, self._process.kill)
        killer.daemon = True
        killer.start()

    def end(self) -> None:
        """Waits for its end, which the closed pipe tells it."""
        self._pipe.close()
        self._process.join()


def _work(pipe: Connection) -> None:
    """What the process does, to the end of the pipe."""
    end_with_parent()
    os.setpgrp()  # Ctrl-C is the sweep's, which tells its workers: a second signal would cut a run short
    kept = Kept()
    while True:
        try:
            work, args, kwargs = pipe.recv()
        except EOFError:
            return
        try:
            told = True, work(kept, *args, **kwargs)
        except Exception as error:
            told = False, _sendable(error)
        pipe.send(told)
        sys.stdout.flush()


def _sendable(error: Exception) -> Exception:
    """The error with its trace as a note, for the trace itself can't be sent."""
    error.add_note(traceback.format_exc())
    try:
        connection._ForkingPickler.dumps(error)  # type: ignore[attr-defined]
    except (PicklingError, TypeError, AttributeError):
        return RuntimeError("".join(traceback.format_exception(error)))
    return error


def end_with_parent() -> None:
    """A worker whose parent was killed ends at once: the same command, given again, does its run."""

    def watch() -> None:
        parent = parent_process()
        assert parent is not None
        connection.wait([parent.sentinel])
        os._exit(1)

    Thread(target=watch, daemon=True).start()
