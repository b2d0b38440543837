"""Tasks side by side in one-threaded workers, with the norms' kernels compiled for this machine."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from metassl.engine.threads import Threads
from metassl.learners.base import MetaLearner
from metassl.norms.kernels import load
from metassl.norms.pooled import in_cpp
from metassl.schema.ranges import Count
from metassl.tasks.episode import Episode

T = TypeVar("T")


class Compiled(Threads):
    """Runs tasks in one-threaded workers, where norm and pooling are C++ that this machine's compiler built.

    The kernels (metassl/norms/pooled.cpp) take norm, pooling and their first and second derivatives in one or
    two passes over a map, and their derivatives need no Python. The first use on a machine builds them; the
    result is kept. Where they don't apply (other norms, another device, functional transforms as iMAML's)
    PyTorch's operations run as ever. Gradients of a third order they refuse.

    Args:
        cache: folder where the built kernels are kept.
        workers: see Threads.
    """

    def __init__(self, cache: str | Path, workers: Count | None = None) -> None:
        super().__init__(workers)
        self.cache = Path(cache)

    def _run(
        self, learner: MetaLearner, function: Callable[[MetaLearner, Episode], T], tasks: Episode
    ) -> list[T]:
        """See Threads."""
        load(self.cache)

        def compiled(copy: MetaLearner, own: Episode) -> T:
            with in_cpp():
                return function(copy, own)

        return super()._run(learner, compiled, tasks)
