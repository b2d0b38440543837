"""Work as a job of Slurm is sent it, and as it does it."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, NamedTuple

from metassl.experiments.kept import Kept
from metassl.experiments.launchers.base import P, R, Work
from metassl.experiments.launchers.process import tried


class Piece(NamedTuple):
    """Work as it is sent."""

    work: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Pieces:
    """What one job does: pieces of work, one after the other.

    Args:
        pieces: of it.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = list(pieces)
        self.found: list[tuple[bool, Any]] = []

    def __call__(self) -> list[tuple[bool, Any]]:
        """(True, what a piece returned) or (False, the error that it raised), for each."""
        kept = Kept()
        while len(self.found) < len(self.pieces):
            self.found.append(tried(kept, *self.pieces[len(self.found)]))
        return self.found

    def checkpoint(self) -> Any:
        """What submitit queues again when the job's time is over: what is left of it."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


class JobsInThisProcess:
    """Does each piece of work when it is handed in, in this process: a debugger stops where it should."""

    def submit(self, work: Work[P, R], *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        """See `Workers`."""
        future: Future[R] = Future()
        ((well, value),) = Pieces([Piece(work, args, kwargs)])()
        future.set_result(value) if well else future.set_exception(value)
        return future

    def __enter__(self) -> "JobsInThisProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is left to be done."""
