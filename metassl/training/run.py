"""One run from its config to its results: meta-train it and its twin, meta-test both, write."""

import shutil
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from omegaconf import DictConfig

from metassl.evaluation.results import results_text, write_results
from metassl.files import write_atomically
from metassl.provenance import git_state
from metassl.runs.file_names import CHECKPOINTS
from metassl.runs.twins import TwinStore, resumable
from metassl.training.checkpoints import TWIN, tested_checkpoint, twin_checkpoint
from metassl.training.final_test import final_test
from metassl.training.meta_train import Trained, meta_train
from metassl.training.tracker import close_trackers
from metassl.training.tracker_results import tell_trackers
from metassl.training.twin import is_twin, twin_config, twin_key
from metassl.training.twin_tests import TwinTests


def train_and_test(
    config: DictConfig,
    folder: Path,
    choices: Mapping[str, str],
    overrides: Sequence[str],
    vouched: Collection[str] = (),
    twins: TwinTests | None = None,
) -> float | None:
    """Runs a whole config; returns the best validation's deciding score, None on ranks that don't test.

    It is the validation's because whoever searches by it may see no test.

    Args:
        config: as composed by Hydra.
        folder: of the run; everything it leaves behind is there.
        choices: the option of each config group, for the records.
        overrides: what the user typed, for the records.
        vouched: what the config of a resumed run may build besides this package's and torch's classes.
        twins: tests of twins, which other runs have done and may use.
    """
    trained = _trained(config, folder, choices, overrides, vouched)
    if trained is None:
        return None
    try:
        if config.evaluation.twin and trained.learner.ssl.objective.views:
            _provide_twin(config, folder, choices, overrides, vouched)
        began = time.monotonic()
        results, columns = final_test(
            config, trained.learner, trained.engine, trained.source, twin_checkpoint(folder), twins
        )
        seconds = trained.seconds + time.monotonic() - began
        found = {"mean": trained.validation.mean, "ci95": trained.validation.half_width, "step": trained.step}
        results |= {"validation": found, "wall_seconds": round(seconds, 1), "commit": git_state()["revision"]}
        write_results(folder, results, columns)
        print(results_text(results, trained.task.outcome, folder))
        tell_trackers(trained.loggers, config, results, folder)
    finally:
        close_trackers(trained.loggers)
    return trained.validation.mean


def _trained(
    config: DictConfig,
    folder: Path,
    choices: Mapping[str, str],
    overrides: Sequence[str],
    vouched: Collection[str],
) -> Trained | None:
    """The run's own training; one without unlabelled examples is kept as a twin for others."""
    if not is_twin(config) or not _alone(config):
        return meta_train(config, folder, choices, overrides, vouched)
    store, key = TwinStore(Path(config.paths.twin_dir)), twin_key(config)
    with store.lock(key):
        trained = meta_train(config, folder, choices, overrides, vouched)
        store.add(key, folder)
    return trained


def _provide_twin(
    config: DictConfig,
    folder: Path,
    choices: Mapping[str, str],
    overrides: Sequence[str],
    vouched: Collection[str],
) -> None:
    """Sees to it that the run's folder has the weights of its twin: trained before, or now."""
    store, key = TwinStore(Path(config.paths.twin_dir)), twin_key(config)
    with store.lock(key):
        twin = store.find(key)
        if twin is None and config.evaluation.train_twin and _alone(config):
            twin = store.home(key)
            own = twin_config(config)
            own.resume = None if resumable(twin) is None else str(twin)
            own.paths.output_dir = str(twin)
            words = [word for word in overrides if not word.lstrip("+~").startswith("ssl")]
            print("its twin, to say what unlabelled examples are worth: ", end="")
            meta_train(own, twin, {**choices, "ssl": "none"}, [*words, "ssl=none"], vouched)
            store.add(key, twin)
    if twin is not None:
        weights = tested_checkpoint(config, twin)
        write_atomically(folder / CHECKPOINTS / TWIN, lambda path: shutil.copyfile(weights, path))


def _alone(config: DictConfig) -> bool:
    """Whether one process trains: Lightning starts others once a command, for its first training."""
    return str(config.trainer.devices) == "1"
