"""What a meta-test leaves behind: a summary, a value for each episode, and a table to read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from omegaconf import DictConfig

from metassl.data.spec import EpisodeSpec, Range
from metassl.evaluation.intervals import Interval, over_episodes, paired
from metassl.evaluation.meta_test import Columns
from metassl.files import write_atomically, write_json
from metassl.learners.base import MetaLearner
from metassl.training.build import build_specs

CONTROL = "accuracy_without_unlabelled"
_USE = {
    "used": "share of U that counts",
    "accuracy": "labels of U that are right",
    "auroc": "AUROC, own classes against distractors",
}


def summarise(
    config: DictConfig,
    learner: MetaLearner,
    columns: Columns,
    baseline: Columns,
    unlabelled: Mapping[str, float],
) -> dict[str, Any]:
    """The content of results.json: protocol and intervals, accuracies as shares 0..1.

    Args:
        config: of the run.
        learner: after training.
        columns: values of every test episode.
        baseline: the same of the network without meta-training, on fewer episodes.
        unlabelled: what became of U on these fewer episodes, see `diagnose`.
    """
    trained, spec = build_specs(config)
    control = columns.get(CONTROL)
    return {
        "split": config.evaluation.split,
        "episodes": len(columns["accuracy"]),
        **_protocol(spec),
        "train": {**_protocol(trained), "label_ratio": trained.label_ratio},
        "at": learner.ssl.at,
        "norm": learner.backbone.norm,
        "reads_queries": learner.traits.reads_queries,
        "transductive": learner.transductive or spec.transductive,
        "steps": config.trainer.steps,
        "accuracy": _plain(over_episodes(columns["accuracy"])),
        "loss": float(np.mean(columns["loss"])),
        "without_unlabelled": None if control is None else _plain(over_episodes(control)),
        "gain": None if control is None else _plain(paired(columns["accuracy"], control)),
        "untrained": _plain(over_episodes(baseline["accuracy_untrained"])),
        "unlabelled_use": dict(unlabelled),
    }


def write_results(folder: Path, results: dict[str, Any], columns: Columns) -> None:
    """results.json and episodes.parquet; a column that covers fewer episodes ends in nulls."""
    count = results["episodes"]
    filled = {
        name: pa.array(list(v) + [None] * (count - len(v)), pa.float64()) for name, v in columns.items()
    }
    frame = pa.table({"episode": pa.array(range(count)), **filled})
    write_atomically(folder / "episodes.parquet", lambda path: pq.write_table(frame, path))
    write_json(folder / "results.json", results)


def table(results: Mapping[str, Any], choices: Mapping[str, str], folder: Path) -> str:
    """The answer to "what are my unlabelled examples worth?", as text."""
    rows = [("with unlabelled images", "accuracy"), ("the same without them", "without_unlabelled")]
    if results["without_unlabelled"] is None:
        rows = [("accuracy", "accuracy")]
    lines = [(text, _interval(results[key]).percent()) for text, key in rows]
    if results["gain"] is not None:
        gain = _interval(results["gain"])
        verdict = "CI excludes 0" if gain.excludes_zero else "CI includes 0"
        lines.append(("what they are worth (paired)", f"{gain.percent(signed=True)}  ({verdict})"))
    lines.append(("without meta-training", _interval(results["untrained"]).percent()))
    lines += [(_USE[name], f"{100 * value:.1f}") for name, value in results["unlabelled_use"].items()]
    mode = "transductive" if results["transductive"] else "inductive"
    mode = "AN ORACLE THAT READS THE QUERY LABELS" if results["reads_queries"] else mode
    head = (
        f"meta-test, {results['way']}-way {results['shot']}-shot, {results['unlabelled']} unlabelled and "
        f"{results['queries']} queries a class, {results['distractors']} distractor classes, "
        f"{results['episodes']} episodes, {mode} (norm={results['norm']})"
    )
    width = max(len(text) for text, _ in lines)
    body = [f"  {text:<{width}}  {value}" for text, value in lines]
    chance = f"  {'chance':<{width}}  {100 / _narrowest(results['way']):.1f}"
    return "\n".join(
        ["", head, "  accuracy in %, mean ± 95% CI", *body, chance, f"  written to {folder}", ""]
    )


def _protocol(spec: EpisodeSpec) -> dict[str, Any]:
    return {
        "way": _show(spec.way),
        "shot": _show(spec.shot),
        "queries": spec.queries,
        "unlabelled": "queries" if spec.transductive else spec.unlabelled,
        "distractors": spec.distractors,
        "distractor_unlabelled": spec.distractor_unlabelled,
        "imbalance": spec.imbalance,
        "class_aware": spec.class_aware,
    }


def _show(span: Range) -> int | list[int]:
    return span.low if span.fixed else [span.low, span.high]


def _narrowest(way: int | list[int]) -> int:
    return way if isinstance(way, int) else way[0]


def _plain(interval: Interval) -> dict[str, float]:
    return {"mean": interval.mean, "ci95": interval.half_width}


def _interval(plain: Mapping[str, float]) -> Interval:
    return Interval(plain["mean"], plain["ci95"], 0)
