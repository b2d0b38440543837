"""The meta-test that ends a run, and the same again with the weights of a checkpoint."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from metassl.data.task_source import TaskSource
from metassl.engine.base import Engine
from metassl.evaluation.evaluate import evaluate
from metassl.evaluation.features import MetaTest
from metassl.evaluation.meta_test import Columns
from metassl.evaluation.results import results_text, write_results
from metassl.evaluation.summary import Protocol, summarise
from metassl.files import write_json
from metassl.learners.base import MetaLearner
from metassl.provenance import provenance
from metassl.runs.file_names import ABOUT
from metassl.training.build import (
    build_engine,
    build_learner,
    build_make_ups,
    build_source,
    build_task_spec,
    build_test_stream,
)
from metassl.training.process import settle_process
from metassl.training.weights import load_weights


def final_test(
    config: DictConfig, learner: MetaLearner, engine: Engine, source: TaskSource
) -> tuple[dict[str, Any], Columns]:
    """Summary and per-episode values of a trained learner, tested as its config says."""
    evaluation = config.evaluation
    stream = build_test_stream(config, source, learner, evaluation.episodes)
    few = min(evaluation.episodes, evaluation.baseline_episodes)
    measured = evaluate(MetaTest(learner, engine, stream), _untrained(config, source), few)
    train, test = build_make_ups(config, source)
    protocol = Protocol(evaluation.split, train, test, config.trainer.steps, source.reduced)
    return summarise(measured, learner, protocol), {**measured.columns, **measured.baseline}


def retest(
    config: DictConfig, checkpoint: Path, folder: Path, choices: Mapping[str, str], overrides: Sequence[str]
) -> float:
    """Meta-tests the weights of a checkpoint and returns the deciding score (an accuracy as 0..1).

    Args:
        config: of the test; its learner must fit the weights.
        checkpoint: has the weights.
        folder: made where it is missing; run.json, results.json and episodes.parquet go there.
        choices: the option of each config group, for the records.
        overrides: what the user typed, for the records.
    """
    settle_process(config)
    about = provenance(choices, overrides, config.seed)
    source = build_source(config)
    task = build_task_spec(config, source)
    learner = build_learner(config, task)
    step = load_weights(learner, checkpoint)
    learner.to("cuda" if torch.cuda.is_available() and config.trainer.accelerator != "cpu" else "cpu")
    began = time.monotonic()
    results, columns = final_test(config, learner, build_engine(config, learner), source)
    results |= {"steps": step, "wall_seconds": round(time.monotonic() - began, 1)}
    results |= {"commit": about["git"]["revision"]}
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / ABOUT, about)
    write_results(folder, results, columns)
    print(results_text(results, task.outcome, folder))
    return float(results[task.outcome.score.name]["mean"])


def _untrained(config: DictConfig, source: TaskSource) -> MetaLearner:
    """The learner with the weights that it had before the training; no random number of the run is used."""
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        return build_learner(config, build_task_spec(config, source))
