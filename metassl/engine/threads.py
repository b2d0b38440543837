"""Tasks side by side in one-threaded workers: for the small kernels of a CPU run."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from metassl.engine.base import Engine, Loss
from metassl.engine.loop import Loop
from metassl.engine.vmap import Vmap
from metassl.learners.base import MetaLearner
from metassl.schema.ranges import Count
from metassl.tasks.episode import Episode

T = TypeVar("T")


class Threads:
    """Runs tasks side by side in one-threaded workers.

    Worker w takes the tasks w, w + W, ...; partial sums are added in the workers' order.

    Within a convolution of a few small images two threads gain next to nothing; two tasks at once do.
    Every worker has its own copy of the learner's modules, since putting θ and φ in place changes them; all
    tensors are those of the learner.

    Args:
        workers: W; None for as many as torch has threads.
        chunk: tasks that a worker takes at once, by vmap. With many small kernels 8 pay: threads share
            Python's lock, and a chunk takes it as often as a single task.
    """

    allows_buffers = False

    def __init__(self, workers: Count | None = None, chunk: Count = 1) -> None:
        self.workers = workers or torch.get_num_threads()
        self.within: Engine = Loop() if chunk == 1 else Vmap(chunk)
        self._pool = ThreadPoolExecutor(self.workers, "tasks", torch.set_num_threads, (1,))
        self._copies: WeakKeyDictionary[MetaLearner, list[MetaLearner]] = WeakKeyDictionary()

    def gradients(self, learner: MetaLearner, loss: Loss, tasks: Episode) -> tuple[dict[str, Tensor], Any]:
        """See Engine."""

        def part(copy: MetaLearner, own: Episode) -> tuple[dict[str, Tensor], Any]:
            found = self.within.gradients(copy, loss, own)
            return tree_map(lambda x: x * (own.count / tasks.count), found)

        parts = self._run(learner, part, tasks)
        return tree_map(lambda *values: sum(values[1:], values[0]), *parts)

    def map(
        self, learner: MetaLearner, function: Callable[[MetaLearner, Episode], Any], tasks: Episode
    ) -> Any:
        """See Engine."""
        parts = self._run(learner, lambda copy, own: self.within.map(copy, function, own), tasks)
        order = torch.cat([torch.arange(w, tasks.count, self.workers) for w in range(len(parts))]).argsort()
        return tree_map(lambda *found: torch.cat(found)[order.to(found[0].device)], *parts)

    def _run(
        self, learner: MetaLearner, function: Callable[[MetaLearner, Episode], T], tasks: Episode
    ) -> list[T]:
        """The function's results on every worker's tasks, in the workers' order."""
        if learner not in self._copies:
            self._copies[learner] = [_shell(learner) for _ in range(self.workers)]
        copies = [_like(copy, learner) for copy in self._copies[learner]]
        context, theta = _modes(), learner.theta()

        def work(w: int) -> T:
            with context(), copies[w].placed(theta):
                return function(copies[w], tree_map(lambda x: x[w :: self.workers], tasks))

        return list(self._pool.map(work, range(min(self.workers, tasks.count))))


def _shell(learner: MetaLearner) -> MetaLearner:
    """A copy of the modules that shares every parameter and buffer."""
    return deepcopy(learner, {id(x): x for x in (*learner.parameters(), *learner.buffers())})


def _like(copy: MetaLearner, learner: MetaLearner) -> MetaLearner:
    """The copy in the learner's mode, with its buffers as they are now (shared, not copied)."""
    for module, source in zip(copy.modules(), learner.modules(), strict=True):
        module._buffers = dict(source._buffers)  # a dict of its own: φ may be laid over a buffer
    return copy.train(learner.training)


def _modes() -> Callable[[], Any]:
    """A context with the gradient, inference and autocast modes of this thread, to enter in another."""
    inference, gradient = torch.is_inference_mode_enabled(), torch.is_grad_enabled()
    kinds = [k for k in ("cpu", "cuda") if torch.is_autocast_enabled(k)]

    @contextmanager
    def entered() -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(torch.inference_mode(inference))
            stack.enter_context(torch.set_grad_enabled(gradient))
            for kind in kinds:
                stack.enter_context(torch.autocast(kind, torch.get_autocast_dtype(kind)))
            yield

    return entered
