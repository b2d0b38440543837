"""The meta-test that ends a run, and the same again with the weights of a checkpoint."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from metassl.data.task_source import TaskSource
from metassl.data.task_stream import TaskStream
from metassl.engine.base import Engine
from metassl.evaluation.calibration import calibration
from metassl.evaluation.evaluate import TWIN, Contenders, evaluate, scored
from metassl.evaluation.features import MetaTest
from metassl.evaluation.meta_test import Columns
from metassl.evaluation.results import results_text, write_results
from metassl.evaluation.summary import Protocol, summarise
from metassl.files import write_json
from metassl.learners.base import MetaLearner
from metassl.outcomes.classification import Classification
from metassl.provenance import provenance
from metassl.runs.config import load_config
from metassl.runs.file_names import ABOUT, CONFIG
from metassl.schema.check import check_config
from metassl.trained.build import build_learner
from metassl.training.build import (
    build_engine,
    build_episodes,
    build_make_ups,
    build_source,
    build_task_spec,
    build_test_stream,
)
from metassl.training.checkpoints import tested_checkpoint, twin_checkpoint
from metassl.training.process import settle_process
from metassl.training.twin import is_twin, twin_config
from metassl.training.twin_tests import TwinTests
from metassl.training.weights import load_weights


def final_test(
    config: DictConfig,
    learner: MetaLearner,
    engine: Engine,
    source: TaskSource,
    twin: Path | None,
    twins: TwinTests | None = None,
) -> tuple[dict[str, Any], Columns]:
    """Summary and per-episode values of a trained learner, tested as its config says.

    Args:
        config: of the test.
        learner: trained.
        engine: how its tasks run.
        source: where they come from.
        twin: the weights of the same training without U, None for none.
        twins: tests of such weights, which other runs have done and may use.
    """
    evaluation, twins = config.evaluation, twins or TwinTests()
    few = min(evaluation.episodes, evaluation.baseline_episodes)

    def test(config: DictConfig, learner: MetaLearner) -> MetaTest:
        learner.to(device)
        return MetaTest(learner, engine, build_test_stream(config, source, learner, evaluation.episodes))

    def of_twin(weights: Path) -> Columns:
        return scored(test(config, _twin(config, source, weights)), TWIN)

    device = next(learner.parameters()).device
    unbalanced = unbalanced_config(config) if learner.ssl.inner_views(training=False) else None
    others = Contenders(
        untrained=test(config, _untrained(config, source)),
        twin=None if twin is None else partial(twins.columns, config, twin, partial(of_twin, twin)),
        unbalanced=None if unbalanced is None else test(unbalanced, learner),
    )
    own = test(config, learner)
    measured = evaluate(own, others, few)
    make_ups = build_make_ups(config, source)
    protocol = Protocol(evaluation.split, *make_ups, config.trainer.steps, source.reduced, _imbalance(config))
    found = summarise(measured, learner, protocol)
    if isinstance(measured.outcome, Classification):
        validation = build_episodes(config, source, learner, "val", evaluation.seed)
        tasks = TaskStream(validation, evaluation.tasks, evaluation.val_episodes)
        of_test = replace(own, stream=own.stream.first(few))
        found["calibration"] = calibration(replace(own, stream=tasks), of_test)
    return found, {**measured.columns, **measured.few, **measured.findings}


def unbalanced_config(config: DictConfig) -> DictConfig | None:
    """The config with U of unequal classes at test; None where U can't be so or is so anyway."""
    made = {
        **config.episode,
        **{key: value for key, value in config.episode.test.items() if value is not None},
    }
    balanced = made.get("imbalance") == 1 and made["class_aware"] and made.get("dirichlet") is None
    if _imbalance(config) <= 1 or not balanced or made["transductive"] or made["unlabelled"] < 2:
        return None
    changed = config.copy()
    changed.episode.test.imbalance = _imbalance(config)
    return changed


def _imbalance(config: DictConfig) -> float:
    """ρ of the second test; a run of before there was one has none."""
    return float(config.evaluation.get("imbalance", 1))


def retest(
    config: DictConfig,
    trained: Path,
    folder: Path,
    choices: Mapping[str, str],
    overrides: Sequence[str],
    twins: TwinTests | None = None,
) -> float:
    """Meta-tests what a run has trained, and its twin; returns the deciding score (an accuracy as 0..1).

    Args:
        config: of the test; its learner must fit the weights.
        trained: the folder of the run that has the weights.
        folder: made where it is missing; run.json, results.json and episodes.parquet go there.
        choices: the option of each config group, for the records.
        overrides: what the user typed, for the records.
        twins: tests of twins, which other runs have done and may use.
    """
    check_config(config)
    settle_process(config)
    about = provenance(choices, overrides, config.seed)
    source = build_source(config)
    task = build_task_spec(config, source)
    learner = build_learner(config, task)
    step = load_weights(learner, tested_checkpoint(config, trained))
    learner.to("cuda" if torch.cuda.is_available() and config.trainer.accelerator != "cpu" else "cpu")
    began = time.monotonic()
    twin = _twin_of(config, trained) if learner.ssl.objective.views else None
    results, columns = final_test(config, learner, build_engine(config, learner), source, twin, twins)
    results |= {"steps": step, "wall_seconds": round(time.monotonic() - began, 1)}
    results |= {"commit": about["git"]["revision"]}
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / ABOUT, about)
    write_results(folder, results, columns)
    print(results_text(results, task.outcome, folder))
    return float(results[task.outcome.score.name]["mean"])


def _twin_of(config: DictConfig, trained: Path) -> Path | None:
    """The weights of a run's twin: its own, where it used no U."""
    if is_twin(load_config(trained / CONFIG)):
        return tested_checkpoint(config, trained)
    return twin_checkpoint(trained)


def _twin(config: DictConfig, source: TaskSource, weights: Path) -> MetaLearner:
    """The learner with the weights of its twin, and without a use for U."""
    learner = build_learner(twin_config(config), build_task_spec(config, source))
    load_weights(learner, weights)
    return learner


def _untrained(config: DictConfig, source: TaskSource) -> MetaLearner:
    """The learner with the weights that it had before the training; no random number of the run is used."""
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        return build_learner(config, build_task_spec(config, source))
