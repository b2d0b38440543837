"""Tells the machine's limits from defects of the program: the first are the user's to mend, in one line."""

import errno
from pathlib import Path

from metassl.errors import DataError, UserError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)
# what torch says, on a CPU and on a GPU, in errors that are of no class of their own
OUT_OF_MEMORY = (
    "can't allocate memory", "not enough memory", "out of memory", "Storage size calculation overflowed",
)  # fmt: skip


def explained(error: Exception, folder: Path | None = None) -> UserError | None:
    """The line for a full disk, a folder that can't be written, or too little memory; None for all else.

    Args:
        error: what ended the run.
        folder: of the run, where there is one.
    """
    if isinstance(error, MemoryError) or any(words in str(error) for words in OUT_OF_MEMORY):
        return UserError(
            f"out of memory ({_first_line(error)}). Smaller values of trainer.tasks, evaluation.tasks, the "
            "episode's numbers or the backbone need less."
        )
    if isinstance(error, OSError) and error.errno in (*FULL, *REFUSED):
        where = _place(error, folder)
        advice = "Make room" if error.errno in FULL else "Make it writable"
        return DataError(f"{where}: can't be written ({error.strerror}). {advice}, or give another folder.")
    return None


def _place(error: OSError, folder: Path | None) -> Path | str:
    """The file, if it is one of the folder: others are temporary ones of libraries."""
    named = [Path(name) for name in (error.filename2, error.filename) if isinstance(name, str)]
    if folder is None:
        return named[0] if named else "a file"
    return next((path for path in named if path.is_relative_to(folder)), folder)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
