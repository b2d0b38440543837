"""Compare distances between tasks on a finished run of model=nearest_task or model=starts.

    metassl transfer run=outputs/<when> [tasks=20] [distances=[mmd,wasserstein]]

For test tasks and stored tasks, or the starts: the distance and the real gain of starting there, and the rank
correlation of the two for each distance. Writes transfer.json, a picture of the tasks by their distances,
transfer.png, and a page with both, transfer.md and transfer.html, into the run's folder. Further words change
the run's config as in metassl evaluate, and --config-dir lets it build classes of your own.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from omegaconf import DictConfig, OmegaConf

from metassl.cli.choices import listed
from metassl.cli.composing import parse_words
from metassl.cli.evaluate import run_choices, run_config, run_folder
from metassl.construct import construct
from metassl.data.spec import to_count
from metassl.data.task_source import TaskSource
from metassl.errors import ConfigError, UserError, one_of
from metassl.evaluation.intervals import over_seeds
from metassl.evaluation.transfer import agreement, measure_transfer
from metassl.files import write_json
from metassl.learners.retrieval.distance import TaskDistance
from metassl.learners.retrieval.learner import RetrievalLearner
from metassl.learners.starts.distance import StartDistance
from metassl.learners.starts.learner import StartsLearner
from metassl.reports.transfer import TransferReport, draw_tasks, write_transfer_page
from metassl.runs.file_names import ABOUT
from metassl.shipped import conf_folder
from metassl.tasks.episode import Episode, TaskBatch
from metassl.trained.build import build_learner
from metassl.training.build import build_source, build_task_spec, build_test_stream
from metassl.training.checkpoints import tested_checkpoint
from metassl.training.process import silence_hints
from metassl.training.weights import load_weights

TASKS = 20
FILE, PICTURE = "transfer.json", "transfer.png"
Startable = StartsLearner | RetrievalLearner


def compare_distances(arguments: list[str]) -> Path:
    """Measures on the run that `run=FOLDER` names how each distance agrees with the real transfer.

    Prints a table and writes FOLDER/transfer.json, and .png, .md and .html of the same name. The run's own
    distance is always compared; one that has parameters, or keeps summaries of the stored tasks, only in a
    run of its own.
    """
    silence_hints()
    asked = run_folder(arguments)
    folder, words = asked.folder, asked.changes
    options = {o.key_or_group: o.value() for o in parse_words([w for w in words if _is_option(w)])}
    tasks = to_count("tasks", options.get("tasks", TASKS), 2)
    config = run_config(*asked._replace(changes=[w for w in words if not _is_option(w)]))
    source = build_source(config)
    learner = _trained(config, folder, source)
    known = _known(learner)
    own = run_choices(folder / ABOUT).get(known.group, "own")
    names = listed(options.get("distances", known.compared))
    distances = _distances(config, learner, known.group, own, names)
    batches = list(build_test_stream(config, source, learner, tasks))
    found = measure_transfer(learner, _episodes(batches), distances)
    report = TransferReport(
        tasks=tasks,
        stored=found.gains.shape[1],
        kind=known.kind,
        distance=own,
        gains={"any of them": over_seeds(found.gains.mean(1)), "the best": over_seeds(found.gains.max(1))},
        distances={name: agreement(found.gains, d) for name, d in found.distances.items()},
        oracles={name for name, distance in distances.items() if distance.reads_queries},
    )
    write_json(folder / FILE, report.record())
    families = np.concatenate([batch.oracle.family.numpy() for batch in batches])
    draw_tasks(found.distances[own], families, folder / PICTURE)
    write_transfer_page(report, folder, PICTURE)
    print(report.table())
    return folder / FILE


def _is_option(word: str) -> bool:
    return word.split("=")[0] in ("tasks", "distances")


class Known(NamedTuple):
    """What a learner has starts of: their config group, what they are called, and what is compared."""

    group: str
    kind: str
    compared: list[str]


def _known(learner: Startable) -> Known:
    if isinstance(learner, StartsLearner):
        return Known("start_distance", "starts", ["fit", "random"])
    return Known("distance", "stored tasks", ["mmd", "wasserstein", "labels", "random"])


def _trained(config: DictConfig, folder: Path, source: TaskSource) -> Startable:
    """The run's learner with its trained weights, if it knows starts."""
    learner = build_learner(config, build_task_spec(config, source))
    if not isinstance(learner, StartsLearner | RetrievalLearner):
        raise UserError(
            f"run={folder}: found a model that knows no other tasks, needed is nearest_task, starts or "
            "mixed_starts."
        )
    load_weights(learner, tested_checkpoint(config, folder))
    if isinstance(learner, RetrievalLearner) and int(learner.memory.count) < 2:
        raise UserError(
            f"run={folder}: found {int(learner.memory.count)} stored tasks, needed are 2 or more."
        )
    return learner.eval()


def _distances(
    config: DictConfig, learner: Startable, group: str, own: str, names: Sequence[str]
) -> dict[str, Any]:
    """The run's own distance and those of these names, with the constants of conf/<group>/."""
    options = {path.stem: path for path in (conf_folder() / group).glob("*.yaml")}
    known = {"backbone": learner.backbone, "features": learner.backbone.out_dim}
    found: dict[str, Any] = {own: learner.distance}
    for name in (n for n in names if n != own):
        if name not in options:
            raise ConfigError(one_of("distances", name, options))
        tree = OmegaConf.create({"model": config.model, group: OmegaConf.load(options[name])})
        distance = construct(tree[group], known)
        if keeps_its_own(distance):
            raise ConfigError(
                f"distances: found '{name}', which keeps something of its own of every task; it is compared "
                f"in a run with {group}={name}."
            )
        found[name] = distance
    return found


def keeps_its_own(distance: TaskDistance | StartDistance) -> bool:
    """Whether a distance means nothing in a run that was not trained with it."""
    kept = distance.follows if isinstance(distance, StartDistance) else distance.summary
    return distance.learned or bool(kept)


def _episodes(batches: Sequence[TaskBatch]) -> Iterator[Episode]:
    """The tasks of the batches, one by one."""
    for batch in batches:
        for t in range(batch.episodes.count):
            yield batch.episodes.task(t)
