"""What a sweep says at its end: which jobs failed, and where the others' results lie."""

import sys
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from metassl.errors import UserError
from metassl.runs.file_names import STATUS
from metassl.runs.status import read_status


class SweepReport(Callback):
    """Hydra callback: lists the jobs that failed and makes the exit code say so."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Reads every job's status; jobs may have run in other processes."""
        folder = Path(config.hydra.sweep.dir)
        states = {path.parent: _state(path.parent) for path in folder.rglob(STATUS)}
        failed = {job: state for job, state in states.items() if state[0] != "done"}
        print(f"{len(states) - len(failed)} of {len(states)} jobs done; metassl report {folder}")
        for job, (status, error) in sorted(failed.items(), key=lambda pair: _by_number(pair[0])):
            print(f"job {job.relative_to(folder)} {status}: {error}", file=sys.stderr)
        if failed:
            sys.exit(1)  # Hydra drops what a callback raises, but for this


def _state(job: Path) -> tuple[str, str | None]:
    """How a job stands, and its error line."""
    try:
        status, error = read_status(job)
    except UserError as fault:
        return "unknown", str(fault)
    return status or "unknown", error


def _by_number(job: Path) -> tuple[int, str]:
    """Jobs by their numbers, or by their names with another hydra.sweep.subdir."""
    return (int(job.name) if job.name.isdigit() else 0, job.name)
