"""Learners that read their task by a set encoder, told that it is another task.

Legend: E numbers of a task embedding.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from metassl.learners.amortised.set_encoder import SetEncoding
from metassl.tasks.episode import Episode
from metassl.tasks.stage import TEST, Stage


class Heard(Exception):
    """Ends an adaptation with what its encoder made of the task."""

    def __init__(self, embedding: Tensor) -> None:
        super().__init__()
        self.embedding = embedding


def embedding_of(learner: Any, task: Episode, stage: Stage = TEST) -> Tensor:
    """[E] what the learner's set encoder makes of a task."""

    def listen(_: Any, __: Any, encoding: SetEncoding) -> None:
        raise Heard(encoding.task)

    handle = learner.encoder.register_forward_hook(listen)
    try:
        learner.adapt(task, stage)
    except Heard as heard:  # what follows of adaptation is nothing to the embedding
        return heard.embedding
    finally:
        handle.remove()
    raise AssertionError("the learner adapts without its encoder")


@contextmanager
def told(learner: Any, embedding: Tensor) -> Iterator[None]:
    """Within it every task is met with this embedding; what it says of its single classes stays its own."""
    handle = learner.encoder.register_forward_hook(lambda _, __, own: own._replace(task=embedding))
    try:
        yield
    finally:
        handle.remove()
