"""Does a run's work and leaves in its folder how it ended, whatever stopped it."""

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from metassl.errors import Interrupted, UserError
from metassl.files import read_json, write_json
from metassl.runs.file_names import STATUS, TRACE

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
    _set_status(folder, "running")
    try:
        score = work()
    except (Interrupted, KeyboardInterrupt) as stop:
        _set_status(folder, "stopped", str(stop) or "stopped by hand")
        print(f"error: {str(stop) or 'stopped by hand'}", file=sys.stderr)
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
    return score


def read_status(folder: Path) -> tuple[str | None, str | None]:
    """How a run stands: (status, error line); (None, None) where it left no status.

    Raises DataError for a broken file.
    """
    content = read_json(folder / STATUS) if (folder / STATUS).is_file() else {}
    status, error = content.get("status"), content.get("error")
    return None if status is None else str(status), None if error is None else str(error)


def _set_status(folder: Path, status: str, error: str | None = None) -> None:
    if os.environ.get("LOCAL_RANK", "0") == "0":
        write_json(folder / STATUS, {"status": status, "error": error})
