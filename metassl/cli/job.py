"""One job of the command line: its folder's status, and errors as one line."""

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from metassl.errors import Interrupted, UserError
from metassl.files import write_json

STATUS, TRACE = "status.json", "error.txt"
INTERRUPTED = 130  # the shell's exit code for a program that was stopped


def run_job(config: DictConfig) -> float | None:
    """Trains and tests. In a sweep a job that fails is recorded and the next one runs.

    Returns the meta-test accuracy (0..1), which sweepers that search can use; None for a job that
    failed or went on to no test.
    """
    hydra_config = HydraConfig.get()
    folder = Path(hydra_config.runtime.output_dir)

    def work() -> float | None:
        from metassl.training.run import (
            train_and_test,  # torch takes seconds; the checks before it need none of it
        )

        choices = {k: str(v) for k, v in hydra_config.runtime.choices.items() if not k.startswith("hydra/")}
        return train_and_test(config, folder, choices, list(hydra_config.overrides.task))

    return attempt(work, folder, alone=hydra_config.mode == RunMode.RUN)


def attempt(work: Callable[[], float | None], folder: Path, alone: bool) -> float | None:
    """Does the work and leaves in the folder's status.json how it ended.

    Args:
        work: returns the accuracy.
        folder: of the run.
        alone: whether a failure ends the program; in a sweep it is recorded and the next run begins.
    """
    _set_status(folder, "running")
    try:
        accuracy = work()
    except (Interrupted, KeyboardInterrupt) as stop:
        _set_status(folder, "stopped", str(stop) or "stopped by hand")
        print(f"error: {stop or 'stopped by hand'}", file=sys.stderr)
        sys.exit(INTERRUPTED)  # a sweep ends here, too
    except UserError as error:
        _set_status(folder, "failed", str(error))
        print(f"error: {error}", file=sys.stderr)
        if alone:
            sys.exit(2)
        return None
    except Exception as error:
        _set_status(folder, "failed", f"{type(error).__name__}: {error}".splitlines()[0])
        if alone:
            raise
        (folder / TRACE).write_text(traceback.format_exc())
        print(f"error: {type(error).__name__}: {error} (see {folder / TRACE})", file=sys.stderr)
        return None
    _set_status(folder, "done")
    return accuracy


def _set_status(folder: Path, status: str, error: str | None = None) -> None:
    if os.environ.get("LOCAL_RANK", "0") == "0":
        write_json(folder / STATUS, {"status": status, "error": error})
