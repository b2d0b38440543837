"""Does a run's work and leaves in its folder how it ended, whatever stopped it."""

import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from metassl.errors import Interrupted, UserError
from metassl.files import read_json, write_json
from metassl.runs.faults import explained
from metassl.runs.file_names import CHECKPOINTS, RESULTS, STATUS, TRACE
from metassl.runs.signals import stoppable

INTERRUPTED = 130  # the shell's exit code for a program that was stopped


def attempt(work: Callable[[], float | None], folder: Path, alone: bool) -> float | None:
    """Does the work and leaves in the folder's status.json how it ended.

    Args:
        work: returns the score, None for none.
        folder: of the run.
        alone: whether a failure ends the program; in a sweep it is recorded and the next run begins.

    Returns:
        What the work returned; None for a run of a sweep that failed.
    """
    try:
        with stoppable():
            set_status(folder, "running")
            (folder / TRACE).unlink(missing_ok=True)  # of an attempt before
            score = work()
            set_status(folder, "done")
            return score
    except (Interrupted, KeyboardInterrupt) as stop:
        line = _stopped(stop, folder)
        _end(folder, "stopped", line)
        sys.exit(INTERRUPTED)  # a sweep ends here, too
    except UserError as error:
        _failed(folder, error, alone)
        return None
    except Exception as error:
        fault = explained(error, folder)
        if fault is not None:
            _failed(folder, fault, alone)
            return None
        line = f"{type(error).__name__}: {error}".splitlines()[0]
        if alone:
            set_status(folder, "failed", line)
            raise
        (folder / TRACE).write_text(traceback.format_exc())
        _end(folder, "failed", line, f" (see {folder / TRACE})")
        return None


def _stopped(stop: BaseException, folder: Path) -> str:
    """What stopped the run, and how it goes on: outside the training the last checkpoint stands anyway."""
    line, last = str(stop) or "stopped by hand", folder / CHECKPOINTS / "last.ckpt"
    return f"{line} Go on with resume={folder}" if last.is_file() and "ckpt" not in line else line


def _failed(folder: Path, error: UserError, alone: bool) -> None:
    _end(folder, "failed", str(error))
    if alone:
        sys.exit(2)


def _end(folder: Path, status: str, line: str, more: str = "") -> None:
    """Leaves how the run ended and says it, whatever the disk does."""
    print(f"error: {line}{more}", file=sys.stderr)
    set_status(folder, status, line)


def set_failed(folder: Path, line: str) -> None:
    """Leaves in a run's folder that it failed, where the run itself could not: its process is gone."""
    folder.mkdir(parents=True, exist_ok=True)
    set_status(folder, "failed", line)


def read_status(folder: Path) -> tuple[str | None, str | None]:
    """How a run stands: (status, error line); (None, None) where it left no status.

    Raises DataError for a broken file.
    """
    content = read_json(folder / STATUS) if (folder / STATUS).is_file() else {}
    status, error = content.get("status"), content.get("error")
    return None if status is None else str(status), None if error is None else str(error)


def ended_well(folder: Path) -> bool:
    """Whether a run ended well; one that left results and no word of how it ended did so, too."""
    return (folder / RESULTS).is_file() and read_status(folder)[0] in ("done", None)


def set_status(folder: Path, status: str, error: str | None = None) -> None:
    """Leaves in the folder how a run stands, by rank zero's word.

    Where the disk is full, no word is better than one that says "running" for ever.
    """
    if os.environ.get("LOCAL_RANK", "0") != "0":
        return
    try:
        write_json(folder / STATUS, {"status": status, "error": error})
    except OSError:
        if status == "running":
            raise
        with suppress(OSError):
            (folder / STATUS).unlink(missing_ok=True)
