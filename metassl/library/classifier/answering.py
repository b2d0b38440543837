"""A learner that has adapted to one task, and is asked about rows one by one.

Legend: n rows, N classes, S support, U unlabelled.
"""

import warnings
from copy import deepcopy
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._pytree import tree_map

from metassl.errors import ConfigError
from metassl.learners.adapted import Adapted, Anchor
from metassl.learners.base import MetaLearner
from metassl.library.running import evaluating, fitting
from metassl.library.tasks import Task
from metassl.norms.base import Pass
from metassl.tasks.episode import Episode
from metassl.tasks.stage import TEST

BATCH = 256  # rows that are asked about at once
OF_QUERIES = ("query_x", "query_y", "query_weight")


class Answering:
    """Answers rows of one task; no row has an influence on the answer for another.

    Where a norm takes statistics of its batch, these are of S ∪ U, and the rows that are asked have weight 0
    in them. Where a head looks at all queries together, each row is asked about alone. The learner is a
    copy, which nobody else changes; what adaptation makes of the task is kept, but not pickled.

    Args:
        learner: of any kind but an oracle.
        task: with S and U.
        temperature: that its logits are divided by; where they are none of a softmax, 1.

    Raises:
        ConfigError: the learner wasn't built for such a task.
    """

    def __init__(self, learner: MetaLearner, task: Task, temperature: float = 1.0) -> None:
        if learner.traits.reads_queries:
            raise ConfigError("model: found an oracle that reads the labels of queries; new rows have none.")
        self.learner, self.task, self.temperature = deepcopy(learner).eval(), task, temperature
        self.adapted: Adapted | None = None
        self.adapt()

    def __getstate__(self) -> dict[str, Any]:
        """Without what adaptation has made: it is made again."""
        return {**self.__dict__, "adapted": None}

    def adapt(self) -> Adapted:
        """φ of the task, which is made once."""
        if self.adapted is None:
            episode = self._episode()
            with evaluating(self.learner), fitting(episode):
                self.adapted = self.learner.adapt(episode, TEST)
        return self.adapted

    def __call__(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """[n, N] probabilities of rows in the form of the task's; nan where the learner has no answer."""
        adapted, beside = self.adapt(), self._beside()
        episode = self._episode(np.concatenate((beside, x)))
        known, asked = episode.query_x[: len(beside)], episode.query_x[len(beside) :]
        with evaluating(self.learner), fitting(episode):
            if self.learner.traits.transductive:
                logits = [self._alone(episode, row) for row in range(len(asked))]
            else:
                logits = [self._logits(adapted, known, part) for part in asked.split(BATCH)]
        answers = self.task.outcome.predictions(torch.cat(logits) / self.temperature)[:, : self.task.outputs]
        found: NDArray[np.float32] = answers.float().cpu().numpy()
        return found

    def features(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """[n, D] what the backbone makes of rows, by θ; statistics, where a norm takes any, are of S ∪ U."""
        beside = self._beside()
        episode = self._episode(np.concatenate((beside, x)))
        anchor = Anchor(episode.support_x, episode.support_weight)
        asked = episode.query_x
        weight = (torch.arange(len(asked), device=asked.device) < len(beside)).to(asked.dtype)
        with evaluating(self.learner), fitting(episode):
            if len(beside):
                found = self.learner.embed(asked, anchor, Pass(rows=weight))[len(beside) :]
            else:
                found = torch.cat([self.learner.embed(part, anchor) for part in asked.split(BATCH)])
        features: NDArray[np.float32] = found.float().cpu().numpy()
        return features

    def _logits(self, adapted: Adapted, known: Tensor, asked: Tensor) -> Tensor:
        if not len(known):
            return self.learner.predict(adapted, asked)
        weight = torch.cat((torch.ones(len(known)), torch.zeros(len(asked)))).to(asked.device)
        return self.learner.predict(adapted, torch.cat((known, asked)), weight)[len(known) :]

    def _alone(self, episode: Episode, row: int) -> Tensor:
        """The answer for one row as the only query."""
        parts = {name: getattr(episode, name)[row : row + 1] for name in OF_QUERIES}
        return self.learner.query_logits(replace(episode, **parts), TEST)

    def _beside(self) -> NDArray[Any]:
        """The rows beside those that are asked: S ∪ U, or none where each is answered by itself."""
        if self.learner.transductive and not self.learner.traits.transductive:
            return np.concatenate((self.task.support, self.task.unlabelled))
        return self.task.support[:0]

    def _episode(self, x: NDArray[Any] | None = None) -> Episode:
        own = chain(self.learner.parameters(), self.learner.buffers())
        device = next(own, torch.zeros(0)).device
        episode: Episode = tree_map(lambda part: part.to(device), self.task.episode(self.learner, x))
        return episode


def of_all(answers: NDArray[np.float32]) -> NDArray[np.float32]:
    """[n, N] probabilities that sum to 1: equal ones, with a warning, where there is no answer."""
    total = answers.sum(1, keepdims=True)  # a head may have an answer for what is of no class
    known = np.isfinite(total) & (total > 0) & (np.ptp(answers, axis=1, keepdims=True) > 0)
    if not known.all():
        warnings.warn(
            f"X: found {int((~known).sum())} of {len(known)} rows for which the model has no answer, such as "
            "those that are connected to no labelled one; all classes are given as equally probable.",
            UserWarning,
            stacklevel=3,
        )
    found: NDArray[np.float32] = np.where(known, answers, 1) / np.where(known, total, answers.shape[1])
    return found
