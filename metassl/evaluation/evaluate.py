"""The meta-test of a learner with its two controls: without U, and without meta-training."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch

from metassl.evaluation.diagnostics import diagnose, mean_values
from metassl.evaluation.features import MetaTest, embed_once
from metassl.evaluation.meta_test import CONSTANT, Columns, meta_test
from metassl.learners.base import MetaLearner
from metassl.outcomes.base import Outcome
from metassl.outcomes.classification import CLASSES
from metassl.tasks.stage import CONTROL, TEST


@dataclass(frozen=True)
class Measurements:
    """What a meta-test measured.

    Attributes:
        columns: values of every test episode.
        baseline: the same of the network without meta-training, on the first of these episodes.
        unlabelled: what became of U on these first episodes, see `diagnose`.
        outcome: what the tasks ask for.
    """

    columns: Columns
    baseline: Columns
    unlabelled: Mapping[str, float]
    outcome: Outcome = CLASSES


def evaluate(test: MetaTest, untrained: MetaLearner, baseline_episodes: int) -> Measurements:
    """Tests a trained learner and its two controls on the same episodes.

    The control without U adapts with the same number of steps, or a gain would be a sham.

    Args:
        test: the trained learner, how its tasks run, and the episodes.
        untrained: has the initial weights of the same seed and adapts like the trained one.
        baseline_episodes: how many of the episodes the untrained one is tested on.
    """
    stream, learner = test.stream, test.learner
    uses = bool(learner.ssl.inner_views(training=False))
    variants = {"": TEST, "_without_unlabelled": CONTROL} if uses else {"": TEST}
    fast = embed_once(test, variants.values())
    columns = meta_test(fast, variants, "meta-test")
    fast = replace(fast, stream=fast.stream.first(baseline_episodes))
    with torch.no_grad():
        found = [diagnose(fast.learner, fast.engine, batch, TEST) for batch in fast.batches()]
    unlabelled = mean_values([values for part in found for values in part])
    untrained.to(next(learner.parameters()).device)
    control = MetaTest(untrained, test.engine, stream.first(baseline_episodes))
    baseline = meta_test(control, {"_untrained": TEST}, "without meta-training")
    del baseline[CONSTANT]  # which is in the columns of all episodes
    return Measurements(columns, baseline, unlabelled, stream.builder.outcome)
