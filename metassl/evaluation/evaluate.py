"""The meta-test of a learner with its two controls: without U, and without meta-training."""

from dataclasses import replace
from typing import Any

import torch
from omegaconf import DictConfig

from metassl.data.pool import Contents
from metassl.engine.base import Engine
from metassl.evaluation.diagnostics import diagnose, mean_values
from metassl.evaluation.features import MetaTest, embed_once
from metassl.evaluation.meta_test import Columns, meta_test
from metassl.evaluation.results import summarise
from metassl.learners.base import MetaLearner
from metassl.tasks.stage import CONTROL, TEST
from metassl.training.build import build_learner, build_task_spec, build_test_stream


def evaluate(
    config: DictConfig, learner: MetaLearner, engine: Engine, contents: Contents
) -> tuple[dict[str, Any], Columns]:
    """Summary and per-episode values of a trained learner.

    The control without U adapts with the same number of steps, or a gain would be a sham. The network
    without meta-training has the initial weights of the same seed and adapts like the trained one.
    """
    uses = bool(learner.ssl.inner_views(training=False))
    variants = {"": TEST, "_without_unlabelled": CONTROL} if uses else {"": TEST}
    stream = build_test_stream(config, contents, learner, config.evaluation.episodes)
    test = embed_once(MetaTest(learner, engine, stream), variants.values())
    columns = meta_test(test, variants, "meta-test")
    few = min(config.evaluation.episodes, config.evaluation.baseline_episodes)
    test = replace(test, stream=test.stream.first(few))
    with torch.no_grad():
        found = [diagnose(test.learner, test.engine, batch, TEST) for batch in test.batches()]
    unlabelled = mean_values([values for part in found for values in part])

    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        untrained = build_learner(config, build_task_spec(config, contents))
    untrained.to(next(learner.parameters()).device)
    test = MetaTest(untrained, engine, stream.first(few))
    baseline = meta_test(test, {"_untrained": TEST}, "without meta-training")
    results = summarise(config, learner, columns, baseline, unlabelled)
    results["reduced"] = bool(contents.meta.get("reduced", False))  # data that compare with no paper
    return results, {**columns, **baseline}
