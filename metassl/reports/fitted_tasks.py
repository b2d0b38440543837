"""What a trained learner predicts on test tasks that are curves, as numbers to draw.

Legend: S support, U unlabelled, Q query.
"""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from omegaconf import DictConfig
from torch import Tensor

from metassl.data.builder import PLAIN, EpisodeBuilder
from metassl.errors import UserError
from metassl.evaluation.features import MetaTest
from metassl.evaluation.meta_test import query_measures
from metassl.learners.base import MetaLearner
from metassl.outcomes.base import Units, in_own_units
from metassl.outcomes.regression import Regression
from metassl.outcomes.scores import Score
from metassl.tasks.episode import Episode
from metassl.tasks.spec import TaskSpec
from metassl.tasks.stage import CONTROL, TEST, Stage
from metassl.trained.build import build_learner
from metassl.training.build import build_engine, build_source, build_task_spec, build_test_stream
from metassl.training.checkpoints import tested_checkpoint
from metassl.training.weights import load_weights


@dataclass(frozen=True)
class FittedTask:
    """A test task and what was predicted on it, in the labels' own units.

    Attributes:
        support: [S, 2] x and value of the labelled points.
        unlabelled: [U] x of the unlabelled points; none where the learner asks for none.
        queries: [Q, 2] x, ascending, and value.
        predictions: name of a prediction -> [Q] values at the queries.
        scores: name of a prediction -> what it scores on the queries.
    """

    support: np.ndarray
    unlabelled: np.ndarray
    queries: np.ndarray
    predictions: Mapping[str, np.ndarray]
    scores: Mapping[str, float]


def fitted_tasks(config: DictConfig, folder: Path, count: int) -> tuple[Score, list[FittedTask]]:
    """The score that decides, and the first test tasks of a run with what its learner makes of them.

    With U and, where the learner asks for U, without, exactly as the meta-test does. Raises UserError for
    tasks that can't be drawn.

    Args:
        config: of the run.
        folder: of the run; has the checkpoint.
        count: how many tasks.
    """
    source = build_source(config)
    task = build_task_spec(config, source)
    _refuse_what_is_no_curve(task, folder)
    learner = build_learner(config, task)
    load_weights(learner, tested_checkpoint(config, folder))
    stream = build_test_stream(config, source, learner.eval(), count)
    test = MetaTest(learner, build_engine(config, learner), stream)
    tasks, score = stream.builder(range(count)).episodes, task.outcome.score
    with torch.no_grad():
        outputs = {name: test.query_logits(tasks, stage) for name, stage in _stages(learner).items()}
    scores = {name: query_measures(found, tasks)[score.name] for name, found in outputs.items()}
    points = _unlabelled(stream.builder, count) if len(tasks.unlabelled) else [np.empty(0)] * count
    return score, [
        _fitted(
            tasks.task(t),
            points[t],
            {name: found[t] for name, found in outputs.items()},
            {name: float(found[t]) for name, found in scores.items()},
        )
        for t in range(count)
    ]


def _refuse_what_is_no_curve(task: TaskSpec, folder: Path) -> None:
    if not isinstance(task.outcome, Regression):
        raise UserError(
            f"run={folder}: found tasks that ask for {task.outcome.asks}; fits are drawn of tasks that ask "
            f"for {Regression.asks}, as those of dataset=curves."
        )
    if task.input_shape != (1,) or task.outputs != 1:
        raise UserError(
            f"run={folder}: found inputs of shape {task.input_shape} with {task.outputs} values; fits are "
            "drawn of inputs of one number with one value."
        )


def _stages(learner: MetaLearner) -> dict[str, Stage]:
    """The predictions: of a learner that asks for no U there is one."""
    uses = bool(learner.ssl.inner_views(training=False))
    return {"with U": TEST, "without U": CONTROL} if uses else {"prediction": TEST}


def _unlabelled(builder: EpisodeBuilder, count: int) -> list[np.ndarray]:
    """[U] x of the unlabelled points of each task, as they are, whatever view of them the learner has."""
    plain = copy(builder)
    plain.inner = {PLAIN: None}
    found = plain(range(count)).episodes.unlabelled
    return [x[w > 0, 0].numpy() for x, w in zip(found.views[PLAIN], found.weight, strict=True)]


def _fitted(
    task: Episode, unlabelled: np.ndarray, outputs: Mapping[str, Tensor], scores: Mapping[str, float]
) -> FittedTask:
    queries = _points(task.query_x, task.query_y, task.query_weight, task.units)
    order = np.argsort(queries[:, 0])
    kept = task.query_weight > 0
    values = {name: in_own_units(found, task.units)[kept, 0].numpy() for name, found in outputs.items()}
    return FittedTask(
        _points(task.support_x, task.support_y, task.support_weight, task.units),
        unlabelled,
        queries[order],
        {name: found[order] for name, found in values.items()},
        scores,
    )


def _points(x: Tensor, y: Tensor, weight: Tensor, units: Units) -> np.ndarray:
    """[n, 2] x and value of the points that are no padding."""
    return torch.cat((x, in_own_units(y, units)), dim=-1)[weight > 0].numpy()
