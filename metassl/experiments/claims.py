"""One process at a time works in a folder, wherever it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from metassl.errors import UserError

LOCKS = ".locks"  # in a sweep's folder


class RunTaken(UserError):
    """Another process works on a run: a sweep that was typed twice, or a job that a killed one has left."""


@contextmanager
def claimed(sweep: Path, name: str) -> Iterator[None]:
    """Within it the run of this name is this process's. Raises RunTaken where it is another one's.

    The system gives it back where the process dies.
    """
    place = sweep / LOCKS / f"{name.replace('/', '__')}.lock"
    place.parent.mkdir(parents=True, exist_ok=True)
    with held(place, RunTaken(f"{sweep / name}: another process is at work on this run.")):
        yield


@contextmanager
def held(place: Path, taken: UserError) -> Iterator[None]:
    """Holds a lock within it, without waiting for it: raises `taken` where another process has it."""
    lock = FileLock(place)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise taken from None
    try:
        yield
    finally:
        lock.release()
