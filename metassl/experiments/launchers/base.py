"""What a launcher is: it starts workers, and hands them work, wherever they are.

    with launcher.workers(jobs=2, folder=Path("outputs/map")) as workers:
        futures = {workers.submit(execute_run, run, sweep, conf): run for run in runs}
        for future in concurrent.futures.as_completed(futures): ...

A `with` block that ends well waits for all that was handed in. One that ends with an error, Ctrl-C or SIGTERM
among them, takes back what has not begun and stops what has, so that each run leaves a checkpoint.
"""

import signal
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from metassl.errors import ConfigError, UserError
from metassl.experiments.kept import Kept
from metassl.runs.status import INTERRUPTED

P = ParamSpec("P")
R = TypeVar("R")
Work = Callable[Concatenate[Kept, P], R]
"""What a worker does: a function of a module, for it is sent by its name. Its first argument is what the
worker keeps from one run to the next."""


class WorkerLost(UserError):
    """A worker ended in the middle of its work, which is lost; others go on."""


class Workers(Protocol):
    """Workers that are there."""

    def submit(self, work: Work[P, R], *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        """Hands in work, which is done in the order in which it came.

        The future is one that `concurrent.futures.wait` understands. What the work raises it raises again;
        where the worker died it raises WorkerLost.
        """
        ...


class Launcher(Protocol):
    """Starts workers; its settings are the arguments of its constructor."""

    def workers(self, jobs: int, folder: Path) -> AbstractContextManager[Workers]:
        """Workers, as long as the `with` block lasts.

        Args:
            jobs: how many work side by side.
            folder: of the sweep; what a launcher has to write goes there.

        Raises:
            UserError: a package is missing, the cluster doesn't answer, the jobs don't fit into the memory.
        """
        ...


def take_back(future: "Future[Any]") -> None:
    """Cancels work that waits, so that whoever waits for it hears of it, too."""
    future.cancel()
    future.set_running_or_notify_cancel()


def missing(package: str) -> ConfigError:
    """The line for a launcher whose package is not installed.

    Args:
        package: also the name of the launcher, and of the extra that brings it.
    """
    return ConfigError(f"launcher: {package} is not installed: pip install 'metassl[{package}]'")


def lost(exit_code: int | None) -> WorkerLost:
    """The line for a worker that ended, by its exit code: below 0 it is the signal that killed it."""
    if exit_code is None:
        return WorkerLost("its worker was lost.")
    if exit_code == INTERRUPTED:
        return WorkerLost("its worker was stopped.")
    if exit_code >= 0:
        return WorkerLost(f"its worker ended by itself (exit code {exit_code}).")
    name = signal.Signals(-exit_code).name if -exit_code in signal.valid_signals() else f"signal {-exit_code}"
    memory = ", as the system does where memory runs out" if name == "SIGKILL" else ""
    return WorkerLost(f"its worker was killed ({name}{memory}).")
