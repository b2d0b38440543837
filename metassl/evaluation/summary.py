"""Sums a meta-test up: what results.json holds."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from metassl.data.spec import EpisodeSpec, Range
from metassl.evaluation.evaluate import Measurements
from metassl.evaluation.intervals import Interval, over_episodes, paired
from metassl.learners.base import MetaLearner

CONTROL = "accuracy_without_unlabelled"


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
    train: EpisodeSpec
    test: EpisodeSpec
    steps: int
    reduced: bool


def summarise(measured: Measurements, learner: MetaLearner, protocol: Protocol) -> dict[str, Any]:
    """The content of results.json: protocol and intervals, accuracies as shares 0..1.

    Args:
        measured: by the meta-test.
        learner: after training.
        protocol: of the training and the meta-test.
    """
    columns, train, test = measured.columns, protocol.train, protocol.test
    control = columns.get(CONTROL)
    return {
        "split": protocol.split,
        "episodes": len(columns["accuracy"]),
        **_make_up(test),
        "train": {**_make_up(train), "label_ratio": train.label_ratio},
        "at": learner.ssl.at,
        "norm": learner.backbone.norm,
        "reads_queries": learner.traits.reads_queries,
        "transductive": learner.transductive or test.transductive,
        "steps": protocol.steps,
        "accuracy": _plain(over_episodes(columns["accuracy"])),
        "loss": float(np.mean(columns["loss"])),
        "without_unlabelled": None if control is None else _plain(over_episodes(control)),
        "gain": None if control is None else _plain(paired(columns["accuracy"], control)),
        "untrained": _plain(over_episodes(measured.baseline["accuracy_untrained"])),
        "unlabelled_use": dict(measured.unlabelled),
        "reduced": protocol.reduced,
    }


def _make_up(spec: EpisodeSpec) -> dict[str, Any]:
    """An episode's make-up, by the names of the config."""
    return {
        "way": _number_or_span(spec.way),
        "shot": _number_or_span(spec.shot),
        "queries": spec.queries,
        "unlabelled": "queries" if spec.transductive else spec.unlabelled,
        "distractors": spec.distractors,
        "distractor_unlabelled": spec.distractor_unlabelled,
        "imbalance": spec.imbalance,
        "class_aware": spec.class_aware,
    }


def _number_or_span(span: Range) -> int | list[int]:
    return span.low if span.fixed else [span.low, span.high]


def _plain(interval: Interval) -> dict[str, float]:
    return {"mean": interval.mean, "ci95": interval.half_width}
