"""One progress bar for all sources: silent where nobody watches."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
_wanted = ContextVar("progress_wanted", default=True)


@contextmanager
def progress_shown(wanted: bool) -> Iterator[None]:
    """Within this block `track` draws bars only if `wanted`."""
    token = _wanted.set(wanted)
    try:
        yield
    finally:
        _wanted.reset(token)


def track(steps: Iterable[T], what: str, total: int | None = None) -> Iterable[T]:
    """`steps` under a bar titled `what`, which is drawn only where stderr is a terminal."""
    return tqdm(steps, desc=what, total=total, leave=False, disable=None if _wanted.get() else True)
