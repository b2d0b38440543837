"""Validation: a small meta-test of a learner while it is trained."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from metassl.data.task_stream import TaskStream
from metassl.engine.base import Engine
from metassl.evaluation.diagnostics import diagnose, mean_values
from metassl.evaluation.features import MetaTest, embed_once
from metassl.evaluation.intervals import Interval, over_episodes
from metassl.evaluation.meta_test import meta_test
from metassl.learners.base import MetaLearner
from metassl.tasks.stage import TEST

DIAGNOSED = 40  # episodes; of each the learner adapts once more to say what became of U


@dataclass(frozen=True)
class Validation:
    """What a validation found.

    Attributes:
        scores: by name, the mean over the episodes; shares are 0..1.
        unlabelled: what became of U on the first episodes, see `diagnose`.
    """

    scores: Mapping[str, Interval]
    unlabelled: Mapping[str, float]


def validate(learner: MetaLearner, engine: Engine, stream: TaskStream) -> Validation:
    """Tests a learner, adapted as at the meta-test, on fixed episodes that end.

    Where its features are the same in every task each image is embedded once, so that many episodes are
    cheap. The learner ends in the mode in which it came.
    """
    training = learner.training
    with torch.no_grad():
        test = embed_once(MetaTest(learner, engine, stream), [TEST])
        columns = meta_test(test, {"": TEST})
        few = MetaTest(test.learner, test.engine, test.stream.first(min(DIAGNOSED, len(columns["loss"]))))
        found = [diagnose(few.learner, few.engine, batch, TEST) for batch in few.batches()]
    learner.train(training)
    outcome = stream.builder.outcome
    scores = {name: over_episodes(values) for name, values in outcome.summary(columns).items()}
    return Validation(scores, mean_values([values for part in found for values in part]))
