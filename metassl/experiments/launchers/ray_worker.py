"""A worker on a node of a Ray cluster: what stands there, and what the sweep's process has of it."""

import os
from collections.abc import Callable, Mapping
from threading import Event, Timer
from types import ModuleType
from typing import Any

from metassl.experiments.launchers.base import WorkerLost
from metassl.experiments.launchers.process import WorkerProcess

OWN = "METASSL_"  # what this package's environment variables begin with


class Host:
    """Watches over a process on its node; an actor of Ray's.

    Args:
        runs: of the process before it is replaced.
        folder: the current one of the sweep's process, in which relative paths are meant.
        places: environment variables of that process, which say where files lie.
    """

    def __init__(self, runs: int, folder: str, places: Mapping[str, str]) -> None:
        os.environ.update(places)
        if os.path.isdir(folder):
            os.chdir(folder)
        self._process = WorkerProcess(runs)

    def begin(self) -> None:
        """Returns when it is there."""

    def do(self, work: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[bool, Any]:
        """(True, what the work returns) or (False, the error that it raises): Ray would wrap it."""
        try:
            return True, self._process.do(work, args, kwargs)
        except Exception as error:
            return False, error

    def stop(self, grace: float) -> None:
        """See `Worker`."""
        self._process.stop(grace)

    def end(self) -> None:
        """See `Worker`."""
        self._process.end()


class RayWorker:
    """A worker of a Ray cluster.

    Args:
        ray: the module, which need not be installed for the other launchers.
        host: `Host` as a class of actors.
        runs: of a process before it is replaced.
    """

    def __init__(self, ray: ModuleType, host: Any, runs: int) -> None:
        places = {name: value for name, value in os.environ.items() if name.startswith(OWN)}
        self._ray, self._actor = ray, host.remote(runs, os.getcwd(), places)
        self._begun = Event()

    def do(self, work: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """See `Worker`."""
        try:
            if not self._begun.is_set():  # it may wait for a place
                self._ray.get(self._actor.begin.remote())
                self._begun.set()
            well, value = self._ray.get(self._actor.do.remote(work, args, kwargs))
        except self._ray.exceptions.RayError as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            raise WorkerLost(f"its worker was lost (Ray: {' '.join(lines[:2])}).") from None
        if not well:
            raise value
        return value

    def stop(self, grace: float) -> None:
        """See `Worker`."""
        if not self._begun.is_set():
            self._ray.kill(self._actor)
            return
        self._actor.stop.remote(grace)
        killer = Timer(grace, self._ray.kill, [self._actor])
        killer.daemon = True
        killer.start()

    def end(self) -> None:
        """See `Worker`."""
        try:
            self._ray.get(self._actor.end.remote())
        except self._ray.exceptions.RayError:  # it has died
            return
        self._ray.kill(self._actor)
