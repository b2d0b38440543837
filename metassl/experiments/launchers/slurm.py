"""Runs as jobs of a Slurm cluster, by submitit."""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

from metassl.errors import ConfigError
from metassl.experiments.launchers.base import Workers, missing
from metassl.experiments.launchers.pieces import JobsInThisProcess
from metassl.experiments.launchers.process import THREADS
from metassl.experiments.launchers.slurm_jobs import SlurmJobs
from metassl.schema.ranges import Count, Positive, Whole, Word

LOGS = "slurm"  # in the sweep's folder: what each job was sent, and said


class Slurm:
    """Does runs as jobs of a Slurm cluster: one array, of which `jobs` run side by side.

    A job that reaches its time is queued again and goes on, up to three times. The nodes need the sweep's
    folder and this package at the same paths. Logs lie in the folder's `slurm`.

    Args:
        partition: of the cluster; null: its default.
        time: minutes that a job may take.
        cpus, gpus: of each job. A run has one thread unless `trainer.threads` says otherwise.
        memory: GB of each job.
        runs: that one job does, one after the other: a job of many small runs waits and imports once.
        more: further options of sbatch, such as `{account: my_group, qos: low}`.
        cluster: `slurm`; `local` starts the same jobs on this machine, to try a command line where there is
            no Slurm; `debug` does them in this process, one after the other.
    """

    def __init__(
        self,
        partition: Word | None = None,
        time: Count = 60,
        cpus: Count = 1,
        gpus: Whole = 0,
        memory: Positive = 2.0,
        runs: Count = 1,
        more: Mapping[str, Any] | None = None,
        cluster: Literal["slurm", "local", "debug"] = "slurm",
    ) -> None:
        self.partition, self.time, self.cpus, self.gpus = partition, time, cpus, gpus
        self.memory, self.runs, self.more, self.cluster = memory, runs, dict(more or {}), cluster

    def workers(self, jobs: int, folder: Path) -> AbstractContextManager[Workers]:
        """See `Launcher`."""
        if self.cluster == "debug":
            return JobsInThisProcess()
        executor = self._executor(jobs, folder / LOGS)
        os.environ[THREADS] = "1"  # the jobs have the environment of this process
        at_once = None if self.cluster == "slurm" else jobs  # Slurm itself keeps the rest back
        return SlurmJobs(executor, self.runs, at_once)

    def _executor(self, jobs: int, logs: Path) -> Any:
        try:
            import submitit
        except ImportError:
            raise missing("slurm") from None
        try:
            executor = submitit.AutoExecutor(folder=logs, cluster=self.cluster)
            executor.update_parameters(
                name="metassl",
                timeout_min=self.time,
                cpus_per_task=self.cpus,
                gpus_per_node=self.gpus or None,
                mem_gb=self.memory,
                slurm_partition=self.partition,
                slurm_array_parallelism=jobs,
                slurm_additional_parameters=self.more or None,
            )
        except RuntimeError as error:  # no srun
            raise ConfigError(
                f"launcher.cluster: found '{self.cluster}'. {' '.join(str(error).split())} Allowed without: "
                "local or debug."
            ) from None
        return executor
