"""Sums a meta-test up: what results.json holds."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from metassl.data.task_source import MakeUp
from metassl.evaluation.evaluate import Measurements
from metassl.evaluation.intervals import Interval, gained, over_episodes
from metassl.evaluation.meta_test import CONSTANT
from metassl.learners.base import MetaLearner

WITHOUT = "_without_unlabelled"
UNTRAINED = "_untrained"


@dataclass(frozen=True)
class Protocol:
    """What the numbers of a meta-test depend on, beside the learner.

    Attributes:
        split: whose classes are tested, val or test.
        train, test: the make-up of the episodes.
        steps: outer steps of the training.
        reduced: whether the data are fewer than the data set has; they compare with no paper.
    """

    split: str
    train: MakeUp
    test: MakeUp
    steps: int
    reduced: bool


def summarise(measured: Measurements, learner: MetaLearner, protocol: Protocol) -> dict[str, Any]:
    """The content of results.json: protocol and intervals, shares such as the accuracy as 0..1.

    "score" names the score that decides; "without_unlabelled", "untrained" and "constant" are that score of
    the controls, and "gain" is what U added to it, above 0 where it helped.

    Args:
        measured: by the meta-test.
        learner: after training.
        protocol: of the training and the meta-test.
    """
    columns, outcome, test = measured.columns, measured.outcome, protocol.test
    score = outcome.score
    control = columns.get(score.name + WITHOUT)
    made = test.described()
    made.pop("label_ratio", None)  # of training alone
    return {
        "split": protocol.split,
        "outcome": outcome.name,
        "score": score.name,
        "episodes": len(columns["loss"]),
        **made,
        "make_up": test.sentence(),
        "train": protocol.train.described(),
        "at": learner.ssl.at,
        "norm": learner.backbone.norm,
        "reads_queries": learner.traits.reads_queries,
        "transductive": learner.transductive or test.transductive,
        "steps": protocol.steps,
        **{name: _plain(over_episodes(values)) for name, values in outcome.summary(columns).items()},
        "loss": float(np.mean(columns["loss"])),
        "without_unlabelled": None if control is None else _plain(over_episodes(control)),
        "gain": None if control is None else _plain(gained(score, columns[score.name], control)),
        "untrained": _plain(over_episodes(measured.baseline[score.name + UNTRAINED])),
        "constant": _plain(over_episodes(columns[CONSTANT])),
        "unlabelled_use": dict(measured.unlabelled),
        "reduced": protocol.reduced,
    }


def _plain(interval: Interval) -> dict[str, float]:
    return {"mean": interval.mean, "ci95": interval.half_width}
