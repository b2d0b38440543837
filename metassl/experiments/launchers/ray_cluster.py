"""Runs on a Ray cluster, or on one that is started on this machine for them."""

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from math import ceil
from pathlib import Path
from types import ModuleType
from typing import Any

from metassl.errors import ConfigError
from metassl.experiments.launchers.addresses import check_answers
from metassl.experiments.launchers.base import Workers, missing
from metassl.experiments.launchers.memory import GB, check_memory
from metassl.experiments.launchers.ray_worker import Host, RayWorker
from metassl.experiments.launchers.serving import ServedWorkers
from metassl.runs.signals import STOPS
from metassl.schema.ranges import Count, NotNegative, Positive, Word

# by its own defaults Ray tells its makers of its use, and hides GPUs from a job that asked for none
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
STARTS = 3  # tries: a busy machine may take longer than the 15 seconds that Ray has for a part of it
STORE = 100_000_000  # bytes for Ray's objects: a run sends a few words


class RayCluster:
    """Does runs on a Ray cluster, each with the CPUs and GPUs that it asks for.

    A job is an actor of Ray's that watches over a process, in which one run follows the other: so a run is
    stopped by a signal as on this machine, and leaves a checkpoint. Each node needs this package, and the
    sweep's folder at the same path.

    Args:
        address: of a cluster, `host:port`, or `auto` for the one that this machine is part of; null starts
            one here, with room for the jobs, and ends it with them.
        cpus, gpus: of each job. A run has one thread unless `trainer.threads` says otherwise.
        memory: GB that a job is expected to take; Ray keeps them free for it.
        runs: of a process before it is replaced.
    """

    def __init__(
        self,
        address: Word | None = None,
        cpus: Positive = 1,
        gpus: NotNegative = 0,
        memory: Positive = 0.5,
        runs: Count = 12,
    ) -> None:
        self.address, self.cpus, self.gpus, self.memory, self.runs = address, cpus, gpus, memory, runs

    @contextmanager
    def workers(self, jobs: int, folder: Path) -> Iterator[Workers]:
        """See `Launcher`."""
        if self.address is None:
            check_memory(jobs, self.memory)
        else:
            check_answers("launcher.address", self.address)
        with _own_signals():
            ray = _ray()
            self._connect(ray, jobs)
        try:
            self._check_room(ray)
            host = ray.remote(
                num_cpus=self.cpus,
                num_gpus=self.gpus,
                memory=int(self.memory * GB),
                max_concurrency=2,  # one that works, one that stops it
                max_restarts=0,
            )(Host)
            with ServedWorkers(jobs, partial(RayWorker, ray, host, self.runs)) as workers:
                yield workers
        finally:
            ray.shutdown()

    def _connect(self, ray: ModuleType, jobs: int) -> None:
        own: dict[str, Any] = {
            "num_cpus": ceil(jobs * self.cpus),
            "include_dashboard": False,
            "object_store_memory": STORE,
        }
        there = {} if self.address is None else {"address": self.address}
        for left in reversed(range(1 if there else STARTS)):
            try:
                ray.init(**(there or own), log_to_driver=False, logging_level=logging.CRITICAL)
                return
            except Exception as error:  # it has errors of many classes for a cluster that is not there
                ray.shutdown()
                if not left:
                    where = "a cluster on this machine" if self.address is None else self.address
                    said = " ".join(str(error).split())
                    raise ConfigError(f"launcher.address: {where}: {said}") from None

    def _check_room(self, ray: ModuleType) -> None:
        """A job that asks for more than the cluster has would wait for ever."""
        there = ray.cluster_resources()
        of_job = {"cpus": (self.cpus, "CPU"), "gpus": (self.gpus, "GPU"), "memory": (self.memory, "memory")}
        for key, (wanted, name) in of_job.items():
            found = there.get(name, 0) / (GB if key == "memory" else 1)
            if wanted > found:
                raise ConfigError(f"launcher.{key}: found {wanted:g}, the cluster has {found:.3g}.")


def _ray() -> ModuleType:
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError:
        raise missing("ray") from None
    return ray


@contextmanager
def _own_signals() -> Iterator[None]:
    """Ray takes SIGTERM for itself when it is imported; after this block it is the sweep's again."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
