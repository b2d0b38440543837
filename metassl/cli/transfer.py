"""Compare distances between tasks on a finished run of model=nearest_task.

    metassl transfer run=outputs/<when> [tasks=20] [distances=[mmd,wasserstein]]

For test tasks and stored tasks: the distance and the real gain of starting there, and the rank correlation
of the two for each distance. Writes transfer.json into the run's folder. Further words change the run's
config as in metassl evaluate, and --config-dir lets it build classes of your own.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from metassl.cli.choices import listed
from metassl.cli.composing import parse_words
from metassl.cli.evaluate import run_choices, run_config, run_folder
from metassl.construct import construct
from metassl.data.spec import to_count
from metassl.data.task_source import TaskSource
from metassl.data.task_stream import TaskStream
from metassl.errors import ConfigError, UserError, one_of
from metassl.evaluation.intervals import over_seeds
from metassl.evaluation.transfer import agreement, measure_transfer
from metassl.files import write_json
from metassl.learners.retrieval.distance import TaskDistance
from metassl.learners.retrieval.learner import RetrievalLearner
from metassl.reports.transfer import TransferReport
from metassl.runs.file_names import ABOUT
from metassl.shipped import conf_folder
from metassl.tasks.episode import Episode
from metassl.training.build import build_learner, build_source, build_task_spec, build_test_stream
from metassl.training.checkpoints import tested_checkpoint
from metassl.training.process import silence_hints
from metassl.training.weights import load_weights

TASKS = 20
COMPARED = ["mmd", "wasserstein", "labels", "random"]
FILE = "transfer.json"


def compare_distances(arguments: list[str]) -> Path:
    """Measures on the run that `run=FOLDER` names how each distance agrees with the real transfer.

    Prints a table and writes FOLDER/transfer.json. The run's own distance is always compared; one that has
    parameters, or keeps summaries of the stored tasks, only in a run of its own.
    """
    silence_hints()
    asked = run_folder(arguments)
    folder, words = asked.folder, asked.changes
    options = {o.key_or_group: o.value() for o in parse_words([w for w in words if _is_option(w)])}
    tasks = to_count("tasks", options.get("tasks", TASKS), 2)
    config = run_config(*asked._replace(changes=[w for w in words if not _is_option(w)]))
    own = run_choices(folder / ABOUT).get("distance", "own")
    source = build_source(config)
    learner = _trained(config, folder, source)
    distances = _distances(config, learner, own, listed(options.get("distances", COMPARED)))
    stream = build_test_stream(config, source, learner, tasks)
    found = measure_transfer(learner, _episodes(stream), distances)
    report = TransferReport(
        tasks=tasks,
        stored=int(learner.memory.count),
        distance=own,
        gains={"any task": over_seeds(found.gains.mean(1)), "the best": over_seeds(found.gains.max(1))},
        distances={name: agreement(found.gains, d) for name, d in found.distances.items()},
        oracles={name for name, distance in distances.items() if distance.reads_queries},
    )
    write_json(folder / FILE, report.record())
    print(report.table())
    return folder / FILE


def _is_option(word: str) -> bool:
    return word.split("=")[0] in ("tasks", "distances")


def _trained(config: DictConfig, folder: Path, source: TaskSource) -> RetrievalLearner:
    """The run's learner with its trained weights, if it has a memory of tasks."""
    learner = build_learner(config, build_task_spec(config, source))
    if not isinstance(learner, RetrievalLearner):
        raise UserError(f"run={folder}: found a model without a memory of tasks, needed is nearest_task.")
    load_weights(learner, tested_checkpoint(config, folder))
    count = int(learner.memory.count)
    if count < 2:
        raise UserError(f"run={folder}: found {count} stored tasks, needed are 2 or more.")
    return learner.eval()


def _distances(
    config: DictConfig, learner: RetrievalLearner, own: str, names: Sequence[str]
) -> dict[str, TaskDistance]:
    """The run's own distance and those of these names, with the constants of conf/distance/."""
    options = {path.stem: path for path in (conf_folder() / "distance").glob("*.yaml")}
    known = {"backbone": learner.backbone, "features": learner.backbone.out_dim}
    found = {own: learner.distance}
    for name in (n for n in names if n != own):
        if name not in options:
            raise ConfigError(one_of("distances", name, options))
        tree = OmegaConf.create({"model": config.model, "distance": OmegaConf.load(options[name])})
        distance: TaskDistance = construct(tree.distance, known)
        if distance.learned or distance.summary:
            raise ConfigError(
                f"distances: found '{name}', which keeps something of its own of every task; it is compared "
                f"in a run with distance={name}."
            )
        found[name] = distance
    return found


def _episodes(stream: TaskStream) -> Iterator[Episode]:
    """The tasks of the stream, one by one."""
    for batch in stream:
        for t in range(batch.episodes.count):
            yield batch.episodes.task(t)
