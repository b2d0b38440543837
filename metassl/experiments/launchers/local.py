"""Runs in processes of this machine."""

from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from metassl.experiments.launchers.memory import check_memory
from metassl.experiments.launchers.process import WorkerProcess
from metassl.experiments.launchers.serving import ServedWorkers
from metassl.schema.ranges import Count, Positive


class Local:
    """Does runs in processes of this machine, each of one thread.

    Args:
        runs: of a process before it is replaced, which gives back what its allocator kept.
        memory: GB that a job is expected to take; jobs that don't fit into the machine's are refused.
    """

    def __init__(self, runs: Count = 12, memory: Positive = 0.5) -> None:
        self.runs, self.memory = runs, memory

    def workers(self, jobs: int, folder: Path) -> AbstractContextManager[ServedWorkers]:
        """See `Launcher`."""
        check_memory(jobs, self.memory)
        return ServedWorkers(jobs, partial(WorkerProcess, self.runs))
