"""What a sweep says at its end: which jobs failed, and where the others' results lie."""

import os
import sys
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from metassl.files import read_json
from metassl.runs.file_names import STATUS


class SweepReport(Callback):
    """Hydra callback: lists the jobs that failed and makes the exit code say so."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Reads every job's status; jobs may have run in other processes."""
        folder = Path(config.hydra.sweep.dir)
        states = {path.parent: read_json(path) for path in folder.glob(f"*/{STATUS}")}
        failed = {job: state for job, state in states.items() if state["status"] != "done"}
        print(f"{len(states) - len(failed)} of {len(states)} jobs done; metassl report {folder}")
        for job, state in sorted(failed.items(), key=lambda pair: int(pair[0].name)):
            print(f"job {job.name} {state['status']}: {state['error']}", file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
        if failed:
            os._exit(1)  # Hydra logs and drops what a callback raises, SystemExit included
