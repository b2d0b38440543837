"""The distances between tasks compared on a finished run."""

from collections.abc import Iterator
from dataclasses import asdict
from math import isnan
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from metassl.cli.arguments import parse_words
from metassl.cli.evaluate import run_choices, run_config, run_folder
from metassl.data.pool import Contents
from metassl.data.spec import to_count
from metassl.data.task_stream import TaskStream
from metassl.errors import ConfigError, UserError, one_of
from metassl.evaluation.intervals import Interval, over_seeds
from metassl.files import write_json
from metassl.instantiate import instantiate
from metassl.learners.gradient.learner import BACKBONE
from metassl.learners.retrieval.distance import TaskDistance
from metassl.learners.retrieval.learner import RetrievalLearner
from metassl.learners.retrieval.transfer import Agreement, agreement, measure
from metassl.tasks.episode import Episode
from metassl.training.build import build_contents, build_learner, build_task_spec, build_test_stream
from metassl.training.checkpoints import tested_checkpoint
from metassl.training.run import quiet
from metassl.training.weights import load_weights

TASKS = 20
COMPARED = ("mmd", "wasserstein", "labels", "random")
FILE = "transfer.json"


def compare(words: list[str], conf: Path) -> Path:
    """Measures on the run that `run=FOLDER` names how each distance agrees with the real transfer.

    `tasks=20` and `distances=[mmd,wasserstein]` choose; further words change the run's config as in
    scripts/evaluate.py. Prints a table and writes FOLDER/transfer.json. The run's own distance is always
    compared; one that has parameters, or keeps summaries of the stored tasks, only in a run of its own.

    Args:
        words: of the command line.
        conf: the folder of the config groups.
    """
    quiet()
    folder, words = run_folder(words)
    options = {o.key_or_group: o.value() for o in parse_words([w for w in words if _is_option(w)])}
    tasks = to_count("tasks", options.get("tasks", TASKS), 2)
    config = run_config(folder, [w for w in words if not _is_option(w)])
    own = run_choices(folder / "run.json").get("distance", "own")
    contents = build_contents(config)
    learner = _trained(config, folder, contents)
    named = _distances(config, learner, own, options.get("distances", COMPARED), conf)
    transfer = measure(learner, _episodes(build_test_stream(config, contents, learner, tasks)), named)
    found = {name: agreement(transfer.gains, d) for name, d in transfer.distances.items()}
    gains = {"any task": over_seeds(transfer.gains.mean(1)), "the best": over_seeds(transfer.gains.max(1))}
    about = {"tasks": tasks, "stored": int(learner.memory.count), "distance": own}
    parts = {"gains": gains, "distances": {name: asdict(value) for name, value in found.items()}}
    write_json(folder / FILE, {**about, **_plain(parts)})
    oracles = {name for name, distance in named.items() if distance.reads_queries}
    print(_table(found, gains, about, oracles))
    return folder / FILE


def _is_option(word: str) -> bool:
    return word.split("=")[0] in ("tasks", "distances")


def _trained(config: DictConfig, folder: Path, contents: Contents) -> RetrievalLearner:
    learner = build_learner(config, build_task_spec(config, contents))
    if not isinstance(learner, RetrievalLearner):
        raise UserError(f"run={folder}: found a model without a memory of tasks, needed is nearest_task.")
    load_weights(learner, tested_checkpoint(config, folder))
    count = int(learner.memory.count)
    if count < 2:
        raise UserError(f"run={folder}: found {count} stored tasks, needed are 2 or more.")
    return learner.eval()


def _distances(
    config: DictConfig, learner: RetrievalLearner, own: str, names: Any, conf: Path
) -> dict[str, TaskDistance]:
    """The run's own distance and those of these names, with the constants of conf/distance/."""
    names = [names] if isinstance(names, str) else names
    options = {path.stem: path for path in (conf / "distance").glob("*.yaml")}
    backbone = {n: p for n, p in learner.named_parameters() if n.startswith(BACKBONE)}
    found = {own: learner.distance}
    for name in (n for n in names if n != own):
        if name not in options:
            raise ConfigError(one_of("distances", name, options))
        tree = OmegaConf.create({"model": config.model, "distance": OmegaConf.load(options[name])})
        distance = instantiate(tree.distance)
        if distance.learned or distance.bind(learner.backbone.out_dim, backbone):
            raise ConfigError(
                f"distances: found '{name}', which keeps something of its own of every task; it is compared "
                f"in a run with distance={name}."
            )
        found[name] = distance
    return found


def _episodes(stream: TaskStream) -> Iterator[Episode]:
    for batch in stream:
        for t in range(batch.episodes.count):
            yield batch.episodes.task(t)


def _table(
    found: dict[str, Agreement], gains: dict[str, Interval], about: dict[str, Any], oracles: set[str]
) -> str:
    lines = [
        f"{about['tasks']} test tasks, {about['stored']} stored tasks of a run with "
        f"distance={about['distance']}; mean ± 95% CI (t) over the test tasks",
        f"{'start':<14}{'rank correlation of -d and gain':<34}gain in cross-entropy",
    ]
    for name, value in found.items():
        note = "  NO METHOD: reads the QUERY LABELS" if name in oracles else ""
        lines.append(f"{name:<14}{_show(value.correlation):<34}{_show(value.nearest)}{note}")
    return "\n".join([*lines, *(f"{name:<48}{_show(gain)}" for name, gain in gains.items())])


def _show(interval: Interval) -> str:
    if isnan(interval.mean):
        return "n/a"
    return f"{interval.mean:+.3f} ± {interval.half_width:.3f}"


def _plain(content: Any) -> Any:
    """Ready for JSON, which knows no nan."""
    if isinstance(content, Interval):
        return _plain(asdict(content))
    if isinstance(content, dict):
        return {key: _plain(value) for key, value in content.items()}
    return None if isinstance(content, float) and isnan(content) else content
