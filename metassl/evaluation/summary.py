"""Sums a meta-test up: what results.json holds."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from metassl.data.task_source import MakeUp
from metassl.evaluation.evaluate import DEPRIVED, TWIN, UNBALANCED, UNTRAINED, Measurements
from metassl.evaluation.intervals import Interval, gained, over_episodes
from metassl.evaluation.meta_test import CONSTANT, Columns
from metassl.learners.base import MetaLearner
from metassl.outcomes.base import Score


@dataclass(frozen=True)
class Protocol:
    """What the numbers of a meta-test depend on, beside the learner.

    Attributes:
        split: whose classes are tested, val or test.
        train, test: the make-up of the episodes.
        steps: outer steps of the training.
        reduced: whether the data are fewer than the data set has; they compare with no paper.
        imbalance: how many times more of the largest class than of the smallest unbalanced U has.
    """

    split: str
    train: MakeUp
    test: MakeUp
    steps: int
    reduced: bool
    imbalance: float = 1.0


def summarise(measured: Measurements, learner: MetaLearner, protocol: Protocol) -> dict[str, Any]:
    """The content of results.json: protocol and intervals, shares such as the accuracy as 0..1.

    "score" names the score that decides. "twin" is that score of the same training without U, and "gain" what
    U added to it, paired by episode, above 0 where it helped; "unbalanced" has both for unbalanced U.
    "deprived", "untrained" and "constant" are that score of the controls, and "over_untrained" what the
    training added to the second, paired, on the episodes of the controls. Who tests classes adds
    "calibration", see metassl.evaluation.calibration.

    Args:
        measured: by the meta-test.
        learner: after training.
        protocol: of the training and the meta-test.
    """
    columns, outcome, test = measured.columns, measured.outcome, protocol.test
    score = outcome.score
    twin, few = columns.get(score.name + TWIN), measured.few
    untrained = few[score.name + UNTRAINED]
    deprived = few.get(score.name + DEPRIVED)
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
        "twin": None if twin is None else _plain(over_episodes(twin)),
        "gain": None if twin is None else _plain(gained(score, columns[score.name], twin)),
        "unbalanced": _unbalanced(columns, score, protocol.imbalance),
        "deprived": None if deprived is None else _plain(over_episodes(deprived)),
        "untrained": _plain(over_episodes(untrained)),
        "over_untrained": _plain(gained(score, columns[score.name][: len(untrained)], untrained)),
        "constant": _plain(over_episodes(columns[CONSTANT])),
        "unlabelled_use": dict(measured.unlabelled),
        "findings": _means(measured.findings),
        "reduced": protocol.reduced,
    }


def _means(columns: Columns) -> dict[str, float]:
    """The mean of each column that is finite everywhere: a distance to nothing is infinite."""
    return {name: float(np.mean(v)) for name, v in columns.items() if np.isfinite(v).all()}


def _unbalanced(columns: Columns, score: Score, imbalance: float) -> dict[str, Any] | None:
    """The score where U is unbalanced and its gain over the twin, None where it was not tested."""
    found, twin = columns.get(score.name + UNBALANCED), columns.get(score.name + TWIN)
    if found is None:
        return None
    gain = None if twin is None else _plain(gained(score, found, twin))
    return {"imbalance": imbalance, score.name: _plain(over_episodes(found)), "gain": gain}


def _plain(interval: Interval) -> dict[str, float]:
    return {"mean": interval.mean, "ci95": interval.half_width}
