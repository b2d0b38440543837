"""How a learner's tasks run in a notebook: the engine, the mode, and one line where they don't fit it."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

import torch
from torch.utils._pytree import tree_map

from metassl.errors import ConfigError
from metassl.learners.base import MetaLearner
from metassl.tasks.episode import Episode
from metassl.tasks.stage import TEST, Stage


def engine_name(learner: MetaLearner) -> str:
    """The engine that a learner runs on by default: the command's, or one task after the other where moving
    averages follow them."""
    return "loop" if learner.one_by_one else "threads"


@contextmanager
def evaluating(learner: MetaLearner) -> Iterator[None]:
    """Within it the learner is in evaluation mode and no graph is kept; then its mode is what it was."""
    training = learner.training
    learner.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        learner.train(training)


@contextmanager
def fitting(task: Episode) -> Iterator[None]:
    """Within it torch's complaint about a task that a learner was not built for becomes one line."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, IndexError) as error:
        shape, reason = tuple(task.support_x.shape[1:]), str(error).strip().splitlines()[0]
        asked = f"tasks of {task.outputs} {task.outcome.asks} with inputs of shape {shape}"
        raise ConfigError(
            f"learner: it can't take {asked} ({reason}). Build it with task=episodes.task of such episodes."
        ) from error


def query_logits(learner: MetaLearner, task: Episode, stage: Stage = TEST) -> torch.Tensor:
    """[Q, N] logits of a task's queries, on the learner's device.

    Raises:
        ConfigError: a task that the learner was not built for.
    """
    device = next(chain(learner.parameters(), learner.buffers())).device
    with evaluating(learner), fitting(task):
        return learner.query_logits(tree_map(lambda x: x.to(device), task), stage)
