"""All queries of the test tasks that are asked, and how right each task is.

Legend: T tasks, N way, Q query.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from metassl.data.class_tasks import ClassTasks
from metassl.data.mixture.tasks import MixtureTasks
from metassl.data.task_source import TaskSource
from metassl.evaluation.features import MetaTest
from metassl.tasks.episode import Episode, TaskBatch
from metassl.tasks.stage import CONTROL, TEST

Array = NDArray[Any]
OWN, DEPRIVED = "own score", "score without U"  # no finding is called so


@dataclass(frozen=True)
class Asked:
    """All queries of all tasks that were asked.

    Attributes:
        sure: [n] the probability of the answer.
        right: [n] whether it is the truth.
        confused: (true class, answer) -> how often, of wrong answers.
        asked: class -> how often it was the truth.
        worst: the surest wrong answers: input, true class, answer, probability.
        scores: [T] the share of right answers of each task.
        deprived: [T] the same of the learner without U; None where it makes nothing of U.
        findings: name -> [T] what the learner finds of each task, see MetaLearner.findings.
    """

    sure: Array
    right: Array
    confused: Counter[tuple[str, str]]
    asked: Counter[str]
    worst: Sequence[tuple[Array, str, str, float]]
    scores: Array
    deprived: Array | None
    findings: Mapping[str, Array]


def ask(test: MetaTest, source: TaskSource, temperature: float) -> Asked:
    """Asks all tasks of a test, with logits divided by a temperature."""
    sure, right = [], []
    confused: Counter[tuple[str, str]] = Counter()
    asked: Counter[str] = Counter()
    wrong: list[tuple[Array, str, str, float]] = []
    uses, of_tasks = bool(test.learner.ssl.inner_views(training=False)), defaultdict[str, list[Tensor]](list)
    for batch in test.stream:
        p = probabilities(test.query_logits(batch.episodes, TEST), temperature)
        of_tasks[OWN].append(_right(p, batch.episodes))
        if uses:
            of_tasks[DEPRIVED].append(_right(test.query_logits(batch.episodes, CONTROL), batch.episodes))
        for name, values in test.findings(batch.episodes, TEST).items():
            of_tasks[name].append(values)
        for t in range(batch.episodes.count):
            task, names = batch.episodes.task(t), names_of(source, batch, t)
            kept = torch.nonzero(task.query_weight > 0).flatten().tolist()
            most, found = p[t].max(-1)
            for k in kept:
                truth, answer = names[int(task.query_y[k])], names[int(found[k])]
                asked[truth] += 1
                if truth != answer:
                    confused[truth, answer] += 1
                    wrong.append((task.query_x[k].numpy(), truth, answer, float(most[k])))
            sure += [float(most[k]) for k in kept]
            right += [bool(found[k] == task.query_y[k]) for k in kept]
    worst = sorted(wrong, key=lambda each: -each[3])
    columns = {name: torch.cat(values).double().cpu().numpy() for name, values in of_tasks.items()}
    scores, deprived = columns.pop(OWN), columns.pop(DEPRIVED, None)
    return Asked(np.array(sure), np.array(right), confused, asked, worst, scores, deprived, columns)


def _right(outputs: Tensor, tasks: Episode) -> Tensor:
    """[T] the share of right answers among the queries of each task."""
    asked = tasks.query_weight > 0
    return ((outputs.argmax(-1) == tasks.query_y) & asked).sum(-1) / asked.sum(-1)


def probabilities(logits: Tensor, temperature: float) -> Tensor:
    """Of logits that are divided by a temperature."""
    return (logits / temperature).softmax(-1).cpu()


def names_of(source: TaskSource, batch: TaskBatch, t: int) -> list[str]:
    """Of the classes of task t: those of the data set, or their numbers."""
    ids = batch.oracle.class_ids[t].tolist()
    if isinstance(source, ClassTasks | MixtureTasks):
        return [str(source.contents.class_names[k]) for k in ids]
    return [f"class {place}" for place in range(len(ids))]
